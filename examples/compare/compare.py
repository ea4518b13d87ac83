"""Runs all rows of `make compare` side by side and writes BENCHMARKS.md, except its parts Size and Answers.
run.sh prepares what it needs; see README.md.

Each side (palettize, llama.cpp, the Python packages) is a process that answers requests, so that the rows of all can
take turns: a round measures every row once, in an order of its own, and what disturbs the machine hits all alike.
"""

import argparse
import json
import os
import platform
import random
import re
import select
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SHAPE, LARGE, BATCH, GIVEN = (3072, 1024), (4096, 4096), 128, 256
REGIMES = ("hot", "cold", "batch")
PARTS = ("speed", "slower tiers", "size", "answers", "encoder", "decoder", "attention")  # of the report
OFF = os.environ.get("PALETTIZE_CPU_OFF")  # features that palettize does without, for the slower tiers

# Rows: label, side, name there.
ROWS = [
    ("palettize dense float32", "palettize", "dense"),
    ("palettize rows", "palettize", "rows"),
    ("palettize segments of 8", "palettize", "segments-8"),
    ("palettize segments of 4", "palettize", "segments-4"),
    ("palettize segments of 2", "palettize", "segments-2"),
    ("palettize scalar, 16 values", "palettize", "scalar-16"),
    ("palettize scalar, 16 values, groups of 16", "palettize", "scalar-16-groups"),
    ("palettize scalar, 256 values", "palettize", "scalar-256"),
    ("palettize windows of 2 bits", "palettize", "windows-2"),
    ("palettize windows of 3 bits", "palettize", "windows-3"),
    ("palettize windows of 4 bits", "palettize", "windows-4"),
    ("numpy (OpenBLAS) float32", "python", "numpy/float32"),
    ("ONNX Runtime float32", "python", "onnxruntime/float32"),
    ("ONNX Runtime int8, DynamicQuantizeMatMul", "python", "onnxruntime/int8"),
    ("ONNX Runtime 8 bits, blocks of 128", "python", "onnxruntime/nbits-8-128"),
    ("ONNX Runtime 8 bits, blocks of 32", "python", "onnxruntime/nbits-8-32"),
    ("ONNX Runtime 4 bits, blocks of 128", "python", "onnxruntime/nbits-4-128"),
    ("ONNX Runtime 4 bits, blocks of 32", "python", "onnxruntime/nbits-4-32"),
    ("ONNX Runtime 2 bits, blocks of 128", "python", "onnxruntime/nbits-2-128"),
    ("ONNX Runtime 2 bits, blocks of 32", "python", "onnxruntime/nbits-2-32"),
    ("llama.cpp Q8_0", "ggml", "q8_0/CPU"),
    ("llama.cpp Q4_K", "ggml", "q4_K/CPU"),
    ("llama.cpp Q4_K, repacked", "ggml", "q4_K/CPU_REPACK"),
    ("llama.cpp Q4_0, repacked", "ggml", "q4_0/CPU_REPACK"),
    ("llama.cpp IQ4_NL, repacked", "ggml", "iq4_nl/CPU_REPACK"),
    ("llama.cpp IQ4_XS", "ggml", "iq4_xs/CPU"),
    ("llama.cpp Q2_K", "ggml", "q2_K/CPU"),
    ("llama.cpp Q2_K, repacked", "ggml", "q2_K/CPU_REPACK"),
    ("llama.cpp IQ2_XXS", "ggml", "iq2_xxs/CPU"),
    ("AQLM 1x8, groups of 8", "python", "aqlm/1x8"),
]
AMX_ROWS = [
    ("llama.cpp Q8_0, AMX", "ggml", "q8_0/AMX"),
    ("llama.cpp Q4_K, AMX", "ggml", "q4_K/AMX"),
]

