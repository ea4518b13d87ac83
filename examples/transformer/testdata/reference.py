"""Writes what the Go code is held against, with the libraries that it stands in for:

    reference.py tokens TOKENIZER.json    tokens.json.gz: hard texts, and what `tokenizers` makes of them
    reference.py vectors MODEL.safetensors TOKENIZER.json
                                          vectors.safetensors: 20 sentences by `transformers` and torch
    reference.py moments MODEL.safetensors TOKENIZER.json
                                          moments.json: entries of what `examples/compare/embeddings.py calibrate` writes

TOKENIZER.json and MODEL.safetensors are those of all-MiniLM-L6-v2 (`make testdata`). The files are written into the
folder of this script, the same each time.
"""

import base64
import gzip
import hashlib
import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPARE = HERE.parents[1] / "compare"
SENTENCES = COMPARE / "sentences/eval.txt"

WORDS = """the ferry leaves at nine unbelievable embeddings naïve café Zürich İstanbul ſtraße STRASSE ÅNGSTRÖM coöperate
don't rock'n'roll e-mail user@example.com https://example.com/a?b=c#d 3.14159 1,000,000 $19.99 50% C++ C# .NET x_y_z
antidisestablishmentarianism Donaudampfschifffahrtsgesellschaft ﬁnance ﬂow № ™ ½ x² H₂O Ωmega µm K Å ǅ ŉ ẞ""".split()
SCRIPTS = {  # first and last code points of what a word is made of
    "Latin": (0xC0, 0x24F), "Greek": (0x370, 0x3FF), "Cyrillic": (0x400, 0x4FF), "Armenian": (0x531, 0x587),
    "Hebrew": (0x591, 0x5F4), "Arabic": (0x600, 0x6FF), "Devanagari": (0x900, 0x97F), "Tamil": (0xB80, 0xBFF),
    "Thai": (0xE00, 0xE5B), "Tibetan": (0xF00, 0xFFF), "Georgian": (0x10A0, 0x10FF), "Hangul Jamo": (0x1100, 0x11FF),
    "Khmer": (0x1780, 0x17FF), "Vietnamese": (0x1E00, 0x1EFF), "Greek extended": (0x1F00, 0x1FFF),
    "punctuation": (0x2000, 0x206F), "super and sub": (0x2070, 0x209F), "currency": (0x20A0, 0x20CF),
    "letter-like": (0x2100, 0x218F), "arrows, maths": (0x2190, 0x22FF), "boxes": (0x2500, 0x25FF),
    "CJK marks": (0x3000, 0x303F), "kana": (0x3040, 0x30FF), "CJK A": (0x3400, 0x4DBF), "CJK": (0x4E00, 0x9FFF),
    "Hangul": (0xAC00, 0xD7A3), "private": (0xE000, 0xE0FF), "CJK compatible": (0xF900, 0xFAFF),
    "presentation": (0xFB00, 0xFDFF), "half width": (0xFF00, 0xFFEF), "specials": (0xFFF0, 0xFFFD),
    "Gothic": (0x10330, 0x1034F), "maths": (0x1D400, 0x1D7FF), "emoji": (0x1F300, 0x1F64F),
    "flags": (0x1F1E6, 0x1F1FF), "pictures": (0x1F900, 0x1F9FF), "CJK B": (0x20000, 0x2A6DF),
    "CJK E": (0x2B820, 0x2CEAF), "CJK extra": (0x2F800, 0x2FA1F), "tags": (0xE0000, 0xE007F),
}
SPACES = " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000"
ODD = "\x00\x01\x1b\x7f\x9f\xad\u034f\u0600\u061c\u180e\u200b\u200d\u200e\u2060\ufeff\ufffd\ufffe\U000e0001"
PEOPLE = ["👩\u200d👩\u200d👧", "👍🏽", "🇨🇭", "1️⃣", "❤️", "🏴\U000e0067\U000e0062\U000e007f"]
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[mask]", "[MASK", "##ing", "[CLS][SEP]"]


def word(rng):
    first, last = rng.choice(list(SCRIPTS.values()))
    text = "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 12)))
    if rng.random() < 0.3:  # accents on whatever it is, in any order
        text = "".join(c + chr(rng.randint(0x300, 0x36F)) * rng.randint(0, 2) for c in text)
    return text


def long_word(rng):
    n = rng.choice([99, 100, 101, 102, 250, 2000])
    return "".join(rng.choice("abcdeé" if rng.random() < 0.1 else "aeiounrst") for _ in range(n))


def text(rng):
    kind = rng.random()
    if kind < 0.02:
        return rng.choice(["", " ", "\n", "\x00", "\u0301", "a\u0301" * 40, "\ufeff", "[SEP]"])
    if kind < 0.06:
        return " ".join(long_word(rng) for _ in range(rng.randint(1, 3)))
    if kind < 0.10:  # far more than fits
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(100, 400)))
    pieces = []
    for _ in range(rng.randint(1, 14)):
        pieces.append(rng.choices(
            [lambda: rng.choice(WORDS), lambda: word(rng), lambda: rng.choice(PEOPLE), lambda: rng.choice(SPECIAL),
             lambda: rng.choice(ODD), lambda: chr(rng.randint(0x21, 0x7E)) * rng.randint(1, 3)],
            [40, 30, 5, 4, 8, 13])[0]())
        pieces.append(rng.choices(["", " ", rng.choice(SPACES), rng.choice(ODD)], [15, 70, 10, 5])[0])
    return "".join(c for c in "".join(pieces) if not 0xD800 <= ord(c) <= 0xDFFF)


