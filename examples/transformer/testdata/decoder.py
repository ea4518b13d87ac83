"""Writes what the Go code of decoders is held against, with the libraries that it stands in for:

    decoder.py logits                   llama-*/, qwen*/, mistral/: small models of random weights, their config.json, and
                                        what `transformers` and torch make of a text of theirs
    decoder.py bpe                      bpe-*.json: tokenizers trained on this folder's reference.py and README.md files,
                                        and digests of what `tokenizers` makes of the texts in tokens.json.gz
    decoder.py tokens TOKENIZER.json    smollm2.json: such digests for the tokenizer of SmolLM2

The files are written into the folder of this script, the same each time.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

SMALL = dict(hidden_size=48, intermediate_size=56, num_hidden_layers=2, vocab_size=96, max_position_embeddings=256)
SMALLER = dict(hidden_size=24, intermediate_size=28, num_attention_heads=4, num_key_value_heads=2,
               rope_parameters={"rope_type": "default", "rope_theta": 1000.0})
MODELS = {
    # Heads as wide as they usually are, an output matrix of the embeddings.
    "llama-tied": dict(num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
                       rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    # All else: wider heads, biases, an output matrix of its own, a longer context.
    "llama-long": dict(num_attention_heads=6, num_key_value_heads=2, head_dim=12, tie_word_embeddings=False,
                       attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
                       rope_parameters={"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0,
                                        "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
    # A window in the layers behind the first, which begins in the middle of a block of 64.
    "qwen2": dict(SMALLER, use_sliding_window=True, sliding_window=50, max_window_layers=1),
    "qwen3": dict(SMALLER, head_dim=8, tie_word_embeddings=True),
    "mistral": dict(SMALLER, sliding_window=70),
}


def logits():
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModelForCausalLM

    for i, (name, more) in enumerate(MODELS.items()):
        torch.manual_seed(14 + i)
        config = AutoConfig.for_model(name.split("-")[0], **{**SMALL, **more})
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
        with torch.no_grad():
            for key, w in model.named_parameters():  # large enough for attention to be far from even
                spread = 0.3 if key.endswith("bias") else 0.2 if "norm" in key else 1.6 / w.shape[-1] ** 0.5
                w.copy_((torch.randn(w.shape) * spread + ("norm" in key)).bfloat16().float())
            tokens = torch.randint(SMALL["vocab_size"], (150,))
            found = model(tokens[None]).logits[0]
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        model.config.save_pretrained(folder)
        kept = {k: w.detach().bfloat16() for k, w in model.named_parameters()}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
        save_file({"tokens": tokens.float(), "logits": found[[0, 1, 63, 64, 149]].contiguous()},
                  folder / "logits.safetensors")


def digest(numbers):
    return hashlib.sha256(" ".join(map(str, numbers)).encode()).hexdigest()[:8]


def digests(tokenizer):
    """Of the tokens of texts, and of the lengths in bytes of the words that all characters are split into."""
    packed = json.loads(gzip.decompress((HERE / "tokens.json.gz").read_bytes()))
    texts = [t["text"] for t in packed["texts"] if "text" in t]
    blocks = []
    for first in range(0, 0x110000, 4096):
        text = " ".join(f"a{chr(c)}b 7{chr(c)}{chr(c)}." for c in range(first, first + 4096) if not 0xD800 <= c <= 0xDFFF)
        blocks.append([len(word) for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)])
    return {"texts": [digest(tokenizer.encode(t).ids) for t in texts], "blocks": [digest(b) for b in blocks]}


def bpe():
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    llama = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
             r"|\s+(?!\S)|\s+")
    split = pre_tokenizers.Split(Regex(llama), "isolated")
    byte_level = pre_tokenizers.ByteLevel
    for name, pre, begin in (
        ("gpt2", byte_level(add_prefix_space=False), False),
        ("smollm", pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(add_prefix_space=False)]),
         False),
        ("llama3", pre_tokenizers.Sequence([split, byte_level(add_prefix_space=False, use_regex=False)]), True),
    ):
        tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
        tokenizer.pre_tokenizer = pre
        tokenizer.decoder = decoders.ByteLevel()
        special = ["<|begin|>", "<|end|>"]
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False,
                                      initial_alphabet=byte_level.alphabet())
        corpus = [(HERE / "reference.py").read_text(), *(p.read_text() for p in sorted(ROOT.glob("examples/*/README.md")))]
        tokenizer.train_from_iterator(corpus, trainer)
        if begin:
            tokenizer.post_processor = processors.Sequence([
                processors.ByteLevel(trim_offsets=False),
                processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 0)])])
        found = {"tokenizer": json.loads(tokenizer.to_str()), **digests(tokenizer)}
        (HERE / f"bpe-{name}.json").write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")


def tokens(path):
    from tokenizers import Tokenizer

    (HERE / "smollm2.json").write_text(json.dumps(digests(Tokenizer.from_file(path)), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    {"logits": logits, "bpe": bpe, "tokens": tokens}[sys.argv[1]](*sys.argv[2:])
