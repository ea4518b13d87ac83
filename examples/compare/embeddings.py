"""What compression does to the answers of a model: all-MiniLM-L6-v2 in numpy, on sentences of our own.

    embeddings.py calibrate OUT.safetensors     the second moments of what enters each linear layer of the encoder
    embeddings.py score REBUILT.safetensors...  how far files written by `palettize decompress` are from the original

The moments are of sentences/calibration.txt, the scores of sentences/eval.txt, which share no sentence.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palettize"
LAYERS, HEADS = 6, 12
LINEARS = [
    f"encoder.layer.{layer}.{part}"
    for layer in range(LAYERS)
    for part in (
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "intermediate.dense", "output.dense",
    )
]


def normalise(x, gain, bias):
    x = x - x.mean(1, keepdims=True)
    return x / np.sqrt((x * x).mean(1, keepdims=True) + np.float32(1e-12)) * gain + bias


def gelu(x):
    """x * Phi(x), with erf by Abramowitz and Stegun 7.1.26, whose error is at most 1.5e-7."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return x / 2 * (1 + np.sign(x) * (1 - poly * np.exp(-z * z)))


def attend(q, k, v):
    """Attention within one sentence; q, k, v are [tokens, width]."""
    q, k, v = (m.reshape(len(m), HEADS, -1).transpose(1, 0, 2) for m in (q, k, v))
    scores = q @ k.transpose(0, 2, 1) / np.float32(q.shape[2] ** 0.5)
    scores = np.exp(scores - scores.max(2, keepdims=True))
    mixed = scores / scores.sum(2, keepdims=True) @ v
    return mixed.transpose(1, 0, 2).reshape(mixed.shape[1], -1)


def embed(weights, sentences, watch=lambda name, x: None):
    """The unit embeddings of sentences, [sentences, width]. Each is a list of token numbers.

    watch(name, x) sees the input x [tokens of all sentences, columns] of each linear layer.
    """

    def linear(name, x):
        watch(name, x)
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(name, x):
        return normalise(x, weights[name + ".weight"], weights[name + ".bias"])

    words, places = weights["embeddings.word_embeddings.weight"], weights["embeddings.position_embeddings.weight"]
    x = np.concatenate([words[s] + places[: len(s)] for s in sentences]) + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm("embeddings.LayerNorm", x)
    starts = np.cumsum([0] + [len(s) for s in sentences])
    spans = [slice(a, b) for a, b in zip(starts, starts[1:])]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        q, k, v = (linear(f"{at}attention.self.{part}", x) for part in ("query", "key", "value"))
        mixed = np.concatenate([attend(q[s], k[s], v[s]) for s in spans])
        x = norm(at + "attention.output.LayerNorm", x + linear(at + "attention.output.dense", mixed))
        inner = gelu(linear(at + "intermediate.dense", x))
        x = norm(at + "output.LayerNorm", x + linear(at + "output.dense", inner))
    means = np.stack([x[s].mean(0) for s in spans])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def load(path):
    """The tensors of a safetensors file, floats as float32."""
    return {name: t.astype(np.float32) if t.dtype.kind == "f" else t for name, t in load_file(path).items()}


def read_sentences(path, tokenizer):
    tokenizer = Tokenizer.from_file(str(tokenizer))
    tokenizer.no_padding()
    return [tokenizer.encode(line).ids for line in path.read_text(encoding="utf-8").splitlines()]


def calibrate(weights, sentences, out):
    """Write E[x x^T] of every linear layer under the name of its weights, [columns, columns]."""
    moments, last = {}, (None, None)

    def watch(name, x):
        nonlocal last
        if last[0] is not x:  # query, key and value share their input
            wide = x.astype(np.float64)
            last = x, (wide.T @ wide / len(wide)).astype(np.float32)
        moments[name + ".weight"] = last[1]

    embed(weights, sentences, watch)
    save_file(moments, out, {"sentences": str(len(sentences)), "tokens": str(sum(map(len, sentences)))})


def score(original, wanted, rebuilt, sentences):
    """Return the mean cosine with the embeddings wanted and the relative Frobenius error over the linear layers."""
    cosine = (wanted * embed(rebuilt, sentences)).sum(1).mean(dtype=np.float64)
    noise = signal = 0.0
    for name in LINEARS:
        true = original[name + ".weight"].astype(np.float64)
        noise += ((rebuilt[name + ".weight"] - true) ** 2).sum()
        signal += (true**2).sum()
    return cosine, (noise / signal) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=CACHE / "all-MiniLM-L6-v2.safetensors")
    parser.add_argument("--tokenizer", type=Path, default=CACHE / "all-MiniLM-L6-v2.tokenizer.json")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("calibrate").add_argument("out", metavar="OUT.safetensors")
    commands.add_parser("score").add_argument("rebuilt", metavar="REBUILT.safetensors", nargs="+")
    o = parser.parse_args()
    weights = load(o.model)
    if o.command == "calibrate":
        calibrate(weights, read_sentences(HERE / "sentences/calibration.txt", o.tokenizer), o.out)
        return
    sentences = read_sentences(HERE / "sentences/eval.txt", o.tokenizer)
    wanted = embed(weights, sentences)
    print("cosine   error    file")
    for path in o.rebuilt:
        cosine, error = score(weights, wanted, load(path), sentences)
        print(f"{cosine:.5f}  {error:.5f}  {path}", flush=True)


if __name__ == "__main__":
    main()
