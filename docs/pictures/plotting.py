"""Draw the pictures of docs/plotting.md: see make.py."""

from itertools import islice

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_moons
from sklearn.decomposition import PCA
from style import WIDTH

from gaussmix import GaussianMixture, GaussianMixtureSearch, Mixture, plot
from gaussmix.datasets import load_faithful
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge
from gaussmix.sources import ArraySource
from gaussmix.structures import named

HEIGHT = 2.9


def clusters() -> Figure:
    """Rows with ellipses, and the map of the uncertainty."""
    model = GaussianMixture(3, random_state=0).fit(iris())
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT), layout="constrained")
    plot.clusters(model.mixture_, iris(), features=FEATURES, ax=left)
    plot.ellipses(model.mixture_, features=FEATURES, ax=left)
    left.legend()
    plot.uncertainty(model.mixture_, iris(), features=FEATURES, ax=right)
    return figure


def balls() -> Figure:
    """Draw the clusters of k-means and of a mixture in two moons."""
    rows, _ = make_moons(500, noise=0.07, random_state=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.7), sharex=True, sharey=True, layout="constrained")
    plot.kmeans(KMeans(8, random_state=0).fit(rows), rows, ax=left).set_title("k-means")
    mixture = GaussianMixture(8, random_state=0).fit(rows).mixture_
    plot.clusters(mixture, rows, ax=right)
    plot.ellipses(mixture, content=0.9, ax=right).set_title("a mixture")
    for ax in (left, right):
        ax.set_aspect("equal")
        ax.label_outer(remove_inner_ticks=True)
    return figure


def density() -> Figure:
    """Contours of two features, and the curve of one."""
    mixture = GaussianMixture(2, random_state=0).fit(geyser()).mixture_
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT), layout="constrained")
    plot.contours(mixture, ax=left)
    plot.curve(mixture, geyser(), feature="waiting", ax=right).legend()
    return figure


def surface() -> Figure:
    """Draw the density in three dimensions."""
    figure = plt.figure(figsize=(4.5, 3.8))
    ax = figure.add_axes((0.0, 0.06, 0.94, 0.98), projection="3d")
    plot.surface(GaussianMixture(2, random_state=0).fit(geyser()).mixture_, ax=ax)
    return figure


def pairs() -> Figure:
    """All features of the irises."""
    axes = plot.pairs(GaussianMixture(3, random_state=0).fit(iris()).mixture_, iris())
    figure = axes[0, 0].figure
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize="x-small")
    return figure


def criteria() -> Figure:
    """Fourteen structures, one to nine components."""
    figure, ax = plt.subplots(figsize=(WIDTH, 4.2), layout="constrained")
    plot.criteria(GaussianMixtureSearch(random_state=0).fit(iris()).results_, ax=ax)
    return figure


def trees() -> Figure:
    """EM's way to the limit, and components joined into clusters."""
    rows, _ = make_moons(500, noise=0.07, random_state=0)
    model = GaussianMixture(12, random_state=0).fit(rows)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT), layout="constrained")
    plot.history(GaussianMixture(12, init_params="kmeans", random_state=0, max_iter=1000).fit(rows), ax=left)
    plot.merge_tree(model.merge_components(rows), ax=right)
    return figure


def steps() -> Figure:
    """Six steps of EM from a start in the wrong place."""
    source = ArraySource(geyser().to_numpy())
    start = Mixture([0.5, 0.5], [[2.5, 85.0], [4.0, 55.0]], [np.diag([0.3, 60.0])] * 2)
    states = iterate(source, start, MStep(named("full"), relative_ridge(source)))
    figure = plt.figure(figsize=(WIDTH, 4.4), layout="constrained")
    for ax in plot.steps([state.mixture for state in islice(states, 31)], geyser(), figure=figure):
        ax.set(xlabel="eruptions", ylabel="waiting")
        ax.label_outer()
    return figure


def digits() -> Figure:
    """Forty digits that nobody wrote."""
    rows = load_digits().data
    pca = PCA(0.95, random_state=0).fit(rows)
    mixture = GaussianMixture(10, init_params="kmeans", random_state=0).fit(pca.transform(rows)).mixture_
    figure, ax = plt.subplots(figsize=(WIDTH, 2.9), layout="constrained")
    plot.images(pca.inverse_transform(mixture.sample(40, random_state=0)).clip(0, 16), (8, 8), ax=ax)
    return figure


def missing() -> Figure:
    """Draw the patterns of missing values of irises."""
    rows, rng = iris(), np.random.default_rng(0)
    rows = rows.mask(rng.random(rows.shape) < [0.02, 0.02, 0.2, 0.02])
    rows.loc[rows["sepal length (cm)"] > 6.3, "petal width (cm)"] = np.nan  # noqa: PLR2004 - long sepals
    figure, ax = plt.subplots(figsize=(0.7 * WIDTH, HEIGHT), layout="constrained")
    plot.missing(rows, ax=ax)
    return figure


PICTURES = {
    f"plot-{picture.__name__}": picture
    for picture in (clusters, balls, density, surface, pairs, criteria, trees, steps, digits, missing)
}
FEATURES = ("petal length (cm)", "petal width (cm)")


# --- Rows ------------------------------------------------------------------------------------------------------------


def iris() -> pd.DataFrame:
    """The irises of Anderson and Fisher, as a frame."""
    return load_iris(as_frame=True).data


def geyser() -> pd.DataFrame:
    """Eruptions of Old Faithful: how long they took, and how long one waited for the next."""
    return load_faithful(as_frame=True).data
