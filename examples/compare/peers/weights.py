"""Ways of other programs to store weights, written anew where the program itself would be a large download: each
function returns the weights as they come back and the bits that they take."""

from statistics import NormalDist

import numpy as np

ROWS = 16  # that share a codebook in k_means


def nf4(w, scale_bits):
    """NF4 of QLoRA (Dettmers et al. 2023, arXiv:2305.14314): 16 quantiles of a Gaussian for blocks of 64 weights, scaled by
    their largest magnitude, which is kept in scale_bits. It is not rounded here, which favours NF4."""
    least = (1 - 1 / 30 + 1 - 1 / 32) / 2  # the probability that stands for the end of the scale in bitsandbytes
    above = [NormalDist().inv_cdf(p) for p in np.linspace(0.5, least, 9)]
    below = [-NormalDist().inv_cdf(p) for p in np.linspace(least, 0.5, 8)]
    values = np.array(below + above[1:], np.float32) / np.float32(above[-1])
    blocks = w.reshape(-1, 64)
    scales = np.abs(blocks).max(1, keepdims=True)
    scales[scales == 0] = 1
    codes = np.searchsorted((values[1:] + values[:-1]) / 2, blocks / scales)
    return (values[codes] * scales).reshape(w.shape), 4 * w.size + scale_bits * len(blocks)


def k_means(w, k):
    """Palettization of coremltools: k float16 values for each 16 rows, by the package that it brings for exact k-means of
    numbers. Its scales for rows are left out: here they make the error no smaller and the cosine far worse."""
    import kmeans1d

    back = np.empty_like(w)
    for at in range(0, len(w), ROWS):
        group = w[at : at + ROWS]
        codes, values = kmeans1d.cluster(group.ravel(), k)
        back[at : at + ROWS] = np.float16(values)[codes].reshape(group.shape)
    return back, w.size * np.log2(k) + 16 * k * -(-len(w) // ROWS)
