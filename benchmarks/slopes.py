"""Growth of the seconds per iteration with n, D and K: slopes on logarithmic axes, and their picture."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.limits import Limits
from benchmarks.measure import Line
from benchmarks.results import Results
from benchmarks.workloads import BASE, SWEEPS, Array, Workload, brief

INK, PALE = "#222222", "#9a9a9a"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442")  # of Okabe & Ito
MARKERS = "osD^vPX"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
SIZES = {"n": "n_rows", "D": "n_features", "K": "n_components"}


def exponent(sizes: Array, seconds: Array) -> float:
    """Return the exponent of a power law: the slope of a line through the logarithms."""
    return float(np.polynomial.Polynomial.fit(np.log(sizes), np.log(seconds), 1).convert().coef[1])


def size(workload: Workload, variable: str) -> int:
    """Return the number of rows, features or components of a workload, by its letter."""
    return int(getattr(workload, SIZES[variable]))


def measured(lines: list[Line], variable: str, name: str) -> tuple[Array, Array]:
    """Return sizes and seconds of a library along a sweep; times that noise has made negative are omitted."""
    seconds = {line.workload: line.measured[name].seconds for line in lines if name in line.measured}
    medians = {workload: statistics.median(seconds[workload]) for workload in SWEEPS[variable] if seconds.get(workload)}
    pairs = [(size(workload, variable), median) for workload, median in medians.items() if median > 0]
    return np.array([pair[0] for pair in pairs], dtype=float), np.array([pair[1] for pair in pairs])


def panel(ax: Axes, results: Results, variable: str) -> None:
    """Draw a sweep: a line for each library, with its slope in the legend, and the dense limit."""
    for name, colour, marker in zip(results.names, COLOURS, MARKERS, strict=False):
        sizes, seconds = measured(results.lines, variable, name)
        if len(sizes) > 1:
            label = f"{name}, {variable}$^{{{exponent(sizes, seconds):.2f}}}$"
            ax.plot(sizes, seconds, marker + "-", color=colour, markersize=4.5, linewidth=1.6, label=label)
    limit(ax, results.limits, variable)
    others = [f"{name} = {brief(size(BASE, name))}" for name in SIZES if name != variable]
    ax.set(xscale="log", yscale="log", xlabel=f"{variable}   ({', '.join(others)})")
    ticks = [size(workload, variable) for workload in SWEEPS[variable]]
    ax.set_xticks(ticks, labels=[brief(tick) for tick in ticks])
    ax.minorticks_off()
    ax.grid(which="major", color=PALE, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def limit(ax: Axes, limits: Limits, variable: str) -> None:
    """Draw the dense limit of a sweep."""
    workloads = SWEEPS[variable]
    sizes, seconds = ([f(w) for w in workloads] for f in (lambda w: size(w, variable), limits.seconds))
    ax.plot(sizes, seconds, "--", color=PALE, linewidth=1.2, label="dense limit")


def draw(results: Results, path: Path) -> None:
    """Draw the picture of all three sweeps, and save it."""
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 4.0), sharey=True, layout="constrained")
        for ax, variable in zip(axes, SWEEPS, strict=True):
            panel(ax, results, variable)
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=8.5, handlelength=1.6, borderaxespad=0.2)
        axes[0].set_ylabel("seconds per iteration")
        figure.savefig(path, dpi=150)
        plt.close(figure)
