"""Writes a small model with tensors of all dtypes of safetensors, to try readers on: python
dtypes.py OUT.safetensors
"""

import json
import sys

import numpy as np

from decode import stored

INTEGERS = {
    "U64": "<u8",
    "I64": "<i8",
    "U32": "<u4",
    "I32": "<i4",
    "U16": "<u2",
    "I16": "<i2",
    "U8": "u1",
    "I8": "i1",
}
BYTES = {
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E8M0": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
}  # bits, of what nothing computes with

rng = np.random.default_rng(1)
tensors = {
    "blocks.weight_scale_inv": ("F32", [2, 3], rng.uniform(0.5, 2, 6).astype("<f4").tobytes())
}
for name, dtype, *shape in [
    ("blocks", "F8_E4M3", 256, 384),
    ("e4m3", "F8_E4M3", 128, 144),
    ("e5m2", "F8_E5M2", 128, 144),
    ("half", "F16", 128, 144),
    ("brain", "BF16", 128, 144),
    ("single", "F32", 128, 144),
    ("double", "F64", 128, 144),
    ("scalar", "F64"),
    ("nothing", "F32", 0, 3),
]:
    tensors[name + ".weight"] = (
        dtype,
        shape,
        stored(rng.standard_normal(shape).astype(np.float32), dtype),
    )
for dtype in ("F8_E4M3", "F8_E5M2"):
    tensors["all " + dtype] = dtype, [256], bytes(range(256))
tensors["all BF16"] = "BF16", [1 << 16], np.arange(1 << 16).astype("<u2").tobytes()
for dtype, kind in INTEGERS.items():
    tensors[dtype] = dtype, [5], np.arange(5).astype(kind).tobytes()
tensors["BOOL"] = "BOOL", [3], bytes([1, 0, 1])
tensors["C64"] = "C64", [2, 1], np.array([1 + 2j, -3j]).astype("<c8").tobytes()
for dtype, bits in BYTES.items():
    tensors[dtype] = dtype, [3, 8], bytes(range(3 * bits))

header, end = {"__metadata__": {"format": "pt"}}, 0
for name, (dtype, shape, data) in tensors.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
    end += len(data)
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as f:
    f.write(
        len(text).to_bytes(8, "little") + text + b"".join(data for _, _, data in tensors.values())
    )
