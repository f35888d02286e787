"""
Soft membership
===============

Where clusters overlap, the cluster of a row is uncertain. A mixture gives each row a probability for each component.
This example shows these probabilities, tests whether they are right, and uses them.
"""

# %%
# A mixture to draw rows from
# ---------------------------
# The mixture has three overlapping components. The rows are drawn from it, so that their true components are known.

from gaussmix import GaussianMixture, Mixture, plot

nature = Mixture(
    weights=[0.5, 0.3, 0.2],
    means=[[0.0, 0.0], [3.4, 1.0], [1.2, 3.8]],
    covariances=[[[1.2, 0.5], [0.5, 0.9]], [[1.0, -0.5], [-0.5, 0.8]], [[0.9, 0.1], [0.1, 0.9]]],
)
X = nature.sample(1200, random_state=0)
mixture = GaussianMixture(3, init_params=nature, random_state=0).fit(X).mixture_

# %%
# Certain and uncertain points
# ----------------------------
# In the left picture, each point has the colour of its most probable component, and uncertain points are small. The
# right picture is a map of the uncertainty: the probability that the most probable component is wrong. It is almost
# zero within the clusters, and dark where two clusters meet.

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharex=True, sharey=True, layout="constrained")
plot.clusters(mixture, X, ax=axes[0])
plot.ellipses(mixture, ax=axes[0])
plot.uncertainty(mixture, X, ax=axes[1])
plt.show()

# %%
# From centre to centre
# ---------------------
# On a path around the three centres, the probability passes from each component to the next. It passes earlier to a
# larger component, and more slowly between components that overlap more.

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
# Calibration
# -----------
# Of the rows with a probability of 30 % for a component, 30 % should come from it. The test draws 20 000 new rows with
# known components, and puts them in ten groups by their probability for component 0 under the fitted mixture. The
# picture shows the share of component 0 in each group.

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
# The use of probabilities
# ------------------------
# With probabilities, you can decide on the certain rows only, and predict the number of wrong decisions. Labels without
# probabilities cannot do that.

import pandas as pd

certainty, correct = probability.max(axis=1), probability.argmax(axis=1) == truth
decided = {f"at least {least:.0%} sure": certainty >= least for least in (0.0, 0.7, 0.9, 0.99)}
table = {
    "decided, %": [100 * chosen.mean() for chosen in decided.values()],
    "foreseen to be wrong, %": [100 * (1 - certainty[chosen].mean()) for chosen in decided.values()],
    "wrong, %": [100 * (1 - correct[chosen].mean()) for chosen in decided.values()],
}
pd.DataFrame(table, index=decided).round(1)
