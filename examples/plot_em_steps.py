"""
EM, step by step
================

A mixture is fitted by going round in a circle: which component is each row from, as things stand, and where would that
put the components? This is expectation-maximization, EM. Each round makes the rows more likely; here are all of them.
"""

# %%
# The rows, and a guess
# ---------------------
# Four clusters, and a first guess that knows nothing of them: four equal balls in a row.

import numpy as np

from gaussmix import Mixture

nature = Mixture(
    weights=[0.35, 0.3, 0.2, 0.15],
    means=[[-3.5, 0.0], [0.3, 2.4], [2.4, -2.0], [7.5, 0.5]],
    covariances=[
        [[0.7, 0.6], [0.6, 1.6]],
        [[1.8, -0.7], [-0.7, 0.6]],
        [[0.6, 0.0], [0.0, 0.6]],
        [[0.5, 0.4], [0.4, 1.5]],
    ],
)
X = nature.sample(600, random_state=0)
start = Mixture(weights=[0.25] * 4, means=[[-1, 1], [0, 1], [1, 1], [2, 1]], covariances=[1.0] * 4)

# %%
# One step by hand
# ----------------
# *Expectation*: how probable is it, for each row, that each component gave it? *Maximization*: each component takes
# the mean and the covariance of the rows, every one counting as much as it is probable to be its own, and as weight
# the share of the rows that it got.

responsibilities = start.responsibilities(X)
rows_each = responsibilities.sum(axis=0)
weights = rows_each / len(X)
means = (responsibilities.T @ X) / rows_each[:, None]
apart = X - means[:, None]
covariances = np.einsum("nk,kni,knj->kij", responsibilities, apart, apart) / rows_each[:, None, None]
after_one = Mixture(weights, means, covariances)

print(f"log-likelihood per row: {start.logpdf(X).mean():.3f} before, {after_one.logpdf(X).mean():.3f} after")

# %%
# The loop
# --------
# ``iterate`` does the same without end, and hands out a state after each step; the first is the start. We take 26.

from itertools import islice

from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.sources import ArraySource
from gaussmix.structures import named

states = list(islice(iterate(ArraySource(X), start, MStep(named("full"), ridge=np.zeros(2))), 26))
mixtures = [state.mixture for state in states]
print("The first step is the one by hand:", np.allclose(mixtures[1].means, after_one.means))

# %%
# Much happens at first, and then less and less. Points have the colour of their most probable component, and are the
# smaller the less certain that is.

from matplotlib import pyplot as plt

from gaussmix import plot

_ = plot.steps(mixtures, X, figure=plt.figure(figsize=(9, 6), layout="constrained"))
plt.show()

# %%
# The same as a film:

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
film = plot.animation(mixtures[:15], X, interval=400, ax=ax)
plt.show()

# %%
# How far to go
# -------------
# The log-likelihood never falls, and there is always something left to gain. ``GaussianMixture``, told to begin at our
# start, stops where it estimates that less than ``tol`` is left, 0.0001 per row. One small step would be no reason to
# stop: EM can cross a plateau in small steps and go on rising.

from gaussmix import GaussianMixture

model = GaussianMixture(4, init_params=start).fit(X)
figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
_ = plot.history(model, ax=ax)
plt.show()

# %%
# Where to begin
# --------------
# EM climbs the hill on which it is put, and there are several. From forty starts, each with four of the rows as its
# means, many end too low, as the first picture shows one: two components share a cluster, and another has two clusters
# for itself. By default ``GaussianMixture`` looks around before it climbs; it ends at the dashed line.

rng = np.random.default_rng(0)
starts = [Mixture([0.25] * 4, rng.choice(X, 4, replace=False), [1.0] * 4) for _ in range(40)]
fits = [GaussianMixture(4, init_params=start, max_iter=1000).fit(X) for start in starts]
fits.sort(key=lambda fit: fit.score(X))
default = GaussianMixture(4, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
low = fits[len(fits) // 6]
plot.clusters(low.mixture_, X, ax=axes[0])
plot.ellipses(low.mixture_, ax=axes[0])
axes[0].set_title(f"a poor end: {low.score(X):.2f} per row")
axes[1].plot([fit.score(X) for fit in fits], "o", markersize=4)
axes[1].axhline(default.score(X), color="black", linewidth=1, linestyle="--")
axes[1].set(xlabel="starts, the worst first", ylabel="log-likelihood per row", title="forty ends, and the default's")
plt.show()
