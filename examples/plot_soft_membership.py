"""
Soft membership
===============

Where clusters meet, no one can say for certain which one a row belongs to. A mixture does not pretend to: it gives
each row a probability for each component. What these look like, whether they are right, and what they are good for.
"""

# %%
# A mixture to draw rows from
# ---------------------------
# Three components that overlap. As we draw the rows ourselves, we know which component each is from, and keep that
# aside.

from gaussmix import GaussianMixture, Mixture, plot

nature = Mixture(
    weights=[0.5, 0.3, 0.2],
    means=[[0.0, 0.0], [3.4, 1.0], [1.2, 3.8]],
    covariances=[[[1.2, 0.5], [0.5, 0.9]], [[1.0, -0.5], [-0.5, 0.8]], [[0.9, 0.1], [0.1, 0.9]]],
)
X = nature.sample(1200, random_state=0)
mixture = GaussianMixture(3, init_params=nature, random_state=0).fit(X).mixture_

# %%
# Points that are sure, and others
# --------------------------------
# On the left, each point has the colour of its most probable component, and is the smaller the less certain that is.
# On the right is the map behind it: the probability that the most probable component is the wrong one. It is all but
# zero within the clusters, and dark where two of them meet.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharex=True, sharey=True, layout="constrained")
plot.clusters(mixture, X, ax=axes[0])
plot.ellipses(mixture, ax=axes[0])
plot.uncertainty(mixture, X, ax=axes[1])
plt.show()

# %%
# From centre to centre
# ---------------------
# On a walk around the three centres the probability passes from each component to the next, the sooner the larger the
# next one is, and the more slowly the more they overlap.

import numpy as np

corners = mixture.means[[0, 1, 2, 0]]
way = np.linspace(0, 3, 400)
places = np.column_stack([np.interp(way, range(4), coordinate) for coordinate in corners.T])

figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.stackplot(way, mixture.responsibilities(places).T, colors=["#0072B2", "#E69F00", "#009E73"], alpha=0.7)
ax.set(ylabel="probability", xlim=(0, 3), ylim=(0, 1))
ax.set_xticks(range(4), ["centre 0", "centre 1", "centre 2", "centre 0"])
plt.show()

# %%
# Are they right?
# ---------------
# If rows are given a probability of 30 %, three in ten of them should be of that component. We draw 20 000 new rows,
# whose components are known, put them in ten groups by the probability that the fitted mixture gives component 0, and
# count.

new, truth = nature.sample(20_000, random_state=1, return_components=True)
probability = mixture.responsibilities(new)
groups = np.minimum((10 * probability[:, 0]).astype(int), 9)
said, came = (np.array([values[groups == g].mean() for g in range(10)]) for values in (probability[:, 0], truth == 0))

figure, ax = plt.subplots(figsize=(4.2, 4), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.7", linewidth=1)
ax.plot(said, came, "o")
ax.set(xlabel="probability of component 0", ylabel="share of the rows that are of it", aspect="equal")
plt.show()

# %%
# What they are good for
# ----------------------
# One can decide on the sure rows alone, and foresee how many of those decisions will be wrong: on average, as many as
# the probabilities say. A label without a probability cannot do that.

import pandas as pd

certainty, correct = probability.max(axis=1), probability.argmax(axis=1) == truth
decided = {f"at least {least:.0%} sure": certainty >= least for least in (0.0, 0.7, 0.9, 0.99)}
table = {
    "decided, %": [100 * chosen.mean() for chosen in decided.values()],
    "foreseen to be wrong, %": [100 * (1 - certainty[chosen].mean()) for chosen in decided.values()],
    "wrong, %": [100 * (1 - correct[chosen].mean()) for chosen in decided.values()],
}
pd.DataFrame(table, index=decided).round(1)
