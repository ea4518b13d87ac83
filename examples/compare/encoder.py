"""Measures a model that runs from the codebook file, examples/encoder, beside the dense file, llama.cpp's types and ONNX
Runtime, and writes the part Encoder of BENCHMARKS.md. run.sh prepares what it needs; see README.md.

Accuracy: all-MiniLM-L6-v2 is stored in every way, and `encoder compare` asks it about texts out of the docstrings of
Python packages. Speed: each side is a process that turns texts of equal length into vectors, on one thread and one
processor; they take turns.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path

from safetensors.numpy import save_file

import embeddings
from answers import Ways
from compare import HERE, Failed, Side, cell, cpu_field, output, put, say
from size import version

TEXTS = ("scipy", "scikit-learn")  # packages; their modules:
MODULES = ("scipy", "sklearn")
PASSAGES, QUERIES = 1000, 100
BITS = (2, 3, 4, 5, 6)
TYPES = ("q4_K", "q8_0")
LENGTHS = (16, 128)  # tokens of a text
BATCH = 512  # tokens at once, or one text
FLOAT, INT8 = "ONNX Runtime float32", "ONNX Runtime int8, dynamic"
DENSE, OURS = "palettize, the dense file", "palettize, 4 bits"
NARROW = "palettize, 4 bits, AVX2"
GOALS = {FLOAT: 1.5, INT8: 1.1}


def docstrings():
    """Return pairs of what a function or class does, in a sentence, and what is said of it next."""
    found = {}
    for module in MODULES:
        for path in sorted(Path(util.find_spec(module).origin).parent.rglob("*.py")):
            if "tests" in path.parts or "_lib" in path.parts or "externals" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    pair = said(ast.get_docstring(node) or "")
                    if pair:
                        found.setdefault(pair[0], pair[1])
    return list(found.items())


def said(text):
    """The first two paragraphs of a docstring, None unless they are plain sentences."""
    paragraphs = [" ".join(p.split()) for p in text.split("\n\n")[:2]]
    if len(paragraphs) < 2:
        return None
    query, passage = paragraphs
    plain = not any(mark in query + passage for mark in (">>>", "---", ":math:", "::", "|", "..", "=="))
    if plain and 4 <= len(query.split()) <= 20 and 12 <= len(passage.split()) <= 80:
        return query, passage
    return None


def spread(items, n):
    return [items[i * len(items) // n] for i in range(n)]


class Encoder:
    def __init__(self, cache, work):
        self.cache, self.work = cache, work
        self.work.mkdir(parents=True, exist_ok=True)
        self.model = cache.parent / "all-MiniLM-L6-v2.safetensors"
        self.passages, self.queries = work / "passages.txt", work / "queries.txt"
        pairs = spread(docstrings(), PASSAGES)
        self.passages.write_text("".join(p + "\n" for _, p in pairs), encoding="utf-8")
        self.queries.write_text("".join(q + "\n" for q, _ in spread(pairs, QUERIES)), encoding="utf-8")
        self.moments = work / "encoder-moments.safetensors"
        self.run("encoder", "calibrate", HERE / "sentences/calibration.txt", "-m", self.model, "-o", self.moments, "--force")

    def run(self, program, *words):
        done = subprocess.run([self.cache / program, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Failed((done.stderr.strip().splitlines() or [f"{program} failed"])[-1])
        return done.stdout

    def compare(self, path):
        return json.loads(self.run("encoder", "compare", self.model, path, self.passages, "--queries", self.queries, "--json"))

    def ours(self, bits, calibrated):
        """Return the file of these bits, its bits a compressed weight, and what compare says."""
        path = self.work / f"encoder-{bits}{'c' if calibrated else ''}.pal"
        flags = ["--calibration", self.moments] if calibrated else []
        total = json.loads(self.run("palettize", "compress", self.model, "--bits", bits, *flags, "--json", "--quiet",
                                    "--force", "-o", path))["total"]
        return path, total["bits_stored"], self.compare(path)

    def theirs(self, ways, name):
        """The same for a type of llama.cpp, rebuilt as float32."""
        weights = embeddings.load(self.model)
        matrices = {n: w for n, w in weights.items() if w.ndim == 2 and w.dtype.kind == "f" and "position" not in n}
        size, rebuilt = ways.theirs(matrices, name)
        path = self.work / f"encoder-{name}.safetensors"
        save_file({**weights, **rebuilt}, path)
        bits = 8 * size / sum(w.size for w in matrices.values())
        return path, bits, self.compare(path)


def measure_accuracy(encoder, ways):
    rows = []
    for label, store in [
        *((f"palettize `--bits {b}`{', calibrated' if c else ''}", lambda b=b, c=c: encoder.ours(b, c))
          for b in BITS for c in (False, True)),
        *((f"llama.cpp {t.upper()}", lambda t=t: encoder.theirs(ways, t)) for t in TYPES),
    ]:
        try:
            rows.append((label, *store()[1:]))
            r = rows[-1][2]
            say(f"{label}: {rows[-1][1]:.2f} bits, cosine {r['cosine']:.4f}, {r['top_overlap']:.3f} of the nearest")
        except Failed as e:
            rows.append((label, None, str(e)))
            say(f"{label}: MISSING: {e}")
    return rows


class Timed:
    """A side of the comparison of speed."""

    def __init__(self, label, command, env=None):
        self.label, self.side, self.times, self.memory, self.why = label, Side(command, env), {}, None, None

    def measure(self, tokens, batch, seconds):
        if self.why:
            return
        try:
            best = float(self.side.ask(tokens, batch, seconds)[0])
            self.times[tokens] = min(best, self.times.get(tokens, best))
        except Failed as e:
            self.why = str(e)

    def stop(self):
        if not self.why:
            status = Path(f"/proc/{self.side.process.pid}/status").read_text()
            self.memory = next(int(s.split()[1]) * 1024 for s in status.splitlines() if s.startswith("VmHWM"))
        self.side.stop()


def measure_speed(encoder, rounds, seconds):
    graphs = encoder.work / "encoder.onnx", encoder.work / "encoder-int8.onnx"
    peer = [sys.executable, str(HERE / "peers/bert.py")]
    made = subprocess.run([*peer, "make", encoder.model, *graphs], capture_output=True, text=True)
    small, side = str(encoder.ours(4, True)[0]), str(encoder.cache / "palettize-side")
    narrow = {**os.environ, "PALETTIZE_CPU_OFF": "avx512f"}
    sides = [
        Timed(FLOAT, [*peer, "run", str(graphs[0])]), Timed(INT8, [*peer, "run", str(graphs[1])]),
        Timed(DENSE, [side, str(encoder.model)]), Timed(OURS, [side, small]), Timed(NARROW, [side, small], narrow),
    ]
    for s in sides[:2]:
        s.why = "no graph: " + (made.stderr.strip().splitlines() or ["failed"])[-1] if made.returncode else None
    for r in range(rounds):
        for tokens in LENGTHS:
            for batch in (1, BATCH // tokens):
                for s in sides:
                    s.measure(tokens, batch, seconds)
        say(f"round {r + 1} of {rounds} of speed")
    for s in sides:
        s.stop()
    return sides


def accuracy_table(rows):
    yield "| | bits | file | cosine | 1st percentile | Spearman | top 10 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for label, bits, r in rows:
        if bits is None:
            yield f"| {label} | missing: {cell(r)} | | | | | |"
            continue
        file = f"{r['codebook']['bytes'] / 1e6:.1f} MB" if label.startswith("palettize") else ""
        yield (f"| {label} | {bits:.2f} | {file} | {r['cosine']:.4f} | {r['cosine_1st_percentile']:.4f} "
               f"| {r['spearman']:.4f} | {r['top_overlap']:.3f} |")


def speed_table(sides):
    yield "| | " + " | ".join(f"{t} tokens" for t in LENGTHS) + " | peak memory |"
    yield "| --- |" + " ---: |" * (len(LENGTHS) + 1)
    for s in sides:
        if s.why:
            yield f"| {s.label} | missing: {cell(s.why)} |" + " |" * len(LENGTHS)
            continue
        rates = " | ".join(f"{1 / s.times[t]:,.0f}" for t in LENGTHS)
        yield f"| {s.label} | {rates} | {s.memory / 1e6:.0f} MB |"


def goals(rows, sides):
    """Say which goals were reached: what, the figure, the goal."""
    by = {label: r for label, bits, r in rows if bits is not None}
    for label, least in (("palettize `--bits 4`, calibrated", 0.997), ("palettize `--bits 4`", 0.993)):
        if label in by:
            yield f"cosine of {label}", by[label]["cosine"], least
    if "palettize `--bits 4`, calibrated" in by:
        yield "top 10 of palettize `--bits 4`, calibrated", by["palettize `--bits 4`, calibrated"]["top_overlap"], 0.95
    sides = {s.label: s for s in sides if not s.why}
    for ours in (OURS, NARROW):
        for peer, least in GOALS.items():
            for t in LENGTHS:
                if ours in sides and peer in sides:
                    yield f"{ours}, over {peer}, {t} tokens", sides[peer].times[t] / sides[ours].times[t], least
    if OURS in sides and FLOAT in sides:
        yield f"memory of {FLOAT} over that of {OURS}", sides[FLOAT].memory / sides[OURS].memory, 3.0


def goals_table(rows, sides):
    yield "| | figure | goal | |"
    yield "| --- | ---: | ---: | --- |"
    for what, figure, least in goals(rows, sides):
        shown = f"{figure:.4f}" if least < 1 else f"{figure:.2f}"
        yield f"| {what} | {shown} | {least} | {'' if figure >= least else '**missed**'} |"


def facts(encoder, load, rounds):
    yield "CPU", f"{cpu_field('model name')}, one thread, pinned to one processor"
    yield "run", f"{time.strftime('%Y-%m-%d')}; load average {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after; {rounds} rounds"
    yield "palettize", output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    yield "onnxruntime", f"{version('onnxruntime')}; int8 by quantize_dynamic of onnx {version('onnx')}, a scale for each column"
    ggml = encoder.cache / "ggml-version"
    yield "llama.cpp", ggml.read_text().strip() if ggml.exists() else "missing"
    yield "texts", "docstrings of " + " and ".join(f"{p} {metadata.version(p)}" for p in TEXTS)


def report(facts, rows, sides):
    return "\n".join([
        "",
        "all-MiniLM-L6-v2 run from its codebook file by [examples/encoder](examples/encoder/README.md). Written by",
        "`make compare COMPARE=encoder`.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {k} | {cell(v)} |" for k, v in facts),
        "",
        f"{PASSAGES:,} passages and {QUERIES} queries, none of which calibrated anything: what is said of a function, and",
        "the sentence that sums it up. cosine: between the vectors of a passage by the dense model and by this one, the mean",
        "and the 1st percentile. Spearman: of the similarities of all pairs of passages. top 10: how many of the ten passages",
        "nearest to a query by the dense model are so by this one. bits: of a compressed weight, headers counted for",
        "palettize only; llama.cpp's types are rebuilt as float32. Calibrated: with E[x x^T] of 300 other sentences.",
        "",
        *accuracy_table(rows),
        "",
        "Texts a second, of so many tokens each, without tokenizing; one at a time or "
        f"{BATCH} tokens of them, whichever is",
        "faster; the best time of all rounds. ONNX Runtime uses all that this CPU has, also beside AVX2. Peak memory is of",
        "the whole process, the runtime and, for ONNX Runtime, Python included.",
        "",
        *speed_table(sides),
        "",
        *goals_table(rows, sides),
    ]) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=Path, default=HERE.parent.parent / "BENCHMARKS.md")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--seconds", type=int, default=1, help="of each measurement")
    o = p.parse_args()
    cache = Path(os.environ["COMPARE_CACHE"])
    load = os.getloadavg()
    encoder = Encoder(cache, cache / "work")
    if hasattr(os, "sched_setaffinity"):
        whole = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(whole)})
        sides = measure_speed(encoder, o.rounds, o.seconds)
        os.sched_setaffinity(0, whole)
    else:
        sides = measure_speed(encoder, o.rounds, o.seconds)
    told = list(facts(encoder, load, o.rounds))
    ways = Ways(cache, argparse.Namespace(palettize=cache / "palettize", flags="", work=cache / "work"))
    rows = measure_accuracy(encoder, ways)
    ways.side.stop()
    put(o.out, "encoder", report(told, rows, sides))


if __name__ == "__main__":
    main()
