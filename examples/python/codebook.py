"""A codebook file as a dictionary of numpy arrays, on top of decode.py:

    weights = Codebook("model.pal")                 # or a folder of several files, or their index
    weights["encoder.layer.0.output.dense.weight"]  # is rebuilt each time that it is asked for
    weights.load()                                  # a dict of all, ten times as fast

    python codebook.py CODEBOOK DENSE    # compares each with what palettize decompress wrote

Arrays have the shapes and the dtypes of the original. Of those that numpy does not have, BF16,
F8_E4M3 and F8_E5M2 become float32, which holds their values exactly, and others are the bytes that
the file has.
"""

import json
import os
import sys
from collections.abc import Mapping

import numpy as np

from decode import FLOAT8, MASKS, formula, narrowed, parts, stacks, stored

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "?", "U64": "<u8", "U32": "<u4",
    "U16": "<u2", "U8": "u1", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
}  # fmt: skip


def codes(finite, beyond):
    """The values of all codes of an 8-bit float, from those that are finite and not negative."""
    values = np.concatenate([finite, [beyond], np.full(127 - len(finite), np.nan)]).astype("<f4")
    return np.concatenate([values, -values])


EIGHT = {name: codes(v, np.inf if name == "F8_E5M2" else np.nan) for name, v in FLOAT8.items()}


