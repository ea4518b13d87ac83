"""all-MiniLM-L6-v2 out of a codebook file in transformers' own BertModel:

    python bert.py CODEBOOK MODEL TOKENIZER SENTENCES

loads both files into the class, prints the cosines of their embeddings of the sentences, a line
each, and holds every embedding against that of examples/compare/embeddings.py, which runs the same
weights in numpy. It needs torch and transformers.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

from codebook import Codebook

sys.path.append(str(Path(__file__).resolve().parents[1] / "compare"))
import embeddings

ALIKE = 1e-5  # any number of two embeddings of length 1, of which one is computed in another order


def bert(weights):
    """The model with these arrays, by the names that it has itself."""
    words, width = weights["embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=embeddings.LAYERS,
        num_attention_heads=embeddings.HEADS,
        intermediate_size=len(weights["encoder.layer.0.intermediate.dense.weight"]),
    )
    model = BertModel(config).eval()
    tensors = {
        name: torch.from_numpy(array)
        for name, array in weights.items()
        if name != "embeddings.position_ids"
    }
    model.load_state_dict(tensors)  # which fails where a name or a shape is another
    return model


@torch.inference_mode()
def embed(model, sentences):
    """The unit embeddings of lists of token numbers, [sentences, width]."""
    means = [model(torch.tensor([tokens])).last_hidden_state[0].mean(0) for tokens in sentences]
    return torch.nn.functional.normalize(torch.stack(means)).numpy()


if __name__ == "__main__":
    book, dense, tokenizer, text = sys.argv[1:]
    sentences = embeddings.read_sentences(Path(text), tokenizer)
    found, furthest = [], 0.0
    for path in (dense, book):
        weights = Codebook(path).load()
        found.append(embed(bert(weights), sentences))
        furthest = max(furthest, np.abs(found[-1] - embeddings.embed(weights, sentences)).max())
    cosines = (found[0] * found[1]).sum(1, dtype=np.float64)
    print(*(f"{c:.5f}" for c in cosines), sep="\n")
    summary = f"mean {cosines.mean():.5f}, least {cosines.min():.5f}"
    print(f"{summary}; at most {furthest:.1e} from embeddings.py", file=sys.stderr)
    sys.exit(bool(furthest > ALIKE))
