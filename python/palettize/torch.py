"""Codebook files of palettize as tensors of torch, in the dtypes of the original model:

model = BertModel(config)
palettize.torch.load_into(model, "model.pal")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palettize._program import Entry, PathLike, Stream

__all__ = ["Names", "load_file", "load_into"]

# By their names in safetensors. What this torch does not have is uint8, the bytes of the file.
_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


class Names(NamedTuple):
    """Names that only one of a module and a file has."""

    missing: list[str]  # parameters and buffers of the module that the file lacks
    unexpected: list[str]  # tensors of the file that the module lacks


def load_file(path: PathLike, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """Return all tensors of a codebook file, of a folder of several or of their index, by name."""
    with Stream(path) as stream:
        return {entry.name: tensor.to(device) for entry, tensor in _tensors(stream)}


@torch.no_grad()
def load_into(module: torch.nn.Module, path: PathLike, strict: bool = True) -> Names:
    """Copy the tensors of a codebook file into the parameters and buffers of these names, and
    return names of only one side.

    Each is copied as it comes, so that memory holds one tensor beside the module, and converted to
    the dtype and the device that the module has it in. Nothing is copied if a shape differs or,
    with strict, a name: that is a ValueError. Parameters that share their memory, tied weights,
    need be in the file under one of their names only.
    """
    state = module.state_dict()
    with Stream(path) as stream:
        known = [entry for entry in stream.entries if entry.name in state]
        there = {state[entry.name].data_ptr() or entry.name for entry in known}
        names = Names(
            [name for name, own in state.items() if (own.data_ptr() or name) not in there],
            [entry.name for entry in stream.entries if entry.name not in state],
        )
        if strict and (names.missing or names.unexpected):
            raise ValueError(
                f"{path}: the module has {_some(names.missing)} that the file lacks, "
                f"the file {_some(names.unexpected)} that the module lacks; "
                "strict=False passes over them"
            )
        for entry in known:
            own = state[entry.name]
            if list(own.shape) != entry.shape:
                raise ValueError(
                    f"{path}: tensor {entry.name} is {entry.shape}, the module's {list(own.shape)}"
                )
            if own.is_meta:
                why = "has no memory yet: module.to_empty(device=...) gives it some"
                raise ValueError(f"{entry.name} of the module {why}")
        for entry, tensor in _tensors(stream):
            if entry.name in state:
                state[entry.name].copy_(tensor)
    return names


def _tensors(stream: Stream) -> Iterator[tuple[Entry, torch.Tensor]]:
    for entry, data in stream:
        yield entry, _tensor(entry, data)


def _tensor(entry: Entry, data: NDArray[np.uint8]) -> torch.Tensor:
    kind: Any = getattr(torch, _TYPES.get(entry.dtype, ""), None)
    raw = torch.from_numpy(data)
    if kind is None:
        return raw
    return (
        raw.view(kind).reshape(entry.shape) if entry.size else torch.empty(entry.shape, dtype=kind)
    )


def _some(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    return f"{names[0]} and {len(names) - 1} more" if names[1:] else "".join(names) or "none"
