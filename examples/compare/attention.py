"""Measures attention by key tables (codebook.Attention) by the tests that hold its figures, and writes the part Attention of
BENCHMARKS.md: how far it is from exact attention in all-MiniLM-L6-v2, and how long scores take.
"""

import argparse
import os
import subprocess
import time
from pathlib import Path

from compare import HERE, cpu_field, output, put, say

WAYS = {"d = 2": 16, "d = 4": 8, "d = 8": 4, "whole": 1}  # and the bytes of a key of 32 columns
TIERS = {"AVX-512 VBMI": "", "AVX2": "avx512f"}  # and what is switched off


def logged(test, package, **env):
    """The fields of the lines that a test logs."""
    say(f"running {test}")
    done = subprocess.run(["go", "test", "-count=1", "-v", "-run", f"^{test}$", package], cwd=HERE.parent.parent,
                          env={**os.environ, **env}, capture_output=True, text=True)
    if "--- PASS" not in done.stdout and "--- FAIL" not in done.stdout:
        raise SystemExit(f"{test} did not run:\n{done.stdout}{done.stderr}")
    lines = [line.split(".go:", 1)[1].split(": ", 1)[1] for line in done.stdout.splitlines() if ".go:" in line]
    for line in lines:
        if " | " not in line:
            say(line)
    return [[field.strip() for field in line.split(" | ")] for line in lines if " | " in line]


def errors_table(rows):
    yield "| keys | bytes a key | score error | output error | by layer | cosine | least |"
    yield "| --- | ---: | ---: | ---: | --- | ---: | ---: |"
    for _, way, layers, scores, out, cosine, least in rows:
        yield f"| {way} | {WAYS[way]} | {scores} | {out} | {', '.join(layers.split())} | {cosine} | {least} |"


def times_table(rows):
    yield "| | columns | dense us | " + " | ".join(WAYS) + " |"
    yield "| --- | ---: | ---: |" + " ---: |" * len(WAYS)
    for what, head, times in rows:
        dense, *ours = times.split()
        if what == "time to append":
            yield f"| a key appended | {head} | | " + " | ".join(ours) + " |"
            continue
        shown = (f"{t} ({float(dense) / float(t):.1f})" for t in ours)
        yield f"| {int(what.split()[2]):,} keys | {head} | {dense} | " + " | ".join(shown) + " |"


def report(errors, times, load):
    text = [
        "",
        "`codebook.Attention` replaces the keys of each head of attention by codes, d columns a code, and adds up table entries",
        "for a score; \"whole\" replaces whole keys and queries by one of 256 centroids each. Written by",
        "`make compare COMPARE=attention`, by tests that hold these figures.",
        "",
        "| | |",
        "| --- | --- |",
        f"| CPU | {cpu_field('model name')}, one thread |",
        f"| run | {time.strftime('%Y-%m-%d')}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after |",
        f"| palettize | {output('git', '-C', str(HERE), 'describe', '--always', '--dirty')} |",
        "",
        "all-MiniLM-L6-v2, 12 heads of 32 columns in each of 6 layers, trained on 300 sentences, measured on 200 others. Score",
        "error: relative, the mean over the keys of a query taken off, which a softmax does not see. Output error: relative, of",
        "what attention makes of the values, all layers before being exact. Cosine: of embeddings with tables in all layers to",
        "exact ones, the mean and the least. A float32 key takes 128 bytes.",
        "",
        *errors_table(errors),
        "",
        "Microseconds for one query, int8 or nearest centroid included, with random keys; in brackets how many times as fast as",
        "dense float32 products (`kernels.Set.DenseVec`). Tables have to be built for each query, which takes as long as the dense",
        "products with 300 to 1,000 keys: few keys are no gain. AVX2 cannot look 256 up in registers: its tables are gathered.",
    ]
    for tier, rows in times.items():
        text += ["", f"### Scores with {tier}", "", *times_table(rows)]
    return "\n".join(text) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", type=Path, default=HERE.parent.parent / "BENCHMARKS.md")
    p.add_argument("--model", type=Path,
                   default=Path(os.environ["COMPARE_CACHE"]).parent / "all-MiniLM-L6-v2.safetensors")
    o = p.parse_args()
    load = os.getloadavg()[0]
    times = {tier: logged("TestScoreTimes", "./codebook", PALETTIZE_TIMES="1", PALETTIZE_CPU_OFF=off)
             for tier, off in TIERS.items()}
    errors = logged("TestModelAttention", "./examples/transformer", PALETTIZE_MODEL=str(o.model))
    put(o.out, "attention", report(errors, times, load))


if __name__ == "__main__":
    main()