# K-means: label, side, request up to the file (with d after it), widths, rounds at most.
KMEANS = [
    ("palettize", "palettize", "full", (1, 2, 4, 8), 99),
    ("palettize, stopping when the error falls by less than 1e-4", "palettize", "early", (1, 2, 4, 8), 99),
    ("faiss, AFK-MC2 start", "faiss", "faiss", (1, 2, 4, 8), 99),
    ("faiss, SuperKMeans", "faiss", "faiss-super", (1, 2, 4, 8), 99),
    ("flash1dkmeans", "faiss", "flash1dkmeans", (1,), 99),
    ("scikit-learn", "faiss", "sklearn", (1,), 1),
]


class Failed(Exception):
    """A side cannot do what it was asked; says why."""


class Side:
    """A process that answers a line with a line."""

    def __init__(self, command, env=None):
        self.command, self.env, self.process, self.loaded = command, env, None, None

    def ask(self, *words, limit=300):
        if self.process is None:
            if not os.path.exists(self.command[0]):
                raise Failed("not built")
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            if self.loaded:
                self.ask(*self.loaded)
        if words[0] == "load":
            self.loaded = words
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
            ready = select.select([self.process.stdout], [], [], limit)[0]
            answer = self.process.stdout.readline().decode().split() if ready else None
        except BrokenPipeError:
            answer = []
        if not answer:
            why = f"no answer in {limit} s" if answer is None else self.stop() or "its process ended"
            self.stop()
            raise Failed(why)
        if answer[0] != "ok":
            raise Failed(" ".join(answer[1:]))
        return answer[1:]

    def stop(self):
        """End the process; return which signal had ended it, if one had."""
        if self.process is None:
            return ""
        code = self.process.poll()
        if code is None:
            self.process.stdin.close()
            try:
                code = self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                code = 0
        self.process = None
        return f"its process ended with {signal.Signals(-code).name}" if code < 0 else ""


