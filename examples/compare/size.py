"""Measures how small files are and what that costs in accuracy, palettize beside its peers, and writes the part Size of
BENCHMARKS.md with its plot. run.sh prepares what it needs; see README.md.

All rows store the 36 linear layers of the encoder of all-MiniLM-L6-v2. Each is rebuilt as float32 and put back into the
model, whose embeddings of sentences are held against the original's.
"""

import argparse
import json
import os
import subprocess
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import embeddings
from compare import HERE, Failed, Side, cell, output, put, say
from peers.weights import k_means, nf4

# What is known about a layer's inputs x when its weights are stored.
NONE, SQUARES, MOMENTS = CALIBRATIONS = ("none", "E[x^2]", "E[x x^T]")


class Row:
    """One way to store the layers; store(sizes, calibration) returns the bits a weight and the model as rebuilt."""

    def __init__(self, series, label, calibrations, store):
        self.series, self.label, self.calibrations, self.store = series, label, calibrations, store
        self.ours = label.startswith("palettize")
        self.found, self.why = {}, None  # calibration -> bits a weight, error, cosine; why there is nothing

    @property
    def bits(self):
        return max((f[0] for f in self.found.values()), default=0)


def palettize(series, flags, calibrations=(NONE,)):
    return Row(f"palettize {series}", f"palettize `{flags}`", calibrations, lambda sizes, c: sizes.compress(flags, c))


def ggml(series, name, calibrations=(NONE, SQUARES)):
    return Row(f"llama.cpp {series}", f"llama.cpp {name.upper()}", calibrations, lambda sizes, c: sizes.ggml(name, c))


def written_anew(series, label, quantise):
    return Row(series, label, (NONE,), lambda sizes, _: sizes.each(quantise))


def rows():
    both = (NONE, MOMENTS)
    return [
        *(palettize("trellis", f"--bits {b}", CALIBRATIONS) for b in (2, 2.5, 3, 4, 5, 6, 6.5)),
        *(palettize("groups of 256 values", f"--bits {b}") for b in (7.5, 8.5, 9)),
        *(palettize("trellis, 8 states", f"--bits {b} --states 8", both) for b in (2, 3, 4, 5, 6)),
        *(palettize("window", f"--bits {b} --storage window", both) for b in (2, 3, 4, 5)),
        palettize("scalar", "--scheme scalar --k 16 --group 16"),
        palettize("scalar", "--scheme scalar --k 256"),
        *(palettize("segments", f"--scheme segments --segment {d}") for d in (2, 4, 8)),
        *(ggml("K types", name) for name in ("q2_K", "q3_K", "q4_K", "q5_K", "q6_K")),
        *(ggml("IQ types", name) for name in ("iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs")),
        ggml("others", "q4_0"),
        ggml("others", "q8_0", (NONE,)),
        ggml("others", "mxfp4", (NONE,)),
        written_anew("NF4", "NF4, blocks of 64", lambda w: nf4(w, 32)),
        # The scales in 8 bits, and a float32 for each 256 of them.
        written_anew("NF4", "NF4, blocks of 64, double quantisation", lambda w: nf4(w, 8 + 32 / 256)),
        *(written_anew("k-means", f"k-means, {k} values for 16 rows", lambda w, k=k: k_means(w, k)) for k in (4, 8, 16)),
    ]


WHOLE = "--include * --include embeddings.position_embeddings.weight"
WHOLE_BITS = ("2.92", "4")


