"""Codebook files of palettize as numpy arrays.

The package carries the palettize program and reads what it writes:

    weights = palettize.load_file("model.pal")           # all tensors, as a dict
    for name, array in palettize.load("model.pal"):      # one at a time
        ...
    palettize.compress("model.safetensors", bits=3)      # writes model.pal
    palettize.save({"w": array}, "w.pal", max_error=0.05)

Arrays have the shapes and dtypes of the original model, and are bit for bit what ``palettize
decompress`` writes. numpy itself has no bfloat16 and no 8-bit floats: arrays of BF16, F8_E4M3 and
F8_E5M2 are of the types of package ml_dtypes where it is installed, else float32, which holds each
of their values exactly. Types of 8 bits and less that codebooks never have, and ml_dtypes neither
where it is missing, are the bytes of the file, as uint8. `palettize.torch` has torch's own types.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from errno import ENOENT
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palettize._program import Entry, Error, Flag, PathLike, Stream, program, report_of, run

__all__ = ["Error", "compress", "load", "load_file", "program", "run", "save"]
__version__ = version(__name__)


def load_file(path: PathLike) -> dict[str, NDArray[Any]]:
    """Return all tensors of a codebook file, of a folder of several or of their index, by name."""
    return dict(load(path))


def load(
    path: PathLike, names: str | Iterable[str] | None = None
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the name and the array of each tensor, in the order of the file, while the program
    rebuilds them.

    names chooses some, by their names or by patterns such as ``encoder.layer.0.*``; only these are
    rebuilt. One that matches nothing is an error. Memory holds one array at a time beside those
    that you keep. Nothing runs before the first is asked for; what is left of the work when you
    stop is not done.
    """
    for some in [None] if names is None else _batches([names] if isinstance(names, str) else names):
        with Stream(path, some) as stream:
            for entry, data in stream:
                yield entry.name, _array(entry, data)


def compress(model: PathLike, output: PathLike | None = None, **flags: Flag) -> dict[str, Any]:
    """Write a codebook file of a model, and return the report.

    model is a .safetensors file, its index or a Hugging Face folder; output is beside it unless it
    is given. The flags are those of ``palettize compress --help``: bits=3, max_error="total:0.05",
    include=["encoder.*"], force=True to overwrite.
    """
    return run("compress", model, output=output, **flags)


def save(
    tensors: Mapping[str, NDArray[Any]],
    path: PathLike,
    metadata: Mapping[str, str] | None = None,
    **flags: Flag,
) -> dict[str, Any]:
    """Write arrays as a codebook file, and return the report; the flags are those of compress.

    Meanwhile a folder beside it holds them uncompressed: matrices are read more than once.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, "no such folder", str(path.parent))
    with tempfile.TemporaryDirectory(prefix=".palettize-", dir=path.parent) as folder:
        dense = Path(folder) / "tensors.safetensors"
        _write(dense, tensors, metadata)
        known = {str(dense): "tensors"}  # what is said is not to be of a path that is gone
        report = report_of("compress", [dense], {**flags, "output": path}, known)
        return {**report, "model": "tensors"}


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Names in as many lists as command lines take; Windows has room for 32,767 characters."""
    batch: list[str] = []
    for name in names:
        if batch and sum(map(len, batch)) + 20 * len(batch) + len(name) > 20_000:
            yield batch
            batch = []
        batch.append(name)
    if batch:
        yield batch


# The types of numpy, and of ml_dtypes, by their names in safetensors.
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "?",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
}  # fmt: skip
_ML_TYPES = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


@cache
def _type(dtype: str) -> np.dtype[Any] | None:
    """The numpy type of a dtype, None where there is none here."""
    if dtype in _TYPES:
        return np.dtype(_TYPES[dtype])
    try:
        import ml_dtypes  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None
    kind = getattr(ml_dtypes, _ML_TYPES.get(dtype, ""), None)
    return kind and np.dtype(kind)


def _array(entry: Entry, data: NDArray[np.uint8]) -> NDArray[Any]:
    """The values of a tensor with these bytes."""
    kind = _type(entry.dtype)
    if kind is not None:
        return data.view(kind).reshape(entry.shape)
    if entry.dtype == "BF16":
        wide = data.view("<u2").astype("<u4")
        wide <<= 16
        return wide.view("<f4").reshape(entry.shape)
    if entry.dtype == "F8_E5M2":  # the upper half of an F16
        return (data.astype("<u2") << 8).view("<f2").astype("<f4").reshape(entry.shape)
    if entry.dtype == "F8_E4M3":
        code = np.arange(128)
        values = np.ldexp(code % 8 + 8.0 * (code > 7), np.maximum(code // 8, 1) - 10).astype("<f4")
        values[127] = np.nan
        return np.concatenate([values, -values])[data].reshape(entry.shape)
    return data


def _write(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None
) -> None:
    """Write arrays as a safetensors file."""
    types = {np.dtype(kind): dtype for dtype, kind in _TYPES.items()}
    types |= {kind: dtype for dtype in _ML_TYPES if (kind := _type(dtype)) is not None}
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)  # so that each is aligned
    end = 0
    for name in order:
        array = arrays[name]
        dtype = types.get(array.dtype.newbyteorder("<"))
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no name of a tensor: names are strings")
        if dtype is None:
            raise TypeError(f"tensor {name!r}: safetensors files have no {array.dtype}")
        place = [end, end + array.nbytes]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": place}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            array = arrays[name]
            array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            f.write(array.reshape(-1).view(np.uint8).data)