class Compare:
    def __init__(self, options, cache):
        self.o, self.cache = options, cache
        self.work = cache / "work"
        self.work.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        env.update(
            OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1", MKL_NUM_THREADS="1",
            COMPARE_AQLM=str(cache / "aqlm/aqlm/inference_kernels/numba_kernel.py"),
        )
        peers = [sys.executable, str(HERE / "peers/peers.py")]
        # faiss brings an OpenBLAS of its own that is too old to know new CPUs and takes them for very old ones.
        old_blas = dict(env, OPENBLAS_CORETYPE="Haswell") if "avx2" in cpu_field("flags") else env
        self.sides = {
            "palettize": Side([str(cache / "palettize-side")]),
            "ggml": Side([str(cache / "ggml-side")]),
            "python": Side(peers, env),
            "faiss": Side(peers, old_blas),
        }
        # Why a peer is missing, as run.sh found.
        self.missing = {p.name: p.read_text().strip() for p in (cache / "missing").glob("*")}
        self.rows = [r for r in ROWS + (AMX_ROWS if "amx_int8" in cpu_field("flags") else []) if re.search(options.only, r[0])]
        self.why = {}  # rows without figures: label -> reason
        self.took = {}  # (shape, label, regime) -> best of each round, in nanoseconds
        self.rounds = {}  # shape -> rounds done
        self.bits, self.plans, self.resident, self.output = {}, {}, {}, {}
        self.errors = {}  # (label, "gauss" | "model") -> relative error
        self.kmeans = {}  # (d, label) -> [seconds], error^2
        self.least = 8 * last_level_cache()

    def reason(self, row, e):
        package = row[2].split("/")[0] if row[1] == "python" else "llama.cpp" if row[1] == "ggml" else ""
        return self.missing.get(package) or str(e)

    def load(self, shape):
        rng = np.random.default_rng(1)
        rows = shape[0] if shape == SHAPE else GIVEN
        self.w = rng.standard_normal((rows, shape[1]), dtype=np.float32)
        self.x = rng.standard_normal((BATCH, shape[1]), dtype=np.float32)
        self.w.tofile(self.work / "w.f32")
        self.x.tofile(self.work / "x.f32")
        for name in ("palettize", "ggml", "python"):
            try:
                self.sides[name].ask("load", *shape, self.work / "w.f32", self.work / "x.f32")
            except Failed:
                pass  # its rows will say so

    def multiply(self, shape, regimes, rounds, minutes):
        self.load(shape)
        end, order = time.monotonic() + 60 * minutes, random.Random(1)
        for done in range(rounds):
            for regime in regimes:
                rows = [r for r in self.rows if r[0] not in self.why]
                order.shuffle(rows)
                for row in rows:
                    label, side, name = row
                    try:
                        if label not in self.bits:
                            bits, *plans = self.sides[side].ask("row", name)
                            self.bits[label], self.plans[label] = float(bits), plans
                        best, _, size, _ = self.sides[side].ask("time", name, regime, self.o.ms, self.least)
                        if shape == SHAPE and done == 0 and regime != "cold":
                            self.check(row, regime)
                    except Failed as e:
                        self.why[label] = self.reason(row, e)
                        say(f"{label}: {self.why[label]}")
                        continue
                    self.took.setdefault((shape, label, regime), []).append(float(best))
                    if regime == "hot":
                        self.resident[shape, label] = 8 * int(size) / (shape[0] * shape[1])
            self.rounds[shape] = done + 1
            say(f"{list(shape)}: round {done + 1} of {rounds}")
            if time.monotonic() > end:
                say("out of time: fewer rounds")
                break

    def check(self, row, regime):
        """Compare what was computed with W*x in float64."""
        label, side, name = row
        self.sides[side].ask("output", self.work / "y.f32")
        x = self.x if regime == "batch" else self.x[:1]
        want = x.astype(np.float64) @ self.w.T.astype(np.float64)
        got = np.fromfile(self.work / "y.f32", np.float32).reshape(want.shape)
        error = float(np.linalg.norm(got - want) / np.linalg.norm(want))
        if not error < 1:
            raise Failed(f"its results are wrong: relative error {error:.3g}")
        self.output[label, regime] = error

    def weigh(self, key, files):
        """Measure the error of the weights and the bits, over all matrices together."""
        for row in self.rows:
            label, side, name = row
            if label in self.why or self.bits.get(label) == 32:
                continue
            noise = signal_ = bits = weights = 0.0
            try:
                for file, rows, cols in files:
                    n, s, b = map(float, self.sides[side].ask("error", name, file, rows, cols))
                    noise, signal_, bits, weights = noise + n, signal_ + s, bits + b, weights + rows * cols
            except Failed as e:
                say(f"{label}, weight error: {e}")
                continue
            self.errors[label, key] = (noise / signal_) ** 0.5, bits / weights

    def cluster(self, rounds, minutes):
        file = self.work / "points.f32"
        np.random.default_rng(1).standard_normal(3072 * 1024, dtype=np.float32).tofile(file)
        end, order, failed = time.monotonic() + 60 * minutes, random.Random(2), {}
        for done in range(rounds):
            jobs = [(d, *k) for d in (1, 2, 4, 8) for k in KMEANS if d in k[3] and done < k[4]]
            order.shuffle(jobs)
            for d, label, side, program, _, _ in jobs:
                to = self.work / "centroids.f32"
                words = (file, d, program, to) if side == "palettize" else (program, file, d, to)
                if (d, label) in failed or not re.search(self.o.only, label):
                    continue
                try:
                    seconds, _ = self.sides[side].ask("kmeans", *words)
                    found = self.kmeans.setdefault((d, label), ([], []))
                    found[0].append(float(seconds))
                    if len(found[1]) == 0:
                        found[1].append(float(self.sides["faiss"].ask("judge", file, d, to)[0]))
                except Failed as e:
                    failed[d, label] = self.missing.get({"faiss-super": "faiss", "sklearn": "scikit-learn"}.get(program, program)) or str(e)
                    say(f"k-means, {label}, d = {d}: {failed[d, label]}")
            say(f"k-means: round {done + 1} of {rounds}")
            self.rounds["k-means"] = done + 1
            if time.monotonic() > end:
                break
        self.kmeans_failed = failed

    # The report.

    def slower(self, started):
        """The report of a run without features of the CPU."""
        told = ", as do OpenBLAS and llama.cpp" if "avx512f" in OFF else ""  # by run.sh
        out = [
            "",
            f"The same layer with `PALETTIZE_CPU_OFF={OFF}`: palettize does as on a CPU without these{told}. The other peers",
            "cannot be told to, and keep all that this one has: they are faster here than they would be there.",
            "",
            "| | |",
            "| --- | --- |",
        ]
        out += [f"| {k} | {cell(v)} |" for k, v in self.facts(started) if k in ("CPU", "run", "command", "palettize", "numpy", "llama.cpp")]
        out += ["", *self.table(), "", *self.verdict(SHAPE, REGIMES)]
        return "\n".join(out) + "\n"

    def report(self, started):
        out = [
            "# Benchmarks",
            "",
            "palettize beside its peers: one machine, one run, one thread. Written by `make compare`, which can be repeated anywhere;",
            "[examples/compare](examples/compare/README.md) says what runs. Times are microseconds for one call, input quantisation",
            "included: the best of each round, first the minimum, then the median over rounds. How small files are and what that costs in",
            "accuracy is in [Size](#size), what it does to the answers of models in [Answers](#answers), and to one that runs in [Encoder](#encoder). What palettize",
            "does without AVX-512 is in [Slower tiers](#slower-tiers).",
            "",
            "| | |",
            "| --- | --- |",
        ]
        out += [f"| {k} | {cell(v)} |" for k, v in self.facts(started)]
        out += ["", f"## A layer of {list(SHAPE)}", ""]
        out += self.table()
        out += [
            "",
            "hot: one layer again and again. cold: as many copies in turn as exceed eight times the last-level cache, each in the form",
            f"that is multiplied. batch: {BATCH} inputs at once, hot. stored: bits a weight in a file (headers not counted), resident: in the form that is",
            "multiplied hot. weight error: relative Frobenius error on Gaussian weights / on the 36 encoder layers of all-MiniLM-L6-v2 (none",
            "of the schemes is calibrated; where columns are no multiple of 256, llama.cpp's blocks run over row ends). output error: of a batch of results",
            "against float64 arithmetic on the original weights.",
            "",
        ]
        if self.empty is not None:
            out += [
                f"A call of ONNX Runtime through its Python binding costs {us(self.empty)} us with nothing to multiply. It is part of the figures",
                "hot and batch; cold, one call goes through all copies.",
                "",
            ]
        out += [
            "## Who wins",
            "",
            "For each peer the layer of palettize at its rate, the fastest among those with the most bits that are no more than the peer's",
            "(give or take 0.1), and the fastest among all that have neither more bits nor a greater weight error (Gaussian). A ratio is the",
            "peer's time over palettize's, minima: above 1 palettize is faster.",
            "",
        ]
        out += self.verdict(SHAPE, REGIMES)
        if any(shape == LARGE for shape, _, _ in self.took):
            out += ["", f"## A layer of {list(LARGE)}", ""]
            out += self.large() + [""] + self.verdict(LARGE, ("hot", "cold"))[-1:]
        if self.kmeans or self.kmeans_failed:
            out += [
                "",
                "## K-means",
                "",
                "3,145,728 Gaussian weights as points of width d, 256 centroids, 25 iterations, all points. Seconds, minimum / median over rounds;",
                "error^2 is the squared error over the squared norm, computed for all alike in float64 from the centroids.",
                "",
            ]
            out += self.kmeans_table()
        return "\n".join(out) + "\n"

    def facts(self, started):
        def version(name):
            try:
                return metadata.version(name)
            except metadata.PackageNotFoundError:
                return f"not installed: {self.missing.get(name, 'unknown')}"

        name = cpu_field("model name")
        number = f"family {cpu_field('cpu family')} model {cpu_field('model')} stepping {cpu_field('stepping')}"
        yield "CPU", f"{name} ({number}), {os.cpu_count()} processors, last-level cache {last_level_cache() >> 20} MiB"
        yield "memory", f"copies at {self.copy:.1f} GB/s (read and written) on one thread; huge pages {huge_pages()}"
        yield "run", f"{started}; load average {self.load_before} before, {load_average()} after; rounds: {self.rounds_text()}"
        yield "command", f"`{f'PALETTIZE_CPU_OFF={OFF} ' if OFF else ''}make compare" + (f" COMPARE='speed {' '.join(sys.argv[1:])}'" if len(sys.argv) > 1 else "") + f"`; {self.o.ms} ms a row, regime and round; pinned to processor {self.cpu}"
        yield "palettize", f"{output('git', '-C', str(HERE), 'describe', '--always', '--dirty')}, {output('go', 'version').removeprefix('go version ')}"
        from threadpoolctl import threadpool_info

        blas = [b for b in threadpool_info() if b["user_api"] == "blas" and "numpy" in b["filepath"]]
        yield "numpy", f"{np.__version__}, " + ", ".join(f"OpenBLAS {b['version']} for {b['architecture']}" for b in blas)
        yield "onnxruntime", version("onnxruntime") + "; MatMulNBits symmetric, accuracy level 4"
        ggml = self.cache / "ggml-version"
        yield "llama.cpp", ggml.read_text().strip() if ggml.exists() else f"missing: {self.missing.get('llama.cpp', 'not built')}"
        aqlm = self.missing.get("aqlm") or f"{(self.cache / 'aqlm/version').read_text().strip()} without torch, numba {version('numba')}"
        yield "aqlm", f"{aqlm}; codes by plain k-means"
        yield "k-means", f"faiss-cpu {version('faiss-cpu')}, flash1dkmeans {version('flash1dkmeans')}, scikit-learn {version('scikit-learn')}"
        yield "Python, system", f"{platform.python_version()}, {platform.system()} {platform.machine()}"

    def rounds_text(self):
        return ", ".join(f"{n} for {k if isinstance(k, str) else list(k)}" for k, n in self.rounds.items())

    def times(self, shape, label, regime):
        t = self.took.get((shape, label, regime))
        return f"{us(min(t))} / {us(float(np.median(t)))}" if t else "-"

    def sorted_rows(self):
        return sorted(self.rows, key=lambda r: (-self.bits.get(r[0], -1), r[0]))

    def error_text(self, label):
        if self.bits.get(label) == 32:
            return "0"
        texts = []
        for key in ("gauss", "model"):
            e = self.errors.get((label, key))
            texts.append("-" if e is None else f"{e[0]:.3g}")
        return " / ".join(texts)

    def stored_text(self, label):
        model = self.errors.get((label, "model"))
        return f"{self.bits[label]:.2f}" + (f" / {model[1]:.2f}" if model else "")

    def table(self):
        out = [
            "| row | stored | resident | weight error | output error | hot us | cold us | batch us |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for label, side, _ in self.sorted_rows():
            if label in self.why:
                continue
            plans = self.plans[label] if side == "palettize" and self.bits[label] != 32 else []
            shown = f"**{label}**" if side == "palettize" else label
            if plans:
                shown += f" ({plans[0] if plans[0] == plans[1] else plans[0] + '; batch: ' + plans[1]})"
            resident = self.resident.get((SHAPE, label))
            error = self.output.get((label, "batch"))
            out.append(
                f"| {shown} | {self.stored_text(label)} | {'-' if resident is None else format(resident, '.2f')} | {self.error_text(label)} "
                f"| {'-' if error is None else format(error, '.3g')} | " + " | ".join(self.times(SHAPE, label, r) for r in REGIMES) + " |"
            )
        out += [f"| {label} | missing: {cell(why)} | | | | | | |" for label, why in self.why.items()]
        return out

    def large(self):
        out = ["| row | hot us | cold us |", "| --- | ---: | ---: |"]
        for label, side, _ in self.sorted_rows():
            if (LARGE, label, "hot") in self.took:
                shown = f"**{label}**" if side == "palettize" else label
                out.append(f"| {shown} | {self.times(LARGE, label, 'hot')} | {self.times(LARGE, label, 'cold')} |")
        return out

    def error_of(self, label):
        return 0.0 if self.bits[label] == 32 else self.errors.get((label, "gauss"), (float("nan"),))[0]

    def verdict(self, shape, regimes):
        out = [
            "| peer | bits, error | | palettize at this rate | bits, error | ratio | with no greater error | ratio |",
            "| --- | ---: | --- | --- | ---: | ---: | --- | ---: |",
        ]
        ours = [r[0] for r in self.rows if r[1] == "palettize" and r[0] in self.bits and r[0] not in self.why]
        figures = lambda name: f"{self.bits[name]:.2f}, {self.error_of(name):.3g}"
        lost = []
        for label, side, name in self.sorted_rows():
            if side == "palettize" or label in self.why:
                continue
            small = [o for o in ours if self.bits[o] <= self.bits[label] + 0.005]
            most = max((self.bits[o] for o in small), default=0)
            rate = [o for o in small if self.bits[o] > most - 0.1]
            good = [o for o in small if self.error_of(o) <= self.error_of(label)]
            for regime in regimes:
                best = lambda name: min(self.took.get((shape, name, regime), [float("inf")]))
                cells = [label, figures(label)] if regime == "hot" else ["", ""]
                cells.append(regime)
                before = None
                for found, what in ((rate, "at its rate"), (good, "with no greater error")):
                    if not found:
                        cells += ["none", "", ""] if what == "at its rate" else ["none", ""]
                        continue
                    o = min(found, key=best)
                    ratio = best(label) / best(o)
                    cells.append(o.removeprefix("palettize "))
                    if what == "at its rate":
                        cells.append(figures(o))
                    cells.append(f"{ratio:.2f}" if ratio >= 1 else f"**{ratio:.2f}**")
                    if o == before:
                        continue
                    before = o
                    if ratio < 1:
                        lost.append(f"{label}, {regime}, {what} ({ratio:.2f})")
                    elif regime == "hot" and name.startswith("onnxruntime") and best(label) - (self.empty or 0) < best(o):
                        lost.append(f"{label}, hot, {what}, if its call is taken off ({(best(label) - self.empty) / best(o):.2f})")
                out.append("| " + " | ".join(cells) + " |")
        none = [r[0] for r in self.sorted_rows() if r[1] != "palettize" and r[0] not in self.why
                and not any(self.bits[o] <= self.bits[r[0]] + 0.005 and self.error_of(o) <= self.error_of(r[0]) for o in ours)]
        if none:
            out += ["", "More accurate than any layer of palettize with no more bits: " + "; ".join(none) + "."]
        return out + ["", "A peer is faster: " + ("; ".join(lost) + "." if lost else "nowhere.")]

    def kmeans_table(self):
        out = ["| | " + " | ".join(f"d = {d} s | error^2" for d in (1, 2, 4, 8)) + " |", "| --- |" + " ---: |" * 8]
        for label, *_ in KMEANS:
            cells = []
            for d in (1, 2, 4, 8):
                seconds, errors = self.kmeans.get((d, label), ([], []))
                if (d, label) in self.kmeans_failed:
                    cells += [f"missing: {cell(self.kmeans_failed[d, label])}", ""]
                elif seconds:
                    one = f"{min(seconds):.3g}"
                    cells += [one + (f" / {np.median(seconds):.3g}" if len(seconds) > 1 else " (one round)"), f"{errors[0]:.5g}"]
                else:
                    cells += ["", ""]
            out.append(f"| {'**' + label + '**' if label.startswith('palettize') else label} | " + " | ".join(cells) + " |")
        return out


def us(ns):
    value = ns / 1000
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def cell(text):
    """Return text that does not end a cell of a table."""
    return text.replace("|", "\\|")


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_field(name):
    for line in open("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def last_level_cache():
    """Return its bytes; 32 MiB where the system does not tell."""
    sizes = [p.read_text().strip() for p in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    return max((int(s.rstrip("KM")) << {"K": 10, "M": 20}[s[-1]] for s in sizes), default=32 << 20)


def huge_pages():
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    found = re.search(r"\[(\w+)\]", path.read_text()) if path.exists() else None
    return found[1] if found else "unknown"


def load_average():
    return f"{os.getloadavg()[0]:.1f}"


def put(path, part, text):
    """Write one part of the report and leave the others as they are. All but the first start with a heading."""
    parts, rest = {}, path.read_text() if path.exists() else ""
    for name in reversed(PARTS[1:]):
        rest, _, parts[name] = rest.partition(heading(name))
    parts[PARTS[0]] = rest
    parts[part] = text
    later = (heading(name) + parts[name] for name in PARTS[1:] if parts[name])
    path.write_text(parts[PARTS[0]] + "".join(later))
    say(f"wrote {path}")


def heading(part):
    return f"\n## {part.title()}\n"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def model_matrices(path, to):
    """Write the encoder's matrices of a safetensors file as raw float32; return their files and shapes."""
    if not path.exists():
        say(f"no {path}: the errors on a real model are left out (make testdata)")
        return []
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    found = []
    for name, t in sorted(json.loads(raw[8 : 8 + size]).items()):
        if not name.startswith("encoder.") or len(t["shape"]) != 2:
            continue
        lo, hi = t["data_offsets"]
        file = to / f"model-{len(found)}.f32"
        file.write_bytes(raw[8 + size + lo : 8 + size + hi])
        found.append((file, *t["shape"]))
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--ms", type=int, default=60, help="for a row, a regime and a round")
    p.add_argument("--minutes", type=float, default=11, help="after which no further round starts, for the main table")
    p.add_argument("--only", default="", help="regular expression of labels")
    p.add_argument("--skip", default="", help="of: large errors kmeans")
    p.add_argument("--out", default=str(HERE.parent.parent / "BENCHMARKS.md"))
    o = p.parse_args()
    cache = Path(os.environ["COMPARE_CACHE"])
    started = time.strftime("%Y-%m-%d")
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})  # the sides inherit it
    c = Compare(o, cache)
    c.cpu, c.load_before, c.kmeans_failed = cpu, load_average(), {}
    c.load(SHAPE)
    c.copy = float(c.sides["python"].ask("bandwidth", 256 << 20)[0])
    try:
        c.empty = float(c.sides["python"].ask("time", "onnxruntime/empty", "hot", 100, 0)[0])
    except Failed:
        c.empty = None
    c.multiply(SHAPE, REGIMES, o.rounds, o.minutes)
    if "errors" not in o.skip:
        c.weigh("gauss", [(c.work / "w.f32", *SHAPE)])
        c.weigh("model", model_matrices(cache.parent / "all-MiniLM-L6-v2.safetensors", c.work))
    if "large" not in o.skip:
        c.multiply(LARGE, ("hot", "cold"), max(1, o.rounds // 2), o.minutes / 4)
    for side in c.sides.values():
        side.stop()
    if "kmeans" not in o.skip:
        c.cluster(max(1, o.rounds // 2), o.minutes / 4)
    for side in c.sides.values():
        side.stop()
    if OFF:
        put(Path(o.out), "slower tiers", c.slower(started))
    else:
        put(Path(o.out), "speed", c.report(started))


if __name__ == "__main__":
    main()
