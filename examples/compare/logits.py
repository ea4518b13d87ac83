"""Holds the logits of examples/decoder against those of transformers, on SmolLM2-135M-Instruct as decoder.py has it:

    logits.py MODEL PALETTIZE-SIDE

It needs torch and transformers; run.sh runs it where COMPARE_TORCH names a Python that has them. Both sides compute in float32,
in another order. It fails where a logit is more than LIMIT of their standard deviation off.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
LIMIT = 1e-4
LONG = 1024  # tokens
PROMPTS = (
    "The capital of France is",
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
    "Zürich, naïve 日本語 🙂 3.14159",
    (HERE / "sentences/eval.txt").read_text(encoding="utf-8"),
)


def main(model, side):
    words = Tokenizer.from_file(f"{model}/tokenizer.json")
    prompts = [words.encode(p).ids[:LONG] for p in PROMPTS]
    with tempfile.TemporaryDirectory() as work:
        tokens, found = Path(work, "tokens"), Path(work, "logits")
        tokens.write_text("".join(" ".join(map(str, p)) + "\n" for p in prompts))
        done = subprocess.run([side, "logits", model, tokens, found], stdout=subprocess.PIPE, text=True)
        if done.returncode or done.stdout:
            raise SystemExit(done.stdout or f"{side} failed")
        ours = np.fromfile(found, "<f4")
    reference = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager").eval()
    worst = 0.0
    for prompt in prompts:
        with torch.no_grad():
            theirs = reference(torch.tensor([prompt])).logits[0].numpy()
        mine, ours = ours[:theirs.size].reshape(theirs.shape), ours[theirs.size:]
        off, spread = np.abs(mine - theirs).max(), theirs.std()
        same = (mine.argmax(1) == theirs.argmax(1)).mean()
        worst = max(worst, off / spread)
        print(f"{len(prompt):5} tokens: a logit is {off:.2g} off, {off / spread:.2g} of their standard deviation; "
              f"the same most likely token in {100 * same:.1f} %")
    if ours.size or not worst <= LIMIT:
        raise SystemExit(f"{ours.size} logits too many; {worst:.2g} off, expected at most {LIMIT}")


if __name__ == "__main__":
    main(*sys.argv[1:])
