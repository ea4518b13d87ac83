"""The plot of size.py: error and loss of cosine against bits, as an SVG that can be read on light and on dark."""

import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator

GREY = "#7a7a7a"  # about as far from white as from GitHub's dark background
BITS = (1, 7)

# Series: name, colour, marker, line, which point has the label (0 is the one of fewest bits), where it is from there.
SERIES = [
    ("palettize trellis", "#2f7ed8", "o", "-", 0, (-8, -6, "right")),
    ("palettize window", "#1aa3b8", "s", ":", 1, (8, 6, "left")),
    ("palettize segments", "#2f7ed8", "^", "", 0, (8, 0, "left")),
    ("palettize scalar", "#2f7ed8", "v", "", 0, (8, 0, "left")),
    ("llama.cpp K types", "#d9622b", "o", "-", 3, (8, 6, "left")),
    ("llama.cpp IQ types", "#d9622b", "D", "", 0, (8, 6, "left")),
    ("NF4", "#2e9a5b", "P", "", 1, (8, 2, "left")),
    ("k-means", "#a259c4", "X", "--", 0, (-8, 4, "right")),
]


def panel(axes, rows, calibration, value, hollow=False):
    """Draw the series that have figures with a calibration; value is what is drawn of them."""
    for name, colour, marker, line, at, (dx, dy, side) in SERIES:
        found = [row.found[calibration] for row in rows if row.series == name and calibration in row.found]
        points = sorted((f[0], value(f)) for f in found if BITS[0] <= f[0] <= BITS[1])
        if not points:
            continue
        if calibration != "none":
            name += f", {calibration}"
        axes.plot(*zip(*points), color=colour, marker=marker, markersize=5, markerfacecolor="none" if hollow else colour,
                  linestyle=line, linewidth=1.5, label=name)
        axes.annotate(name.removeprefix("palettize ").removeprefix("llama.cpp "), points[min(at, len(points) - 1)], xytext=(dx, dy),
                      textcoords="offset points", ha=side, va="center", color=colour)


def plot(rows, path):
    plt.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "palettize", "font.sans-serif": ["DejaVu Sans", "Arial"], "font.size": 10,
        "text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY, "axes.titlecolor": GREY, "axes.titlesize": 11,
        "xtick.color": GREY, "ytick.color": GREY, "grid.color": GREY, "grid.alpha": 0.4, "grid.linewidth": 0.5,
    })
    figure, (error, cosine) = plt.subplots(2, 1, figsize=(8.6, 10.5), layout="constrained")
    panel(error, rows, "none", lambda f: f[1])
    bits = np.array(BITS)
    error.plot(bits, 2.0**-bits, color=GREY, linestyle="--", linewidth=1, label="Shannon, Gaussian weights: 2^-bits")
    error.annotate("2^-bits", (6.8, 2**-6.8), xytext=(-6, -8), textcoords="offset points", ha="right", va="center")
    error.set(title="Error of the weights, not calibrated", ylabel="relative error")
    panel(cosine, rows, "E[x x^T]", lambda f: 1 - f[2])
    panel(cosine, rows, "E[x^2]", lambda f: 1 - f[2], hollow=True)
    cosine.set(title="Loss of cosine between sentence embeddings, calibrated", ylabel="1 - cosine")
    for axes in (error, cosine):
        axes.set(xlabel="bits a weight, everything counted", xlim=BITS, yscale="log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.grid()
        axes.legend(frameon=False, loc="upper right")
    figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)
