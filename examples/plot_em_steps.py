"""
EM, step by step
================

Expectation-maximization, EM, fits a mixture by repeating two steps. The first computes the probability that each row
came from each component, and the second computes new components from these probabilities. No iteration decreases the
likelihood. This example shows all iterations.
"""

# %%
# The rows and the start
# ----------------------
# The data have four clusters. The start does not use them: it has four equal balls on a line.

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
# *Expectation*: compute the responsibilities, which are the probabilities that a row came from each component.
# *Maximization*: compute the mean and the covariance of the rows for each component, with the responsibilities as
# weights of the rows. The weight of the component is its share of the responsibilities.

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
# ``iterate`` repeats these steps without end, and yields a state after each step, beginning with the start. We take 26
# states.

from itertools import islice

from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.sources import ArraySource
from gaussmix.structures import named

states = list(islice(iterate(ArraySource(X), start, MStep(named("full"), ridge=np.zeros(2))), 26))
mixtures = [state.mixture for state in states]
print("The first step is the one by hand:", np.allclose(mixtures[1].means, after_one.means))

# %%
# The first steps change much, and later steps less and less. Points have the colour of their most probable component,
# and small points are uncertain.

from matplotlib import pyplot as plt

from gaussmix import plot

_ = plot.steps(mixtures, X, figure=plt.figure(figsize=(9, 6), layout="constrained"))
plt.show()

# %%
# The same steps as an animation:

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
film = plot.animation(mixtures[:15], X, interval=400, ax=ax)
plt.show()

# %%
# The stopping rule
# -----------------
# The log-likelihood never decreases, and there is always a small gain left. ``GaussianMixture``, with the same start,
# stops when the estimated remaining gain is less than ``tol``, 0.0001 per row. A single small step is no reason to
# stop, because EM can cross a plateau in small steps and then gain more.

from gaussmix import GaussianMixture

model = GaussianMixture(4, init_params=start).fit(X)
figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
_ = plot.history(model, ax=ax)
plt.show()

# %%
# The choice of the start
# -----------------------
# EM converges to a local optimum that depends on the start. Forty starts have four random rows as their means. Many of
# them end in a poor optimum, like that of the first picture: two components share a cluster, and another component
# covers two clusters. By default ``GaussianMixture`` explores many starts first, and reaches the dashed line.

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
