"""
The shapes that covariances may take
====================================

A cluster has a volume, a shape and a direction. Each of the three can be each cluster's own, or the same for all, or
fixed. That makes fourteen structures, of which four have had names of their own for long. They differ in what they can
express, and in how many rows it takes to learn it.
"""

# %%
# Four well-known ones
# --------------------
# Three clusters of the same shape, that differ in volume and direction. ``"spherical"`` components are balls of their
# own sizes, ``"diag"`` ellipses along the axes; with ``"tied"`` all have the same ellipse, with ``"full"`` each has
# its own. Ellipses hold 90 % of each component.

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
    """The same mixture with its components in order, so that colours agree from picture to picture."""
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
# Their names are three letters, for volume, shape and axes: E where it is equal for all components, V where it varies,
# I where there is nothing to choose, as balls have no axes, and those of ellipses may be those of the coordinates.
# Each line of pictures has the same freedom in volume and shape, each column in axes; below each is its BIC. The
# lowest is in bold, and it is the structure that the rows were drawn from: VEV, volumes and axes of their own, and a
# common shape.

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
# What freedom costs
# ------------------
# What can be expressed has to be learnt. Here are the numbers of parameters of three components in 2, 10 and 100
# dimensions:

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
# With few rows it is better to say less. The 1 797 handwritten digits, in their first six principal components: 500
# are kept aside, and six components are fitted to more and more of the others. Learnt from 100 rows, balls describe
# the digits kept aside best, and free ellipses by far the worst; from 400 on it is the other way round.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

rows = np.random.default_rng(0).permutation(PCA(6).fit_transform(load_digits().data))
new, rest = rows[:500], rows[500:]
sizes = [100, 200, 400, 1297]

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for structure in ("spherical", "diag", "tied", "full"):
    model = GaussianMixture(6, covariance_type=structure, random_state=0)
    ax.plot(sizes, [model.fit(rest[:n]).score(new) for n in sizes], "o-", label=structure)
ax.set(xscale="log", xlabel="rows to learn from", ylabel="log-likelihood per row kept aside")
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend()
plt.show()
