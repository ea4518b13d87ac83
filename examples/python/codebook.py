"""A codebook file as a dictionary of numpy arrays, on top of decode.py:

    weights = Codebook("model.pal")                 # or a folder of several files, or their index
    weights["encoder.layer.0.output.dense.weight"]  # is rebuilt whenever it is asked for
    weights.load()                                  # all of them as a dict, ten times as fast as one by one

    python codebook.py CODEBOOK DENSE               # compares each with what palettize decompress wrote

Arrays have the shapes and the dtypes of the original. Of those that numpy does not have, BF16, F8_E4M3 and F8_E5M2 become
float32, which holds their values exactly, and others are the bytes that the file has.
"""
import json
import os
import sys
from collections.abc import Mapping

import numpy as np

from decode import FLOAT8, MASKS, formula, narrowed, parts, stacks, stored

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "?", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
          "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"}
FINITE = {name: len(values) for name, values in FLOAT8.items()}
FLOAT8 = {name: np.append(values, np.full(128 - len(values), np.nan)).astype("<f4") for name, values in FLOAT8.items()}
FLOAT8["F8_E5M2"][FINITE["F8_E5M2"]] = np.inf
LANES, TOGETHER = 8, 128  # lanes of a block, blocks that are decoded at the same time


def array(data, dtype, shape):
    """The values of a tensor with these bytes."""
    if dtype == "BF16":
        return (data.view("<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    if dtype in FLOAT8:
        return np.concatenate([FLOAT8[dtype], -FLOAT8[dtype]])[data].reshape(shape)
    return data.view(DTYPES[dtype]).reshape(shape) if dtype in DTYPES else data


class File:
    """One file, with the methods of safetensors' safe_open."""

    def __init__(self, path):
        with open(path, "rb") as f:
            n = int.from_bytes(f.read(8), "little")
            self.tensors = json.loads(f.read(n))
        self.entries = self.tensors.pop("__metadata__", None) or {}
        empty = os.path.getsize(path) == 8 + n  # which cannot be mapped
        self.data = np.zeros(0, np.uint8) if empty else np.asarray(np.memmap(path, np.uint8, "r", 8 + n))

    def metadata(self):
        return self.entries

    def keys(self):
        return self.tensors.keys()

    def get_tensor(self, name):
        t = self.tensors[name]
        return array(self.data[slice(*t["data_offsets"])].copy(), t["dtype"], t["shape"])


def paths(path):
    """The files of a model."""
    if os.path.isdir(path):
        inside = [os.path.join(path, "model" + end) for end in (".pal", ".pal.index.json", ".safetensors", ".safetensors.index.json")]
        path = next(filter(os.path.exists, inside), inside[0])
    if not path.endswith(".index.json"):
        return [path]
    with open(path, "rb") as f:
        names = sorted(set(json.load(f)["weight_map"].values()))
    if outside := [name for name in names if os.path.basename(name) != name]:
        raise ValueError(f"{path}: {outside[0]} is no name of a file beside it")
    return [os.path.join(os.path.dirname(path), name) for name in names]


def order(block):
    """The weights of a block [rows, columns, a multiple of 8] in the order in which they are coded, [steps, 8]."""
    return block.reshape(len(block), -1, LANES).swapaxes(0, 1).reshape(-1, LANES)


def together(blocks):
    """The levels of each block. A step is one weight in each lane of all blocks; those with the most steps go first."""
    count = [b.classes.shape[0] * -(-b.classes.shape[1] // LANES) for b in blocks]
    ranks = np.argsort(count, kind="stable")[::-1]
    # All classes of all layers behind one that takes no slot and no word, which is that of missing columns.
    tables, starts = [np.array([[[[0] * 4096, [4096] * 4096, [0] * 4096]] * 2])], {}
    for b in blocks:
        if id(b.tables) not in starts:
            starts[id(b.tables)] = sum(map(len, tables))
            tables.append(b.tables)
    level, freq, start = np.moveaxis(np.concatenate(tables), 2, 0).reshape(3, -1)
    bias, level, half = np.arange(len(level)) % 4096 - start, level.astype(np.int8), level >> 1 & 1
    # States of all trellises, one after the other: whether levels are odd, and where a level with this half leads.
    bases = {m: sum(1 << other for other in MASKS if other < m) for m in MASKS}
    odd, follower = [], []
    for m, (g0, g1) in MASKS.items():
        for s in range(1 << m):
            odd.append((bin(s & g0).count("1") & 1) * 4096)
            follower += [bases[m] + (2 * s + (h ^ bin(s & g1).count("1") & 1)) % (1 << m) for h in (0, 1)]
    odd, follower = np.array(odd), np.array(follower)

    done = [None] * len(blocks)
    for first in range(0, len(blocks), TOGETHER):
        now = ranks[first:first + TOGETHER]
        steps = np.array([count[i] for i in now])
        classes = np.zeros((steps[0], len(now), LANES), np.int32)  # as the first slot of the even levels
        x = np.full((len(now), LANES), 1 << 16)
        state = np.empty_like(x)
        words, at = [], np.empty(len(now), int)
        for n, i in enumerate(now):
            b = blocks[i]
            cols = b.classes.shape[1]
            wide = np.pad((b.classes + np.int32(starts[id(b.tables)])) * 8192, ((0, 0), (0, -cols % LANES)))
            classes[:steps[n], n] = order(wide)
            lanes = min(cols, LANES)
            x[n, :lanes] = b.data[:4 * lanes].view("<u4")
            state[n] = bases[b.memory]
            at[n] = sum(map(len, words)) - 1
            words.append(b.data[4 * lanes:].view("<u2"))
        words = np.concatenate(words + [[0]])  # one more, which is looked at and not taken
        levels = np.zeros(classes.shape, np.int8)
        live = len(now) - np.searchsorted(steps[::-1], np.arange(steps[0]), "right")
        for step, n in enumerate(live.tolist()):
            if n < len(x):
                x, state, at = x[:n], state[:n], at[:n]
            slot = odd[state] + classes[step, :n] + (x & 4095)
            levels[step, :n] = level[slot]
            x = freq[slot] * (x >> 12) + bias[slot]
            needs = x < 1 << 16
            word = at[:, None] + needs.cumsum(axis=1)
            x = np.where(needs, x << 16 | words[np.minimum(word, len(words) - 1)], x)
            at = word[:, -1]
            state = follower[2 * state + half[slot]]
        for n, i in enumerate(now):
            rows, cols = blocks[i].classes.shape
            done[i] = levels[:steps[n], n].reshape(-1, rows, LANES).swapaxes(0, 1).reshape(rows, -1)[:, :cols]
    return done


class Codebook(Mapping):
    def __init__(self, path):
        self.layers, self.stored, self.narrowed, self.slices = {}, {}, {}, {}
        prefix = "palettize.layer."
        for f in map(File, paths(path)):
            names = [key.removeprefix(prefix) for key in f.metadata() if key.startswith(prefix)]
            own = {f"{name}.{part}" for name in names for part in ("centroids", "assignments", "scales", "multipliers", "trellis")}
            self.layers |= dict.fromkeys(names, f)
            self.stored |= dict.fromkeys(f.keys() - own, f)
            self.narrowed |= narrowed(f)
            self.slices |= stacks(f)
        hidden = {part for slices in self.slices.values() for part in slices}
        self.names = sorted({*self.layers, *self.stored, *self.slices} - hidden)

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, name):
        return self.load([name])[name]

    def load(self, names=None):
        """Those of these names, or all, as a dict."""
        names = self.names if names is None else names
        single = [part for name in names for part in self.slices.get(name, [name])]
        layers = {name: parts(self.layers[name], name) for name in single if name in self.layers}
        levels = iter(together([block for p in layers.values() for block in p.blocks]))
        loaded = {}
        for name in single:
            if p := layers.pop(name, None):
                w = formula(p, [next(levels) for _ in p.blocks])
                loaded[name] = array(np.frombuffer(bytearray(stored(w, p.dtype)), np.uint8), p.dtype, w.shape)
            else:
                loaded[name] = self.stored[name].get_tensor(name)
            if name in self.narrowed:
                loaded[name] = loaded[name].astype(DTYPES[self.narrowed[name]])
        return {name: np.stack([loaded[s] for s in self.slices[name]]) if name in self.slices else loaded[name] for name in names}


if __name__ == "__main__":
    weights, dense = Codebook(sys.argv[1]), Codebook(sys.argv[2]).load()
    rebuilt = weights.load()
    one = next(iter(weights))
    wrong = dense.keys() ^ weights.keys() | {name for name, a, b in [
        *((name, rebuilt[name], dense[name]) for name in dense.keys() & rebuilt.keys()), (one, weights[one], rebuilt[one]),
    ] if (a.dtype, a.shape, a.tobytes()) != (b.dtype, b.shape, b.tobytes())}
    print(len(weights), "tensors;", len(wrong), "are not as palettize rebuilds them", *sorted(wrong))
    sys.exit(bool(wrong))
