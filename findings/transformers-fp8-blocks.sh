#!/usr/bin/env bash
# transformers 5.24.0, asked to dequantise FP8 weights (FineGrainedFP8Config(dequantize=True)), takes
# the size of the blocks that share a scale from the number of scales and not from weight_block_size
# of the config. A [192, 192] matrix with blocks of 128 has 2 x 2 scales, as its own FP8Linear
# allocates them, and is multiplied in blocks of 96, without a word. 576 rows, which 5 scales do not
# divide, are refused.
#
# Seen on Linux x86-64, Python 3.11; torch and what it needs take 5 GB of disk. Exits 1 if any of it
# changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
	transformers==5.24.0 torch==2.15.0 accelerate==1.15.0 safetensors==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - 2>messages <<'PYTHON' | tee seen || { cat messages >&2; exit 1; }
import json
import os

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, FineGrainedFP8Config, LlamaConfig, LlamaForCausalLM
from transformers.integrations.finegrained_fp8 import FP8Linear

BLOCK = [128, 128]


def rows_of_first_scale(size):
    """Store ones with scales 1, 2, 3 .. and return how many rows of the loaded matrix are 1."""
    config = LlamaConfig(hidden_size=size, intermediate_size=size, num_hidden_layers=1,
                         num_attention_heads=1, num_key_value_heads=1, head_dim=size, vocab_size=32)
    linear = FP8Linear(size, size, block_size=BLOCK)
    print(f"[{size}, {size}]: FP8Linear has scales", list(linear.weight_scale_inv.shape))
    tensors = {}
    for name, w in LlamaForCausalLM(config).state_dict().items():
        tensors[name] = w.to(torch.bfloat16)
        if "proj" in name:
            tensors[name] = torch.ones(w.shape).to(torch.float8_e4m3fn)
            grid = linear.weight_scale_inv.shape
            scales = torch.arange(1.0, 1 + grid.numel()).reshape(grid)
            tensors[name + "_scale_inv"] = scales
    folder = str(size)
    os.makedirs(folder)
    save_file(tensors, f"{folder}/model.safetensors", {"format": "pt"})
    description = config.to_dict() | {
        "architectures": ["LlamaForCausalLM"],
        "quantization_config": {"quant_method": "fp8", "weight_block_size": BLOCK},
    }
    with open(f"{folder}/config.json", "w") as f:
        json.dump(description, f)
    how = FineGrainedFP8Config(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=how, dtype=torch.float32)
    return int((model.model.layers[0].mlp.up_proj.weight[:, 0] == 1).sum())


for size in 256, 192:
    print(f"[{size}, {size}]: the first scale has", rows_of_first_scale(size), "rows")
try:
    rows_of_first_scale(576)
except Exception as error:
    print(f"[576, 576]: {type(error).__name__}")
PYTHON
grep -o 'Weight shape ([0-9, ]*) not divisible by scale grid ([0-9, ]*)' messages | sort -u | tee -a seen
diff seen - <<'EXPECTED'
[256, 256]: FP8Linear has scales [2, 2]
[256, 256]: the first scale has 128 rows
[192, 192]: FP8Linear has scales [2, 2]
[192, 192]: the first scale has 96 rows
[576, 576]: FP8Linear has scales [5, 5]
[576, 576]: RuntimeError
Weight shape (576, 576) not divisible by scale grid (5, 5)
EXPECTED
