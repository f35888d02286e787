"""Draw the pictures of the front page, the tour, docs/explained.md and docs/how-it-works.md: see make.py."""

from collections.abc import Callable
from itertools import islice

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_moons
from sklearn.decomposition import PCA
from style import INK, PALE, WIDTH, bare, minus, noted

from gaussmix import Diagonal, Full, GaussianMixture, GaussianMixtureSearch, Mixture, plot
from gaussmix.datasets import load_faithful
from gaussmix.em import State, iterate
from gaussmix.em.m_step import MStep
from gaussmix.plot.style import PALETTE
from gaussmix.sources import ArraySource
from gaussmix.structures import named

# --- Pictures --------------------------------------------------------------------------------------------------------


def front() -> Figure:
    """Draw the uses of mixtures in four pictures."""
    figure, (left, second, third, right) = plt.subplots(1, 4, figsize=(10.0, 2.8), layout="constrained")
    geysers = GaussianMixture(2, random_state=0).fit(geyser())
    plot.clusters(geysers.mixture_, geyser(), ax=left)
    plot.ellipses(geysers.mixture_, ax=left)
    search = GaussianMixtureSearch(range(1, 10), structures="full", stop_early=False, random_state=0).fit(geyser())
    values = search.results_.columns["bic"]
    second.plot(range(1, 10), values, "o-", color=PALE, linewidth=2)
    second.plot(1 + int(np.argmin(values)), min(values), "o", color=PALETTE[1], markersize=12)
    moon = GaussianMixture(10, random_state=0).fit(moons(400)).mixture_
    third.set(xlim=(-1.4, 2.4), ylim=(-0.9, 1.4))
    shaded(third, moon)
    plot.images(new_digits(36), (8, 8), n_columns=6, ax=right).set_aspect("auto")
    names = ("cluster softly", "choose models", "estimate densities", "generate data")
    for ax, name in zip((left, second, third, right), names, strict=True):
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(name, fontsize=13)
        ax.spines[:].set_visible(True)
    left.set(xlabel="duration of the eruption", ylabel="time until the next")
    second.set(xlabel="number of components", ylabel="BIC")
    third.set_xlabel("two moons")
    return figure


def tour() -> Figure:
    """Old Faithful: rows coloured by component with ellipses, and contours of the density."""
    mixture = GaussianMixture(2, random_state=0).fit(geyser()).mixture_
    named_ = Mixture(mixture.weights, mixture.means, mixture.covariances, feature_names=["eruptions", "waiting"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), sharex=True, sharey=True, layout="constrained")
    plot.clusters(named_, geyser(), ax=left)
    plot.ellipses(named_, ax=left)
    plot.contours(named_, ax=right)
    right.set_ylabel("")
    right.tick_params(labelleft=True)
    return figure


def limits() -> Figure:
    """Round clusters and long ones: what k-means makes of them, and what a mixture does."""
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 6.0), layout="constrained")
    for column, rows, name in zip(axes.T, (round_clusters(), stretched_clusters()), ("round", "long"), strict=True):
        means = KMeans(3, random_state=0, n_init=10).fit(rows)
        means.cluster_centers_ = means.cluster_centers_[np.argsort(means.cluster_centers_[:, 0])]
        plot.kmeans(means, rows, ax=column[0])
        mixture = in_order(GaussianMixture(3, random_state=0).fit(rows).mixture_)
        plot.clusters(mixture, rows, certainty=None, ax=column[1])
        plot.ellipses(mixture, content=0.95, ax=column[1])
        for ax, method in zip(column, ("k-means", "mixture"), strict=True):
            framed(ax, rows, 0.42)
            ax.set_title(f"{method}, {name} clusters")
    return figure


def soft() -> Figure:
    """Two clusters that meet: each row's certainty as its size, and the responsibility along a line between them."""
    rows = meeting_clusters()
    mixture = in_order(GaussianMixture(2, random_state=0).fit(rows).mixture_)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.1), layout="constrained")
    plot.clusters(mixture, rows, ax=left)
    plot.ellipses(mixture, ax=left)
    framed(left, rows)
    share = np.linspace(-0.2, 1.2, 400)[:, None]
    first, last = mixture.means
    between = (1 - share) * first + share * last
    resp = mixture.responsibilities(between)
    for k, colour in enumerate(PALETTE[:2]):
        right.plot(share, resp[:, k], color=colour, linewidth=2)
    right.axhline(0.5, color=PALE, linewidth=1, linestyle=(0, (4, 3)))
    right.set(xticks=[0, 1], xticklabels=["one centre", "the other"], ylabel="responsibility", ylim=(-0.03, 1.03))
    right.set_box_aspect(4 / 5)  # as high as the frame on the left
    left.set_title("less certain rows are drawn smaller")
    right.set_title("on the line between the centres")
    return figure


