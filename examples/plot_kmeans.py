"""
The limits of k-means
=====================

k-means assigns each row to exactly one cluster, that of the nearest centre, so that it finds round clusters of similar
size. A mixture gives each cluster its own size, shape and direction. Both find the same round clusters, but they differ
on other clusters.
"""

# %%
# Three problems
# --------------
# Each data set has three clusters with known labels. In the first, the clusters are round. In the second, they are long
# and lie side by side. In the third, two clusters are small and dense, and close to a large one.

import numpy as np

rng = np.random.default_rng(1)


def clusters(*parts):
    """Draw rows of Gaussian clusters (centre, spread, number of rows), and say which cluster each is from."""
    rows = [np.add(centre, rng.normal(size=(n, 2)) @ spread) for centre, spread, n in parts]
    return np.concatenate(rows), np.repeat(range(len(parts)), [n for *_, n in parts])


ball, loaf, stick = np.eye(2), np.array([[2.0, 0.7], [0.0, 0.45]]), np.array([[0.5, -1.5], [0.0, 0.6]])
problems = {
    "round": clusters(([0, 0], ball, 150), ([6.5, 1], ball, 150), ([2.5, 6], ball, 150)),
    "stretched": clusters(([0, 0], loaf, 150), ([0.3, 2.8], loaf, 150), ([5.6, 2.2], stick, 150)),
    "unequal": clusters(([0, 0], 2.2 * ball, 400), ([4.4, 3.2], 0.5 * ball, 80), ([4.6, -3], 0.5 * ball, 80)),
}

# %%
# Circles and ellipses
# --------------------
# The upper pictures show k-means, with a circle around each cluster that reaches its farthest row. The lower pictures
# show a mixture of three Gaussians, with ellipses that hold 95 % of each. It starts from the clusters of k-means, only
# to have the same colours.

from matplotlib import pyplot as plt
from sklearn.cluster import KMeans

from gaussmix import GaussianMixture, plot

figure, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
for (name, (X, _)), (above, below) in zip(problems.items(), axes.T, strict=True):
    kmeans = KMeans(3, n_init=10, random_state=0).fit(X)
    mixture = GaussianMixture(3, init_params=kmeans.labels_, random_state=0).fit(X).mixture_
    plot.kmeans(kmeans, X, ax=above)
    plot.clusters(mixture, X, certainty=None, ax=below)
    plot.ellipses(mixture, content=0.95, ax=below)
    above.set_title(f"{name}: k-means")
    below.set_title(f"{name}: mixture")
for ax in axes.flat:
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
    ax.axis("equal")
plt.show()

# %%
# The borders
# -----------
# The border between two clusters of k-means is a straight line halfway between their centres, for any rows. The border
# of a mixture is where both components are equally probable. It is a curve that bends around the narrower component.

X, _ = problems["unequal"]
kmeans = KMeans(3, n_init=10, random_state=0).fit(X)
model = GaussianMixture(3, init_params=kmeans.labels_, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
plot.kmeans(kmeans, X, ax=axes[0])
plot.clusters(model.mixture_, X, certainty=None, ax=axes[1])
plot.ellipses(model.mixture_, content=0.95, ax=axes[1])
across, up = np.meshgrid(np.linspace(-9, 9, 400), np.linspace(-8, 8, 400))
for ax, borders, name in zip(axes, (kmeans, model), ("k-means", "mixture"), strict=True):
    labels = borders.predict(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
    ax.contour(across, up, labels, levels=[0.5, 1.5], colors="black", linewidths=1.5)
    ax.set(title=name, xlabel="", ylabel="", xticks=[], yticks=[], xlim=(-9, 9), ylim=(-8, 8))
plt.show()

# %%
# In numbers
# ----------
# The adjusted Rand index measures the agreement of the labels with the true ones: 1 is perfect, and 0 is chance. There
# are models between k-means and a mixture with full covariances. ``"EII"`` with equal weights has balls of equal size,
# like k-means, but with probabilities as labels. ``"spherical"`` components are balls of different sizes, ``"diag"``
# components are ellipses along the axes, and ``"full"`` components are any ellipses.

import pandas as pd
from sklearn.metrics import adjusted_rand_score

models = {
    "k-means": KMeans(3, n_init=10, random_state=0),
    "EII, equal weights": GaussianMixture(3, covariance_type="EII", weights="equal", random_state=0),
    "spherical": GaussianMixture(3, covariance_type="spherical", random_state=0),
    "diag": GaussianMixture(3, covariance_type="diag", random_state=0),
    "full": GaussianMixture(3, random_state=0),
}
agreement = {
    name: {model: adjusted_rand_score(truth, models[model].fit(X).predict(X)) for model in models}
    for name, (X, truth) in problems.items()
}
pd.DataFrame(agreement).round(2)

# %%
# On round clusters all models are equally good. If the sizes differ, balls of different sizes are enough. If the
# clusters are long, only full covariances find them. :ref:`sphx_glr_gallery_plot_covariances.py` explains the other
# structures, and :ref:`sphx_glr_gallery_plot_choosing.py` the choice between them.