def array(data, dtype, shape):
    """The values of a tensor with these bytes."""
    if dtype == "BF16":
        return (data.view("<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    if dtype in EIGHT:
        return EIGHT[dtype][data].reshape(shape)
    return data.view(DTYPES[dtype]).reshape(shape) if dtype in DTYPES else data


class File:
    """One file, with the methods of safetensors' safe_open."""

    def __init__(self, path):
        with open(path, "rb") as f:
            n = int.from_bytes(f.read(8), "little")
            self.tensors = json.loads(f.read(n))
        self.entries = self.tensors.pop("__metadata__", None) or {}
        self.data = np.asarray(np.memmap(path, np.uint8, "r"))[8 + n :]

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
        inside = [
            os.path.join(path, "model" + end)
            for end in (".pal", ".pal.index.json", ".safetensors", ".safetensors.index.json")
        ]
        path = next(filter(os.path.exists, inside), inside[0])
    if not path.endswith(".index.json"):
        return [path]
    with open(path, "rb") as f:
        names = sorted(set(json.load(f)["weight_map"].values()))
    if outside := [name for name in names if os.path.basename(name) != name]:
        raise ValueError(f"{path}: {outside[0]} is no name of a file beside it")
    return [os.path.join(os.path.dirname(path), name) for name in names]


LANES, TOGETHER = 8, 128  # lanes of a block, blocks that are decoded at the same time
SLOTS = 4096

# The states of all trellises, one after the other, from those of m on at FIRST[m]: what odd levels
# add to a slot, and where a level leads, by whether half of it, rounded down, is odd.
FIRST = {m: sum(1 << smaller for smaller in MASKS if smaller < m) for m in MASKS}
ODD, NEXT = [], []
for m, (g0, g1) in MASKS.items():
    for s in range(1 << m):
        ODD.append(bin(s & g0).count("1") % 2 * SLOTS)
        NEXT += [FIRST[m] + (2 * s + (h + bin(s & g1).count("1")) % 2) % (1 << m) for h in (0, 1)]
ODD, NEXT = np.array(ODD), np.array(NEXT)


def levels(blocks):
    """The levels of each block, as decode.decode finds them one by one."""
    # The tables of all classes, from those of a layer on at first[id]. Class 0 is that of columns
    # which a row lacks in its last eight: its level leaves a coder as it is.
    tables, first = [np.array([[[[0] * SLOTS, [SLOTS] * SLOTS, [0] * SLOTS]] * 2])], {}
    for b in blocks:
        if id(b.tables) not in first:
            first[id(b.tables)] = sum(map(len, tables))
            tables.append(b.tables)
    level, freq, start = np.moveaxis(np.concatenate(tables), 2, 0).reshape(3, -1)
    shift, level, half = np.arange(len(level)) % SLOTS - start, level.astype("i1"), level >> 1 & 1
    done = [None] * len(blocks)
    by_steps = sorted(range(len(blocks)), key=lambda i: -steps(blocks[i]))
    for at in range(0, len(blocks), TOGETHER):
        some = by_steps[at : at + TOGETHER]
        found = walk([blocks[i] for i in some], first, level, freq, shift, half)
        for i in some:
            done[i] = next(found)
    return done


def steps(block):
    """How many weights a lane of a block has."""
    rows, cols = block.classes.shape
    return rows * -(-cols // LANES)


def walk(blocks, first, level, freq, shift, half):
    """The levels of blocks, those with the most steps first. Each step is one weight in each lane
    of all that have so many.
    """
    count = np.array([steps(b) for b in blocks])
    slots = np.zeros((count[0], len(blocks), LANES), np.int32)  # the first of a weight's class
    x = np.full((len(blocks), LANES), 1 << 16)
    state = np.empty_like(x)
    words, taken = [], []  # of all blocks one after the other, and how many before the next
    for n, b in enumerate(blocks):
        (rows, cols), lanes = b.classes.shape, min(b.classes.shape[1], LANES)
        classes = np.pad(b.classes + np.int32(first[id(b.tables)]), ((0, 0), (0, -cols % LANES)))
        classes = classes.reshape(rows, -1, LANES).swapaxes(0, 1).reshape(-1, LANES)
        slots[: count[n], n] = classes * 2 * SLOTS
        x[n, :lanes] = b.data[: 4 * lanes].view("<u4")
        state[n] = FIRST[b.memory]
        taken.append(sum(map(len, words)))
        words.append(b.data[4 * lanes :].view("<u2"))
    words = np.concatenate([*words, [0]])  # one more, which is looked at and not taken
    taken = np.array(taken)
    found = np.empty(slots.shape, np.int8)
    for step in range(count[0]):
        n = np.count_nonzero(count > step)
        x, state, taken = x[:n], state[:n], taken[:n]
        slot = slots[step, :n] + ODD[state] + (x & SLOTS - 1)
        found[step, :n] = level[slot]
        x = freq[slot] * (x >> 12) + shift[slot]
        low = x < 1 << 16
        place = taken[:, None] + low.cumsum(axis=1)
        x = np.where(low, x << 16 | words[np.minimum(place - 1, len(words) - 1)], x)
        taken = place[:, -1]
        state = NEXT[2 * state + half[slot]]
    for n, b in enumerate(blocks):
        rows, cols = b.classes.shape
        rebuilt = found[: count[n], n].reshape(-1, rows, LANES).swapaxes(0, 1)
        yield rebuilt.reshape(rows, -1)[:, :cols]


class Codebook(Mapping):
    """The tensors of the original by their names."""

    def __init__(self, path):
        self.layers, self.stored, self.narrowed, self.slices = {}, {}, {}, {}
        prefix = "palettize.layer."
        for f in map(File, paths(path)):
            names = [key.removeprefix(prefix) for key in f.metadata() if key.startswith(prefix)]
            own = {
                f"{name}.{part}"
                for name in names
                for part in ("centroids", "assignments", "scales", "multipliers", "trellis")
            }
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
        whole = {name: self.slices.get(name, [name]) for name in names}
        single = dict.fromkeys(part for some in whole.values() for part in some)
        layers = {name: parts(self.layers[name], name) for name in single if name in self.layers}
        found = iter(levels([block for p in layers.values() for block in p.blocks]))
        for name in single:
            if name in layers:
                p = layers.pop(name)
                w = formula(p, [next(found) for _ in p.blocks])
                data = np.frombuffer(bytearray(stored(w, p.dtype)), np.uint8)
                single[name] = array(data, p.dtype, w.shape)
            else:
                single[name] = self.stored[name].get_tensor(name)
            if name in self.narrowed:
                single[name] = single[name].astype(DTYPES[self.narrowed[name]])
        return {
            name: np.stack([single[part] for part in some]) if name in self.slices else single[name]
            for name, some in whole.items()
        }


def differ(a, b):
    return (a.dtype, a.shape, a.tobytes()) != (b.dtype, b.shape, b.tobytes())


if __name__ == "__main__":
    weights, dense = Codebook(sys.argv[1]), Codebook(sys.argv[2]).load()
    rebuilt = weights.load()
    wrong = rebuilt.keys() ^ dense.keys()
    wrong |= {name for name in rebuilt.keys() & dense.keys() if differ(rebuilt[name], dense[name])}
    wrong |= {name for name in weights.names[:1] if differ(rebuilt[name], weights[name])}  # alone
    print(f"{len(rebuilt)} tensors, {len(wrong)} not as palettize rebuilds them:", *sorted(wrong))
    sys.exit(bool(wrong))