class Sizes:
    def __init__(self, cache):
        self.cache, self.work = cache, cache / "work"
        self.work.mkdir(exist_ok=True)
        self.model = cache.parent / "all-MiniLM-L6-v2.safetensors"
        tokenizer = cache.parent / "all-MiniLM-L6-v2.tokenizer.json"
        self.weights = embeddings.load(self.model)
        self.sentences = embeddings.read_sentences(HERE / "sentences/eval.txt", tokenizer)
        self.wanted = embeddings.embed(self.weights, self.sentences)
        self.missing = {p.name: p.read_text().strip() for p in (cache / "missing").glob("*")}
        self.side = Side([str(cache / "ggml-side")])
        self.layers = [name + ".weight" for name in embeddings.LINEARS]
        self.calibrate(embeddings.read_sentences(HERE / "sentences/calibration.txt", tokenizer))

    def calibrate(self, sentences):
        """Write what is known of the inputs, for palettize in one file a calibration, for ggml in one a layer."""
        self.known = {MOMENTS: self.work / "moments.safetensors", SQUARES: self.work / "squares.safetensors"}
        embeddings.calibrate(self.weights, sentences, self.known[MOMENTS])
        squares = {name: np.diagonal(m).copy() for name, m in embeddings.load(self.known[MOMENTS]).items()}
        save_file(squares, self.known[SQUARES])
        for i, name in enumerate(self.layers):
            squares[name].tofile(self.work / f"squares-{i}.f32")
            self.weights[name].tofile(self.work / f"layer-{i}.f32")

    def palettize(self, *words):
        done = subprocess.run([self.cache / "palettize", *words], capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip().splitlines()[-1].removeprefix("palettize: "))
        return done.stdout

    def run(self, flags, calibration):
        """Compress with flags and decompress; return the totals that compress reports and the model."""
        small, back = self.work / "small.safetensors", self.work / "rebuilt.safetensors"
        words = flags.split() + (["--calibration", self.known[calibration]] if calibration != NONE else [])
        total = json.loads(self.palettize("compress", *words, "--json", "--force", "-o", small, self.model))["total"]
        self.palettize("decompress", small, "--force", "-o", back)
        return total, embeddings.load(back)

    def compress(self, flags, calibration):
        total, rebuilt = self.run(f"{flags} --include encoder*", calibration)
        return total["bits_stored"], rebuilt

    def ggml(self, name, calibration):
        def quantise(i, w):
            importance = self.work / f"squares-{i}.f32" if calibration == SQUARES else "-"
            to = self.work / "rebuilt.f32"
            try:
                bits = int(self.side.ask("rebuild", name, self.work / f"layer-{i}.f32", importance, *w.shape, to)[0])
            except Failed as e:
                raise Failed(self.missing.get("llama.cpp") or str(e)) from None
            return np.fromfile(to, np.float32).reshape(w.shape), bits

        return self.rebuild(quantise)

    def each(self, quantise):
        try:
            return self.rebuild(lambda _, w: quantise(w))
        except ImportError as e:
            raise Failed(self.missing.get(e.name) or str(e)) from None

    def rebuild(self, quantise):
        """Store every layer alone; quantise(index, weights) returns the weights as they come back and their bits."""
        rebuilt, bits = dict(self.weights), 0
        for i, name in enumerate(self.layers):
            rebuilt[name], more = quantise(i, self.weights[name])
            bits += more
        return bits / sum(self.weights[name].size for name in self.layers), rebuilt

    def score(self, rebuilt):
        cosine, error = embeddings.score(self.weights, self.wanted, rebuilt, self.sentences)
        return float(error), float(cosine)

    def measure(self, row):
        for calibration in row.calibrations:
            try:
                bits, rebuilt = row.store(self, calibration)
                row.found[calibration] = (bits, *self.score(rebuilt))
                say(f"{row.label}, calibration {calibration}: {bits:.3f} bits, error | cosine {pair(row.found[calibration])}")
            except Failed as e:
                row.why = str(e)
                say(f"{row.label}: {e}")
                return

    def whole(self, bits):
        """Return the flags, the totals and the cosine of a whole model, embeddings too."""
        flags = f"--bits {bits} {WHOLE}"
        total, rebuilt = self.run(flags, MOMENTS)
        return flags, total, self.score(rebuilt)[1]


def pair(figures):
    return f"{digits(figures[1])} | {digits(figures[2])}" if figures else " | "


def digits(value):
    """Return an error or a cosine as text; a cosine near 1 has one digit more."""
    return f"{value:.4f}" if value < 0.9995 else f"{value:.5f}"


def shown(row):
    return f"**{row.label}**" if row.ours else row.label


