"""Writes what the inputs of a model's linear layers are like, for `palettize compress --calibration`.

    calibrate.py MODEL TEXT OUT.safetensors [--squares] [--tokens N]

MODEL is a folder or a name that transformers loads, TEXT a file with one passage a line. OUT has a tensor for every
linear layer, under the name of its weights: E[x x^T] [columns, columns], or with --squares E[x^2] [columns].
"""

import argparse
import sys

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file


def load(name):
    """The tokenizer, and the model as the class that it was saved from, whose weights have the names of the file."""
    config = transformers.AutoConfig.from_pretrained(name)
    model = getattr(transformers, config.architectures[0]).from_pretrained(name)
    return transformers.AutoTokenizer.from_pretrained(name), model.eval()


class Moments:
    """Sums up the inputs of linear layers. Layers that get the very same input share a sum."""

    TOGETHER = 4096  # tokens, or every passage would cost a pass over all sums

    def __init__(self, model, squares):
        self.squares, self.inputs, self.sums, self.counts, self.first = squares, {}, {}, {}, {}
        self.last = None, None  # an input, and the layer that got it first
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(lambda module, inputs, name=name: self.see(name, inputs[0]))

    def see(self, name, x):
        if self.last[0] is x:
            self.first[name] = self.last[1]
            return
        self.last, self.first[name] = (x, name), name
        inputs = self.inputs.setdefault(name, [])
        inputs.append(x.detach().float().cpu().numpy().reshape(-1, x.shape[-1]))
        if sum(map(len, inputs)) >= self.TOGETHER:
            self.add(name)

    def add(self, name):
        x = np.concatenate(self.inputs.pop(name)).astype(np.float64)
        self.sums[name] = self.sums.get(name, 0) + ((x * x).sum(0) if self.squares else x.T @ x)
        self.counts[name] = self.counts.get(name, 0) + len(x)

    def means(self):
        for name in list(self.inputs):
            self.add(name)
        means = {name: (self.sums[name] / self.counts[name]).astype(np.float32) for name in self.sums}
        return {name + ".weight": means[first] for name, first in self.first.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("out", metavar="OUT.safetensors")
    parser.add_argument("--squares", action="store_true", help="E[x^2] only: a small file, less use")
    parser.add_argument("--tokens", type=int, default=512, help="take at most N of a passage (512)", metavar="N")
    o = parser.parse_args()

    with open(o.text, encoding="utf-8") as f:
        passages = [line for line in f.read().splitlines() if line.strip()]
    tokenizer, model = load(o.model)
    moments = Moments(model, o.squares)
    with torch.no_grad():
        for passage in passages:  # one at a time, so that no padding is counted
            model(**tokenizer(passage, return_tensors="pt", truncation=True, max_length=o.tokens))
    means = moments.means()
    if not means:
        sys.exit(f"{o.model}: has no linear layers")
    save_file(means, o.out)
    print(f"{len(passages)} passages, {max(moments.counts.values())} tokens, {len(means)} layers")


if __name__ == "__main__":
    main()
