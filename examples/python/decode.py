"""Rebuilds the layers, narrowed tensors and stacks of a codebook file as FORMAT.md describes them, and compares them with
what palettize decompress made:

    python decode.py CODEBOOK DENSE
"""
import json
import sys
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

T = np.array([0x3f800000, 0x3f85aac3, 0x3f8b95c2, 0x3f91c3d3, 0x3f9837f0, 0x3f9ef532, 0x3fa5fed7, 0x3fad583f,
              0x3fb504f3, 0x3fbd08a4, 0x3fc5672a, 0x3fce248c, 0x3fd744fd, 0x3fe0ccdf, 0x3feac0c7, 0x3ff5257d], np.uint32).view(np.float32)
C = np.arange(256)
SCALES = np.where(C == 0, np.float32(0), np.ldexp(T[(C + 1) % 16], (C + 1) // 16 - 16))  # of all codes
MASKS = {2: (1, 2), 3: (2, 5), 5: (5, 24)}  # of the trellises, by the logarithm of their states
E4M3 = np.ldexp(C % 8 + 8.0 * (C > 7), np.maximum(C // 8, 1) - 10)[:127]
E5M2 = (C[:124] << 8).astype("<u2").view("<f2").astype(float)
FLOAT8 = {"F8_E4M3": E4M3, "F8_E5M2": E5M2}  # what is finite and not negative, by code


def unpack(rows, n, bits):
    """The n numbers of each row of a bit stream [rows, bytes]."""
    stream = np.unpackbits(rows, axis=1, bitorder="little")[:, :n * bits]
    return (stream.reshape(len(rows), n, bits).astype(np.int32) << np.arange(bits)).sum(axis=2)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self):
        value, shift, byte = 0, 0, 128
        while byte & 128:
            byte = int(self.bytes(1)[0])
            value, shift = value | (byte & 127) << shift, shift + 7
        return value

    def codes(self, n):
        return unpack(self.bytes(-(-5 * n // 8))[None], n, 5)[0]


def slots(r):
    """A class: for both parities, the level, its frequency and its first slot, all by slot, [2, 3, 4096]."""
    top, tables = int(r.bytes(1)[0]), []
    for parity in 0, 1:
        n = (top - parity) // 2 + 1
        knots = [i for i in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48) if i < n - 1] + [n - 1]
        v = r.bytes(len(knots)).astype(int)
        rarity = [0] * n
        for (p, a), (q, b) in zip(zip(knots, v), zip(knots[1:], v[1:])):
            for i in range(p, q):
                rarity[i] = (a * (q - i) + b * (i - p)) // (q - p)
        rarity[-1] = v[-1]
        weights = [int(float(SCALES[255 - x]) * 2**39) for x in rarity]
        levels = [x for x in range(-top, top + 1) if x % 2 == parity]
        left, total = 4096 - len(levels), sum(weights[abs(x) // 2] for x in levels)
        freq = [1 + weights[abs(x) // 2] * left // total for x in levels]
        rest = (4096 - sum(freq)) // (1 + parity)
        freq = [f + rest * (abs(x) == parity) for x, f in zip(levels, freq)]
        tables.append(np.repeat([levels, freq, np.cumsum([0] + freq[:-1])], freq, axis=1))
    return np.array(tables)


class Block(NamedTuple):
    """Of an entropy-coded layer, all that its levels follow from."""

    data: np.ndarray  # coders and words
    classes: np.ndarray  # of its weights, [rows, cols]
    tables: np.ndarray  # of all classes of the layer, [classes, 2, 3, 4096]
    memory: int


def decode(block):
    """The levels of a block, as FORMAT.md words it."""
    (rows, cols), lanes = block.classes.shape, min(block.classes.shape[1], 8)
    g0, g1 = MASKS[block.memory]
    parity = [(bin(s & g0).count("1") & 1, bin(s & g1).count("1") & 1) for s in range(1 << block.memory)]
    x = block.data[:4 * lanes].view("<u4").tolist()
    words = iter(block.data[4 * lanes:].view("<u2").tolist())
    state, levels = [0] * lanes, np.zeros((rows, cols), np.int8)
    classes, tables = block.classes.tolist(), block.tables.tolist()
    for c0 in range(0, cols, 8):
        for row in range(rows):
            for i in range(min(8, cols - c0)):
                odd, flip = parity[state[i]]
                level, freq, start = tables[classes[row][c0 + i]][odd]
                slot = x[i] & 4095
                levels[row, c0 + i] = chosen = level[slot]
                x[i] = freq[slot] * (x[i] >> 12) + slot - start[slot]
                if x[i] < 1 << 16:
                    x[i] = x[i] << 16 | next(words)
                state[i] = (2 * state[i] + (chosen >> 1 & 1 ^ flip)) & (1 << block.memory) - 1
    return levels


def entropy(r, rows, cols):
    """Of entropy-coded storage, the assignment of level 0 and the blocks."""
    memory, zero, low, count = r.bytes(4).tolist()
    height = r.number()
    classes = np.clip((r.codes(rows)[:, None] + r.codes(cols)) // 2 - low, 0, count - 1).astype(np.uint8)
    tables = np.array([slots(r) for _ in range(count)])
    sizes = [r.number() for _ in range(-(-rows // height))]
    return zero, [Block(r.bytes(n).copy(), classes[i * height:(i + 1) * height], tables, memory) for i, n in enumerate(sizes)]


def windows(r, rows, cols, bits, sums):
    """The assignments of window storage: of the 12 bits that end with the bits of a weight, or of 8 in version 1."""
    row = -(-cols * bits // 8)
    own = np.unpackbits(r.bytes(rows * row).reshape(rows, row), axis=1)
    stream = np.hstack([np.zeros((rows, 4), np.uint8), own[:, :8] * np.uint8(sums), own])
    ends = 12 + bits * np.arange(1, cols + 1)[:, None]
    four = [np.packbits(stream[:, ends + np.arange(-at, 4 - at)], axis=2)[..., 0] >> 4 for at in (4, 8, 12)]
    return (four[1] ^ four[2] if sums else four[1]) << 4 | four[0]


class Parts(SimpleNamespace):
    """What the formula needs of a layer: centroids, assignments or the blocks that they are coded in, and so on."""

    row_scales = column_scales = multipliers = outliers = None  # where it has none
    blocks = ()


def trellis(f, name, rows, cols, k):
    """All of NAME.trellis."""
    r = Reader(f.get_tensor(name + ".trellis"))
    flags, last = r.bytes(2)
    bits = int(r.bytes(1)[0]) if flags & 4 else 0
    p = Parts(centroids=r.bytes(int(last) + 1)[:, None])
    sums = bits and len(p.centroids) < k
    if sums:
        p.centroids = (p.centroids[16:] + p.centroids[:16, 0]).reshape(k, 1)
    if flags & 1:
        p.column_scales = SCALES[r.bytes(cols)]
    if flags & 2:
        p.row_scales = SCALES[r.bytes(rows)]
    n = r.number()
    at = np.cumsum([r.number() + 1 for _ in range(n)], dtype=int) - 1
    p.outliers = at, (r.bytes(2 * n).copy().view("<u2").astype(np.uint32) << 16).view(np.float32)
    if bits:
        p.assignments = windows(r, rows, cols, bits, sums)
    else:
        p.zero, p.blocks = entropy(r, rows, cols)
    return p


def plain(f, name, rows, cols, _):
    """All of a layer of plain parts."""
    p = Parts(centroids=f.get_tensor(name + ".centroids"))
    k, d = p.centroids.shape
    p.assignments = unpack(f.get_tensor(name + ".assignments"), -(-cols // d), max(1, (k - 1).bit_length()))
    if name + ".scales" in f.keys():
        p.row_scales = SCALES[f.get_tensor(name + ".scales")]
    return p


STORAGES = {"trellis": trellis, "assignments": plain}  # by a part that only they have


def parts(f, name):
    """What a file, open in safetensors, has of a layer."""
    dtype, shape, group, zero_point, scale, _, *more = json.loads(f.metadata()["palettize.layer." + name])
    k, fold = more + [0, 1][len(more):]
    if fold < 0:
        shape[-2:] = shape[:-3:-1]  # of the transpose
    rows, cols, names = int(np.prod(shape[:fold])), int(np.prod(shape[fold:])), f.keys()
    read = next(read for part, read in STORAGES.items() if f"{name}.{part}" in names)
    p = read(f, name, rows, cols, k)
    p.dtype, p.shape, p.fold, p.cols, p.zero_point, p.scale = dtype, shape, fold, cols, zero_point, scale
    if group:
        m = unpack(f.get_tensor(name + ".multipliers"), -(-cols // group), 7)
        p.multipliers = np.repeat(np.where(m > 63, m - 128, m).astype(np.float32), group, axis=1)[:, :cols]
    return p


def formula(p, levels):
    """The matrix of a layer whose blocks have these levels, in float32."""
    chosen = np.concatenate(levels).astype(np.int16) + p.zero if p.blocks else p.assignments
    w = np.full((len(chosen), 1), p.scale, np.float32)
    if p.row_scales is not None:
        w = w * p.row_scales[:, None]
    if p.multipliers is not None:
        w = w * p.multipliers
    w = w * (p.centroids.astype(np.float32) - p.zero_point)[chosen].reshape(len(chosen), -1)[:, :p.cols]
    if p.column_scales is not None:
        w = w * p.column_scales
    if p.outliers is not None:
        w.reshape(-1)[p.outliers[0]] = p.outliers[1]
    w = w.reshape(p.shape)
    return np.ascontiguousarray(w.swapaxes(-1, -2)) if p.fold < 0 else w


def layer(f, name):
    """The original's dtype and the rebuilt matrix, in float32."""
    p = parts(f, name)
    return p.dtype, formula(p, [decode(block) for block in p.blocks])


def narrowed(f):
    """The original dtypes of the narrowed tensors, by name."""
    return json.loads(f.metadata().get("palettize.narrowed", "{}"))


def stacks(f):
    """The names of the slices of each stack, by its name."""
    counts = json.loads(f.metadata().get("palettize.stacks", "{}"))
    return {name: [f"{name}[{i}]" for i in range(n)] for name, n in counts.items()}


def stored(w, dtype):
    """The bytes of float32 weights in the original's dtype."""
    if dtype == "F16":
        return np.clip(w, -65504, 65504).astype("<f2").tobytes()
    if dtype == "BF16":
        bits = w.view(np.uint32)
        bits = bits + 0x7fff + (bits >> 16 & 1) >> 16
        return np.where(bits & 0x7fff == 0x7f80, bits - 1, bits).astype("<u2").tobytes()
    if dtype in FLOAT8:
        values, size = FLOAT8[dtype], np.abs(w.astype(float))
        halfway = np.append((values[1:] + values[:-1]) / 2, np.inf)
        code = np.searchsorted(halfway, size)
        code += code & (halfway[code] == size)  # to the even one
        return (code | np.signbit(w) << 7).astype(np.uint8).tobytes()
    return w.astype({"F32": "<f4", "F64": "<f8"}[dtype]).tobytes()


def tensors(path):
    """The bytes of each tensor of a safetensors file."""
    with open(path, "rb") as f:
        n = int.from_bytes(f.read(8), "little")
        header, data = json.loads(f.read(n)), f.read()
    header.pop("__metadata__", None)
    return {name: data[slice(*t["data_offsets"])] for name, t in header.items()}


if __name__ == "__main__":
    passed, dense, wrong = tensors(sys.argv[1]), tensors(sys.argv[2]), 0
    rebuilt = {}
    with safe_open(sys.argv[1], "np") as f:
        names = [key.removeprefix("palettize.layer.") for key in f.metadata() if key.startswith("palettize.layer.")]
        halves = {name: (dtype, f.get_tensor(name)) for name, dtype in narrowed(f).items()}
        for name in sorted([*names, *halves]):
            dtype, w = halves.get(name) or layer(f, name)
            rebuilt[name] = stored(w, dtype)
            print(f"{name} {dtype} {list(w.shape)}")
        for name, slices in stacks(f).items():
            rebuilt[name] = b"".join(rebuilt.pop(part) if part in rebuilt else passed[part] for part in slices)
            print(f"{name} of {len(slices)} slices")
    for name, data in rebuilt.items():
        same = data == dense[name]
        wrong += not same
        print(f"{name}: {'same' if same else 'OTHER'} bits")
    sys.exit(f"{wrong} of {len(rebuilt)} tensors are not as palettize rebuilds them" if wrong or not rebuilt else 0)
