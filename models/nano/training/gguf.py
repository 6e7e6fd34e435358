"""Writes GGUF files, version 3, little endian (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""

import struct
from pathlib import Path

import numpy as np

ALIGNMENT = 32
BLOCK = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPES = {"F32": 0, "F16": 1, "Q8_0": 8}
Metadata = list[tuple[str, object]]


def write_gguf(path: Path, metadata: Metadata, tensors: dict[str, tuple[str, np.ndarray]]) -> None:
    """`tensors` holds type and values; the last axis of the values is the contiguous one, and the format's first."""
    header = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    header += [_string(key) + _typed(value) for key, value in metadata]
    data: list[bytes] = []
    offset = 0
    for name, (kind, values) in tensors.items():
        encoded = _padded(encode(kind, values))
        dimensions = struct.pack(f"<I{values.ndim}Q", values.ndim, *reversed(values.shape))
        header.append(_string(name) + dimensions + struct.pack("<IQ", TYPES[kind], offset))
        data.append(encoded)
        offset += len(encoded)
    path.write_bytes(_padded(b"".join(header)) + b"".join(data))


def encode(kind: str, values: np.ndarray) -> bytes:
    """The tensor's bytes. Q8_0 is blocks of 32: a half-precision step, then that many signed bytes."""
    if kind == "F32":
        return values.astype("<f4").tobytes()
    if kind == "F16":
        return values.astype("<f2").tobytes()
    steps, counts = quantize(values)
    blocks = np.concatenate([steps.view(np.int8).reshape(-1, 2), counts.reshape(-1, BLOCK)], axis=1)
    return blocks.tobytes()


def quantize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and counts of the blocks of 32, as the engine's own quantiser rounds them."""
    blocks = values.astype(np.float32).reshape(-1, BLOCK)
    steps = np.abs(blocks).max(axis=1, keepdims=True) / 127
    inverse = np.divide(1, steps, out=np.zeros_like(steps), where=steps > 0)
    scaled = blocks * inverse
    counts = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)
    return steps.astype("<f2"), counts.astype(np.int8)


def as_stored(kind: str, values: np.ndarray) -> np.ndarray:
    """The values that a reader of the file gets."""
    if kind == "F32":
        return values.astype(np.float32)
    if kind == "F16":
        return values.astype(np.float16).astype(np.float32)
    steps, counts = quantize(values)
    return (steps.astype(np.float32) * counts).reshape(values.shape)


def _typed(value: object) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _string(value)
    assert isinstance(value, list)
    if isinstance(value[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(value)) + b"".join(map(_string, value))
    return struct.pack(f"<IIQ{len(value)}i", ARRAY, INT32, len(value), *value)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
