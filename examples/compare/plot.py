"""The plot of size.py: error and loss of cosine against bits, as an SVG that can be read on light and on dark."""

import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt

GREY = "#7a7a7a"  # about as far from white as from GitHub's dark background

# Series: name, colour, marker, line, where its label goes: the point (0 first, -1 last) and the way from it.
SERIES = [
    ("palettize trellis", "#2f7ed8", "o", "-", 2, (-8, -12, "right")),
    ("palettize window", "#2f7ed8", "s", ":", 1, (8, 6, "left")),
    ("palettize segments", "#2f7ed8", "^", "", 0, (8, 0, "left")),
    ("palettize scalar", "#2f7ed8", "v", "", 0, (8, 0, "left")),
    ("llama.cpp K types", "#d9622b", "o", "-", 2, (8, 6, "left")),
    ("llama.cpp IQ types", "#d9622b", "D", "", 0, (8, 6, "left")),
    ("NF4", "#2e9a5b", "P", "", 0, (8, 6, "left")),
    ("k-means, scaled rows", "#a259c4", "X", "--", 0, (8, 6, "left")),
]
BITS = (1, 7)


def panel(axes, rows, calibrations, value, title, unit):
    """Draw each series as far as it has figures; calibrations in order of preference."""
    for name, colour, marker, line, at, (dx, dy, side) in SERIES:
        points = []
        for row in rows:
            figures = next((row.found[c] for c in calibrations if c in row.found), None)
            if row.series == name and figures and BITS[0] <= figures[0] <= BITS[1]:
                points.append((figures[0], value(figures)))
        if not points:
            continue
        points.sort()
        axes.plot(*zip(*points), color=colour, marker=marker, markersize=5, linestyle=line, linewidth=1.5, label=name)
        axes.annotate(name.removeprefix("palettize ").removeprefix("llama.cpp "), points[min(at, len(points) - 1)], xytext=(dx, dy),
                      textcoords="offset points", ha=side, va="center", color=colour)
    axes.set(title=title, xlabel="bits a weight, everything counted", ylabel=unit, xlim=BITS, yscale="log")
    axes.grid(which="major", linewidth=0.5, alpha=0.4)


def plot(rows, path):
    plt.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "palettize", "font.family": "sans-serif", "font.size": 10,
        "text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY, "axes.titlecolor": GREY,
        "xtick.color": GREY, "ytick.color": GREY, "grid.color": GREY, "axes.titlesize": 11,
    })
    figure, axes = plt.subplots(2, 1, figsize=(8.6, 10.5), layout="constrained")
    panel(axes[0], rows, ["nothing"], lambda f: f[1], "Error of the weights, not calibrated", "relative error")
    bits = np.array(BITS)
    axes[0].plot(bits, 2.0**-bits, color=GREY, linestyle="--", linewidth=1, label="Shannon, Gaussian weights: 2^-bits")
    axes[0].annotate("2^-bits", (6.6, 2**-6.6), xytext=(-6, -8), textcoords="offset points", ha="right", va="center")
    panel(axes[1], rows, ["E[x x^T]", "E[x^2]"], lambda f: 1 - f[2],
          "What it does to sentence embeddings, calibrated with the most that each can use", "1 - cosine")
    for a in axes:
        a.legend(frameon=False, loc="upper right")
    figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)
