"""The interaction log inside a bundle: catalog rows and numbered users, in one Parquet file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longtail.retrieval.data.interactions import Interactions

OPTIONAL = ("weight", "label", "part")


def save_interactions(log: Interactions, path: Path) -> None:
    """Write the log; user ids are stored once, as a dictionary."""
    users = pa.DictionaryArray.from_arrays(
        pa.array(log.user, pa.int32()), pa.array(log.user_ids, pa.string())
    )
    columns = {"user_id": users, "item_row": pa.array(log.item), "time": pa.array(log.time)}
    for name in OPTIONAL:
        if (values := getattr(log, name)) is not None:
            columns[name] = pa.array(values)
    # Users without an event would be lost with the dictionary, so all ids go into the header.
    header = {
        "has_clock": json.dumps(log.has_clock),
        "user_ids": json.dumps(list(log.user_ids)),
    }
    pq.write_table(pa.table(columns).replace_schema_metadata(header), path, compression="zstd")


def load_interactions(path: Path) -> Interactions:
    """Return a log that `save_interactions` wrote."""
    table = pq.read_table(path)
    header = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    user_ids = np.array(json.loads(header["user_ids"]), dtype=object)
    position = {user: i for i, user in enumerate(user_ids)}
    encoded = table["user_id"].combine_chunks()
    codes = np.array([position[u] for u in encoded.dictionary.to_pylist()], np.int32)
    columns = {
        name: table[name].to_numpy() if name in table.column_names else None for name in OPTIONAL
    }
    return Interactions(
        user_ids=user_ids,
        user=codes[encoded.indices.to_numpy()],
        item=table["item_row"].to_numpy(),
        time=table["time"].to_numpy(),
        has_clock=json.loads(header["has_clock"]),
        **columns,
    )