def recipe() -> Figure:
    """A density of one feature, the components that it is the sum of, and rows drawn from it."""
    mixture = Mixture([0.5, 0.3, 0.2], [[1.2], [4.0], [5.2]], Diagonal.from_covariances([[0.64], [1.2], [0.06]]))
    rows = mixture.sample(2000, random_state=1)
    figure, ax = plt.subplots(figsize=(WIDTH, 3.0), layout="constrained")
    plot.curve(mixture, rows, ax=ax)
    ax.set_xlabel("x")
    ax.legend()
    return figure


def steps() -> Figure:
    """The six rows of how-it-works: two components, before the first step and after some."""
    rows = np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]])
    guess = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    model = MStep(named("spherical"), ridge=np.zeros(1))
    states = list(islice(iterate(ArraySource(rows), guess, model), 6))
    figure, axes = plt.subplots(1, 5, figsize=(10.0, 2.4), sharex=True, sharey=True, layout="constrained")
    names = {0: "the guess", 1: "1 step", 2: "2 steps", 3: "3 steps", 5: "5 steps"}
    for ax, (n, name) in zip(axes, names.items(), strict=True):
        ax.set(xlim=(-2, 12), ylim=(0, 0.27))
        plot.curve(states[n].mixture, ax=ax)
        for line, colour in zip(ax.lines[1:], PALETTE, strict=False):
            ax.fill_between(*line.get_data(), color=colour, alpha=0.35, linewidth=0)
        ax.plot(rows[:, 0], np.full(6, 0.004), "|", color=INK, markersize=12, markeredgewidth=1.2)
        ax.set(ylim=(0, 0.27), yticks=[0.0, 0.1, 0.2], xticks=rows[:, 0], xlabel="x", title=name)
        ax.label_outer()
    return figure


def climbing() -> Figure:
    """Old Faithful: two components on their way, and where they end from another start."""
    rows = geyser()
    way, other = (on_the_way(rows, means, 31) for means in ([[3.2, 66.0], [3.8, 66.0]], [[2.5, 82.0], [4.0, 55.0]]))
    shown = {"the start": way[0], "1 step": way[1], "4 steps": way[4], "8 steps": way[8], "another start": other[30]}
    figure, axes = plt.subplots(1, 5, figsize=(10.0, 2.9), sharex=True, sharey=True, layout="constrained")
    for ax, (name, state) in zip(axes, shown.items(), strict=True):
        plot.clusters(state.mixture, rows, ax=ax)
        plot.ellipses(state.mixture, ax=ax)
        ax.set(xlim=(0.2, 6.6), ylim=(22, 112), xlabel="eruptions", ylabel="waiting")
        ax.set_title(f"{name}\n{minus(state.log_likelihood)} per row")
        ax.label_outer()
    return figure


def shapes() -> Figure:
    """Four covariance structures on the same rows."""
    rows = stretched_clusters()
    kinds = ("spherical", "diag", "tied", "full")
    figure, axes = plt.subplots(1, 4, figsize=(10.0, 2.5), layout="constrained")
    for ax, kind in zip(axes, kinds, strict=True):
        model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(rows)
        plot.clusters(in_order(model.mixture_), rows, certainty=None, ax=ax)
        plot.ellipses(in_order(model.mixture_), content=0.9, ax=ax)
        framed(ax, rows)
        ax.set(title=kind, xlabel=f"BIC {model.bic(rows):.0f}")
    return figure


def number() -> Figure:
    """AIC, BIC and the log-likelihood of held-out rows over the number of components, for two moons."""
    rows, unseen = moons(400), moons(4000, seed=1)
    sizes = range(1, 21)
    search = GaussianMixtureSearch(sizes, structures="full", stop_early=False, n_walks=2, random_state=0).fit(rows)
    table = search.results_.columns
    held_out = [-2 * len(rows) * one.mixture.logpdf(unseen).mean() for one in search.results_.candidates]
    curves = {"BIC": table["bic"], "AIC": table["aic"], "new rows": held_out}
    curves["the fitted rows"] = [-2 * value for value in table["log_likelihood"]]
    figure, ax = plt.subplots(figsize=(WIDTH, 3.8), layout="constrained")
    colours = (*PALETTE[:3], PALE)
    for (name, values), colour, away in zip(curves.items(), colours, (0, -9, 9, 0), strict=True):
        ax.plot(sizes, values, color=colour, linewidth=2)
        noted(ax, name, (sizes[-1], values[-1]), (8, away), va="center")
        if name != "the fitted rows":
            best = int(np.argmin(values))
            ax.plot(sizes[best], values[best], "o", color=colour, markersize=8)
    ax.set(xlabel="components", ylabel="\N{MINUS SIGN}2 log-likelihood, and penalty", xticks=[1, 5, 10, 15, 20])
    ax.set_xlim(0.5, 25.5)
    ax.spines.bottom.set_bounds(0.5, 20.5)
    return figure