def damaged(rng):
    """Bytes that are no UTF-8, in part."""
    data = bytearray(text(rng).encode() or b"a")
    for _ in range(rng.randint(1, 4)):
        data.insert(rng.randint(0, len(data)), rng.randint(0x80, 0xFF))
    return bytes(data)


def digest(ids):
    return f"{len(ids)}:" + hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()[:12]


def tokens(path):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    rng = random.Random(14)
    found = []
    for i in range(2000):
        data = damaged(rng) if i % 20 == 19 else text(rng).encode()
        ids = tokenizer.encode(data.decode(errors="replace")).ids
        try:
            found.append({"text": data.decode(), "tokens": digest(ids)})
        except UnicodeDecodeError:
            found.append({"base64": base64.b64encode(data).decode(), "tokens": digest(ids)})
    # Every character, between letters, a block of 256 to a text: nothing may be cut off.
    tokenizer.no_truncation()
    blocks = {}
    for first in range(0, 0x110000, 256):
        if not 0xD800 <= first <= 0xDFFF:
            block = " ".join(f"a{chr(first + i)}b" for i in range(256))
            blocks[f"{first:x}"] = digest(tokenizer.encode(block).ids)
    packed = json.dumps({"texts": found, "blocks": blocks}, ensure_ascii=False, indent=0).encode()
    (HERE / "tokens.json.gz").write_bytes(gzip.compress(packed, 9, mtime=0))


def vectors(model, tokenizer):
    import torch
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
                        attn_implementation="eager")
    bert = BertModel(config).eval()
    missing, extra = bert.load_state_dict(load_file(model), strict=False)
    assert not missing and set(extra) <= {"embeddings.position_ids"}, (missing, extra)
    words = Tokenizer.from_file(tokenizer)
    words.no_padding()
    rows = []
    with torch.no_grad():
        for sentence in SENTENCES.read_text(encoding="utf-8").splitlines()[:20]:
            x = bert(torch.tensor([words.encode(sentence).ids])).last_hidden_state[0].mean(0)
            rows.append(x / x.norm())
    save_file({"vectors": torch.stack(rows)}, HERE / "vectors.safetensors")


def moments(model, tokenizer):
    """Of each matrix E[x x^T] its Frobenius norm, and entries a prime number apart."""
    import numpy as np
    from safetensors.numpy import load_file

    sys.path.insert(0, str(COMPARE))
    import embeddings

    out = HERE / "moments.safetensors"
    sentences = embeddings.read_sentences(COMPARE / "sentences/calibration.txt", tokenizer)
    embeddings.calibrate(embeddings.load(model), sentences, out)
    found = {
        name: {"norm": float(np.linalg.norm(m.astype(np.float64))), "entries": m.ravel()[::7919].tolist()[:40]}
        for name, m in sorted(load_file(out).items())
    }
    out.unlink()
    (HERE / "moments.json").write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    {"tokens": tokens, "vectors": vectors, "moments": moments}[sys.argv[1]](*sys.argv[2:])
