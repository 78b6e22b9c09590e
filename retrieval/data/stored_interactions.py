"""The interaction log inside a bundle: catalog rows and numbered users, in one Parquet file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longtail.retrieval.data.interactions import Interactions

OPTIONAL = ("weight", "label", "part")
# Of a footer, which Arrow otherwise refuses from 100 million bytes on.
_MOST_FOOTER_BYTES = 2**31 - 1


def save_interactions(log: Interactions, path: Path) -> None:
    """Write the log; row i holds event i and, in another column, the id of user i.

    There are users without an event, and more events than users, so either may end in nulls.
    """
    rows = max(len(log), len(log.user_ids))
    ids = pa.chunked_array([pa.array(log.user_ids[i:j], pa.string()) for i, j in _blocks(log)])
    columns = {"user_ids": _padded(ids, rows)}
    events = {"user": log.user, "item_row": log.item, "time": log.time}
    events |= {name: getattr(log, name) for name in OPTIONAL if getattr(log, name) is not None}
    columns |= {name: _padded(pa.array(values), rows) for name, values in events.items()}
    header = {
        "has_clock": json.dumps(log.has_clock),
        "events": json.dumps(len(log)),
        "users": json.dumps(len(log.user_ids)),
    }
    pq.write_table(pa.table(columns).replace_schema_metadata(header), path, compression="zstd")


def load_interactions(path: Path) -> Interactions:
    """Return a log that `save_interactions` wrote, this version's or an earlier one's."""
    table = pq.read_table(path, thrift_string_size_limit=_MOST_FOOTER_BYTES)
    header = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    if "user_ids" in header:
        user_ids, user = _users_of_footer(table, header["user_ids"])
        events = table.num_rows
    else:
        events, users = json.loads(header["events"]), json.loads(header["users"])
        user_ids = _objects(table["user_ids"].slice(0, users))
        user = table["user"].slice(0, events).to_numpy()
    columns: dict[str, Any] = {
        name: table[name].slice(0, events).to_numpy() if name in table.column_names else None
        for name in ("item_row", "time", *OPTIONAL)
    }
    return Interactions(
        user_ids=user_ids,
        user=user,
        item=columns.pop("item_row"),
        time=columns.pop("time"),
        has_clock=json.loads(header["has_clock"]),
        **columns,
    )


def _blocks(log: Interactions) -> list[tuple[int, int]]:
    size = 1 << 20  # a million ids of 512 characters fit into one array of Arrow's
    return [(i, i + size) for i in range(0, max(len(log.user_ids), 1), size)]


def _padded(values: Any, rows: int) -> Any:
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    return pa.chunked_array([*chunks, pa.nulls(rows - len(values), values.type)])


def _objects(ids: Any) -> Any:
    return np.array(ids.to_pylist(), dtype=object)


def _users_of_footer(table: Any, user_ids: str) -> tuple[Any, Any]:
    """Return what files said that kept all ids in the footer, which has room for few."""
    ids = np.array(json.loads(user_ids), dtype=object)
    position = {user: i for i, user in enumerate(ids)}
    encoded = table["user_id"].combine_chunks()
    codes = np.array([position[u] for u in encoded.dictionary.to_pylist()], np.int32)
    return ids, codes[encoded.indices.to_numpy()]