def table(rows):
    out = [
        "| | bits | error | cosine | E[x^2]: error | cosine | E[x x^T]: error | cosine |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in sorted((r for r in rows if r.found), key=lambda r: -r.bits):
        out.append(f"| {shown(row)} | {row.bits:.2f} | " + " | ".join(pair(row.found.get(c)) for c in CALIBRATIONS) + " |")
    return out + [f"| {shown(row)} | missing: {cell(row.why)} | | | | | | |" for row in rows if not row.found]


def best(rows, calibration, bits):
    """Return palettize's best row that has no more bits: of least error, or when calibrated of greatest cosine."""
    found = [r for r in rows if r.ours and calibration in r.found and r.found[calibration][0] <= bits]
    merit = (lambda f: -f[1]) if calibration == NONE else (lambda f: f[2])
    return max(found, key=lambda r: merit(r.found[calibration]), default=None)


def verdict(rows):
    out = [
        "| peer | calibration | bits | error | cosine | palettize | bits | error | cosine | E[x x^T]: bits | error | cosine |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lost = {"error": [], "cosine": []}
    for row in sorted((r for r in rows if r.found and not r.ours), key=lambda r: -r.bits):
        for calibration, theirs in row.found.items():
            cells = [row.label, calibration, f"{theirs[0]:.2f}", pair(theirs)]
            ours = best(rows, calibration, theirs[0] + 0.005)
            cells.append(ours.label.removeprefix("palettize ") if ours else "none")
            cells.append(beside(theirs, ours and ours.found[calibration]))
            cells.append(beside(theirs, ours and calibration == SQUARES and ours.found.get(MOMENTS)))
            out.append("| " + " | ".join(cells) + " |")
            name = row.label if calibration == NONE else f"{row.label} with {calibration}"
            if not ours or ours.found[calibration][1] > theirs[1]:
                lost["error"].append(name)
            if not ours or ours.found[calibration][2] < theirs[2]:
                lost["cosine"].append(name)
    for what, names in (("greater cosine", lost["cosine"]), ("smaller error", lost["error"])):
        out += ["", f"With the same calibration a peer has the {what}: " + ("; ".join(names) + "." if names else "nowhere.")]
    return out


def beside(theirs, ours):
    """Return cells of bits, error and cosine, the latter two bold where theirs are better."""
    if not ours:
        return " | | "
    error, cosine = digits(ours[1]), digits(ours[2])
    return f"{ours[0]:.2f} | {f'**{error}**' if ours[1] > theirs[1] else error} | {f'**{cosine}**' if ours[2] < theirs[2] else cosine}"


def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def facts(sizes):
    ggml = sizes.cache / "ggml-version"
    yield "run", f"{time.strftime('%Y-%m-%d')}, `make compare COMPARE=size`"
    yield "palettize", output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    yield "llama.cpp", ggml.read_text().strip() if ggml.exists() else f"missing: {sizes.missing.get('llama.cpp', 'not built')}"
    yield "k-means", f"kmeans1d {version('kmeans1d')}"
    yield "forward pass", f"numpy {np.__version__}; 300 sentences to calibrate with, {len(sizes.sentences)} others to score with"


def report(sizes, rows, whole):
    out = [
        "",
        "How small a file is and what that costs in accuracy, on the 36 linear layers of the encoder of all-MiniLM-L6-v2 (10,616,832",
        "weights). Written by `make compare COMPARE=size`.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {k} | {cell(v)} |" for k, v in facts(sizes)),
        "",
        "![Error of the weights and loss of cosine against bits a weight](sizes.svg)",
        "",
        "bits: a weight, in the file; for palettize as `compress --include 'encoder*' --json` reports it, with all tables, scales and headers,",
        "for a peer its weights, scales and codebooks without any header. error: relative Frobenius error of the weights. cosine: mean",
        "between the embeddings of the rebuilt and of the original model, on sentences not used to calibrate. The first pair of columns is",
        "without calibration, the others know of each layer's inputs x E[x^2], which is the importance matrix of llama.cpp, or E[x x^T].",
        "Calibrated weights are further from the original and give answers that are nearer.",
        "",
        "llama.cpp's types are its own quantiser's (IQ2_XXS and IQ2_XS, which need an importance matrix, take all columns for equally",
        "important without); two rows of 384 columns are joined, as a block is 256. NF4 and the k-means of coremltools are written anew in",
        "[peers/weights.py](examples/compare/peers/weights.py), the latter on the package that coremltools uses.",
        "",
        "The line in the plot is Shannon's bound for Gaussian weights that are all of one variance, error = 2^-bits. These weights are not:",
        "scales that follow rows and columns can go below it where bits are few.",
        "",
        *table(rows),
        "",
        "### Who wins at size",
        "",
        "For each peer the row of palettize among those with no more bits that has, with the same calibration, the least error, or where there",
        "is one the greatest cosine; if the peer has its importance matrix, also with E[x x^T], which palettize alone can use. Where",
        "palettize is worse its figure is bold.",
        "",
        *verdict(rows),
        "",
        "### Whole files",
        "",
        f"The whole model, embeddings too, calibrated with E[x x^T] of the 36 layers (`{WHOLE.replace('*', chr(39) + '*' + chr(39), 1)}`).",
        "",
        "| flags | bits of a compressed weight | file | times smaller than float32 | weight error | cosine |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for flags, total, cosine in whole:
        out.append(f"| `{' '.join(flags.split()[:2])}` | {total['bits_stored']:.3f} | {total['bytes_out']:,} bytes | {total['ratio']:.2f} "
                   f"| {total['weight_error']:.4f} | {digits(cosine)} |")
    return "\n".join(out) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=Path, default=HERE.parent.parent / "BENCHMARKS.md")
    o = p.parse_args()
    sizes, measured = Sizes(Path(os.environ["COMPARE_CACHE"])), rows()
    whole = [sizes.whole(bits) for bits in WHOLE_BITS]
    for row in measured:
        sizes.measure(row)
    sizes.side.stop()
    put(o.out, "size", report(sizes, measured, whole))
    try:
        from plot import plot
    except ImportError as e:
        say(f"no plot: {sizes.missing.get(e.name) or e}")
    else:
        plot(measured, o.out.with_name("sizes.svg"))


if __name__ == "__main__":
    main()
