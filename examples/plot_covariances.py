"""
The structures of covariances
=============================

A cluster has a volume, a shape and a direction. Each of the three can differ between clusters, be equal for all
clusters, or be fixed. This gives fourteen structures, of which four have names in common use. They differ in their
flexibility, and in the number of rows that they need.
"""

# %%
# Four well-known structures
# --------------------------
# The data have three clusters of the same shape with different volumes and directions. ``"spherical"`` components are
# balls of different sizes, and ``"diag"`` components are ellipses along the axes. With ``"tied"`` all components have
# the same ellipse, and with ``"full"`` each has its own. The ellipses hold 90 % of each component.

import numpy as np
from matplotlib import pyplot as plt

from gaussmix import GaussianMixture, Mixture, plot


def ellipse(angle, volume):
    """A covariance of given direction and volume, four times as long as wide."""
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return volume * axes @ np.diag([4.0, 0.25]) @ axes.T


nature = Mixture(
    weights=[0.3, 0.3, 0.4],
    means=[[-3.0, 0.0], [0.5, 1.2], [3.5, 0.0]],
    covariances=[ellipse(1.9, 0.5), ellipse(0.5, 0.25), ellipse(1.2, 1.0)],
)
X = nature.sample(450, random_state=2)


def from_left(mixture):
    """Return the mixture with its components ordered from left to right, so that colours agree between pictures."""
    order = np.argsort(mixture.means[:, 0])
    covariances = mixture.covariances.dense(*mixture.means.shape)
    return Mixture(mixture.weights[order], mixture.means[order], covariances[order])


def draw(mixture, title, ax):
    """Rows and ellipses, in equal units."""
    plot.clusters(from_left(mixture), X, certainty=None, ax=ax)
    plot.ellipses(from_left(mixture), content=0.9, ax=ax)
    ax.set(title=title, xlabel="", ylabel="", xticks=[], yticks=[], aspect="equal")


figure, axes = plt.subplots(1, 4, figsize=(10, 3), sharex=True, sharey=True, layout="constrained")
for ax, structure in zip(axes, ("spherical", "diag", "tied", "full"), strict=True):
    model = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
    draw(model.mixture_, f"{structure}, BIC {model.bic(X):.0f}", ax)
plt.show()

# %%
# All fourteen
# ------------
# The names have three letters, for volume, shape and axes. E means equal for all components, and V means that it
# varies. I stands for the shape of a ball, or for axes along the coordinates. The pictures of a line have the same
# freedom in volume and shape, and those of a column have the same freedom in axes. The number below each picture is its
# BIC. The lowest BIC is in bold. It belongs to the structure that generated the rows: VEV, with different volumes and
# axes, and a common shape.

columns = {
    "round": ["EII", "VII"],
    "along the axes": ["EEI", "VEI", "EVI", "VVI"],
    "equal axes": ["EEE", "VEE", "EVE", "VVE"],
    "own axes": ["EEV", "VEV", "EVV", "VVV"],
}
models = {
    structure: GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
    for structures in columns.values()
    for structure in structures
}
best = min(models, key=lambda structure: models[structure].bic(X))

figure, axes = plt.subplots(4, 4, figsize=(10, 10), sharex=True, sharey=True, layout="constrained")
for column, (name, structures) in zip(axes.T, columns.items(), strict=True):
    for ax in column[len(structures) :]:
        ax.set_axis_off()
    for ax, structure in zip(column, structures, strict=False):
        draw(models[structure].mixture_, structure, ax)
        ax.set_xlabel(f"BIC {models[structure].bic(X):.0f}", weight="bold" if structure == best else "normal")
    column[0].set_title(f"{name}\n{structures[0]}")
plt.show()

# %%
# The number of parameters
# ------------------------
# A flexible structure has more parameters to estimate. These are the numbers of parameters of three components in 2, 10
# and 100 dimensions:

import pandas as pd

from gaussmix.em.m_step import MStep
from gaussmix.structures import named


def n_parameters(structure, n_features):
    """Free parameters of three components: weights, means and covariances."""
    return MStep(named(structure), ridge=np.zeros(n_features)).n_parameters(3, n_features)


structures = ("EII", "spherical", "EEI", "diag", "tied", "EEV", "full")
table = {f"{D} dimensions": [n_parameters(name, D) for name in structures] for D in (2, 10, 100)}
pd.DataFrame(table, index=structures)

# %%
# With few rows, a simple structure is better. The data are the first six principal components of 1 797 handwritten
# digits. 500 digits are held out, and six components are fitted to increasing numbers of the others. With 100 rows,
# balls describe the held-out digits best, and full covariances are by far the worst. From 400 rows on, the order is
# reversed.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

rows = np.random.default_rng(0).permutation(PCA(6).fit_transform(load_digits().data))
new, rest = rows[:500], rows[500:]
sizes = [100, 200, 400, 1297]

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
colours = {"spherical": "#0072B2", "diag": "#E69F00", "tied": "#009E73", "full": "#D55E00"}
for structure, colour in colours.items():
    model = GaussianMixture(6, covariance_type=structure, random_state=0)
    ax.plot(sizes, [model.fit(rest[:n]).score(new) for n in sizes], "o-", color=colour, label=structure)
ax.set(xscale="log", xlabel="fitted rows", ylabel="log-likelihood per held-out row")
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend()
plt.show()