def two_moons() -> Figure:
    """Two moons: two components are poor clusters, ten a good density; and new rows drawn from it."""
    rows = moons(400)
    few, many = (GaussianMixture(k, random_state=0).fit(rows).mixture_ for k in (2, 10))
    figure, axes = plt.subplots(1, 4, figsize=(10.0, 2.3), layout="constrained")
    for ax, mixture in zip(axes, (few, many), strict=False):
        ax.scatter(*rows.T, s=4, color=PALE, linewidths=0)
        plot.ellipses(mixture, content=0.9, ax=ax)
    names = ("2 components", "10 components", "their density", "400 new rows")
    for ax, title in zip(axes, names, strict=True):
        framed(ax, rows, 0.1)
        ax.set_title(title)
    shaded(axes[2], many)
    axes[3].scatter(*many.sample(400, random_state=0).T, s=4, color=PALETTE[0], linewidths=0)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "front": front,
    "tour": tour,
    "limits": limits,
    "soft": soft,
    "recipe": recipe,
    "steps": steps,
    "climbing": climbing,
    "shapes": shapes,
    "number": number,
    "two-moons": two_moons,
}

# --- Rows ------------------------------------------------------------------------------------------------------------


def round_clusters() -> np.ndarray:
    """Three round clusters of 150 rows."""
    rng = np.random.default_rng(1)
    return np.concatenate([centre + rng.normal(size=(150, 2)) for centre in ([0, 0], [6.5, 1], [2.5, 6])])


def stretched_clusters() -> np.ndarray:
    """Three long clusters side by side, two of them parallel."""
    rng = np.random.default_rng(1)
    long, steep = np.array([[2.0, 0.7], [0.0, 0.45]]), np.array([[0.5, -1.5], [0.0, 0.6]])
    places = (([0.0, 0.0], long), ([0.3, 2.8], long), ([5.6, 2.2], steep))
    return np.concatenate([centre + rng.normal(size=(150, 2)) @ spread for centre, spread in places])


def meeting_clusters() -> np.ndarray:
    """Two clusters that meet, of 200 and 300 rows."""
    rng = np.random.default_rng(2)
    left = rng.normal(size=(200, 2)) @ [[1.0, 0.4], [0.0, 0.8]]
    return np.concatenate([left, rng.normal(size=(300, 2)) @ [[1.1, -0.6], [0.0, 0.7]] + [3.2, 1.2]])


def moons(n_rows: int, seed: int = 0) -> np.ndarray:
    """Two moons."""
    return make_moons(n_rows, noise=0.06, random_state=seed)[0]


def new_digits(n_rows: int) -> np.ndarray:
    """Digits drawn from a mixture of 20 components, fitted to 1 797 that people wrote."""
    digits = load_digits().data
    axes = PCA(0.99, random_state=0).fit(digits)
    mixture = GaussianMixture(20, prior="weak", random_state=0).fit(axes.transform(digits)).mixture_
    return axes.inverse_transform(mixture.sample(n_rows, random_state=1)).clip(0, 16)


def geyser() -> np.ndarray:
    """Old Faithful."""
    return load_faithful().data


# --- Runs ------------------------------------------------------------------------------------------------------------


def on_the_way(rows: np.ndarray, means: list[list[float]], n_states: int) -> list[State]:
    """The states of plain EM from two components of given means."""
    start = Mixture([0.5, 0.5], means, [np.diag([0.3, 60.0])] * 2)
    return list(islice(iterate(ArraySource(rows), start, MStep(named("full"), ridge=np.zeros(2))), n_states))


def in_order(mixture: Mixture) -> Mixture:
    """The components from left to right, so that colours agree."""
    order = np.argsort(mixture.means[:, 0])
    dense = mixture.covariances.dense(*mixture.means.shape)
    return Mixture(mixture.weights[order], mixture.means[order], Full.from_covariances(dense[order]))


# --- Drawing ---------------------------------------------------------------------------------------------------------


def framed(ax: Axes, rows: np.ndarray, margin: float = 0.15) -> None:
    """Equal units around rows, a frame of five by four, and no ticks."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    reach = (0.5 + margin) * np.max((high - low) / [5, 4]) * np.array([5, 4])
    (left, bottom), (right, top) = (low + high) / 2 - reach, (low + high) / 2 + reach
    bare(ax, (left, right), (bottom, top))
    ax.set(xlabel="", ylabel="")


def shaded(ax: Axes, mixture: Mixture) -> None:
    """The density of two features as shades, within the limits of the axes."""
    across, up = (np.linspace(*limits, 300) for limits in (ax.get_xlim(), ax.get_ylim()))
    places = np.stack(np.meshgrid(across, up), axis=-1)
    density = mixture.pdf(places.reshape(-1, 2)).reshape(300, 300)
    ax.imshow(
        np.sqrt(density), extent=(*ax.get_xlim(), *ax.get_ylim()), origin="lower", aspect=ax.get_aspect(), cmap="Blues"
    )
