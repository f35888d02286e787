"""
Rows that do not belong
=======================

An outlier is a row where one would not expect any: where the density is low. That need not be far from the mean. A
mixture knows, and can say beforehand how often it will be wrong.
"""

# %%
# Outliers in the middle
# ----------------------
# There are rows to learn from, which are all good: two clusters, a wide one and a narrow one. Then new rows come, and
# forty of them are strangers.

import numpy as np

from gaussmix import GaussianMixtureOutlierDetector, Mixture

nature = Mixture(
    weights=[0.7, 0.3],
    means=[[0.0, 0.0], [5.5, 4.0]],
    covariances=[[[2.5, 1.2], [1.2, 1.2]], [[0.15, -0.1], [-0.1, 0.25]]],
)
good = nature.sample(500, random_state=0)
strangers = np.random.default_rng(0).uniform([-6, -5], [8, 7], size=(40, 2))
new = np.concatenate([nature.sample(400, random_state=1), strangers])

# %%
# The detector fits a mixture, with the number of components that BIC chooses, and draws the border of the smallest
# region that holds 99 % of it. What lies beyond is an outlier. On the left it was allowed one component alone, which
# is what a distance from the mean amounts to: it finds what is far out, and little of what lies between.

from matplotlib import pyplot as plt

from gaussmix import plot

detectors = {
    "one component": GaussianMixtureOutlierDetector(1, random_state=0).fit(good),
    "as many as BIC chooses": GaussianMixtureOutlierDetector(range(1, 6), random_state=0).fit(good),
}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharex=True, sharey=True, layout="constrained")
for ax, (name, detector) in zip(axes, detectors.items(), strict=True):
    out = detector.predict(new) == -1
    ax.scatter(*new[~out].T, s=6, color="0.5", linewidths=0)
    ax.scatter(*new[out].T, s=20, color="#D55E00", linewidths=0, label="outliers")
    ax.set(xlim=(-8.5, 11), ylim=(-6.5, 9))
    plot.contours(detector.mixture_, content=0.99, ax=ax)
    ax.set(title=name, xlabel="", ylabel="")
axes[0].legend(loc="upper left")
plt.show()

# %%
# How often it will be wrong
# --------------------------
# ``threshold`` is the share of good rows that one accepts to be flagged: 0.01 unless one says otherwise. Here are 100
# 000 more good rows, and the strangers that were found. Some of these lie within the clusters, where no one can tell.

import pandas as pd

more = nature.sample(100_000, random_state=2)
table = {}
for threshold in (0.1, 0.03, 0.01, 0.003):
    detector = GaussianMixtureOutlierDetector(range(1, 6), threshold=threshold, random_state=0).fit(good)
    table[f"{threshold:.1%}"] = {
        "good rows flagged, %": 100 * np.mean(detector.predict(more) == -1),
        "strangers found, of 40": np.sum(detector.predict(strangers) == -1),
    }
pd.DataFrame(table).T.rename_axis("threshold").round(2)

# %%
# Strangers among the rows
# ------------------------
# Where no good rows are known, the mixture has to learn from all, and so many strangers get a component of their own.
# It is the one that is so much wider than the others, and a row is a stranger where that component is the most
# probable.

from gaussmix import GaussianMixtureSearch

search = GaussianMixtureSearch(range(1, 6), structures="full", random_state=0).fit(new)
wide = np.linalg.det(search.covariances_).argmax()
found = search.predict(new) == wide
print(f"{found[-40:].sum()} of 40 strangers are in component {wide}, and {found[:-40].sum()} of 400 others")

figure, ax = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
plot.clusters(search.mixture_, new, ax=ax)
plot.ellipses(search.mixture_, content=0.9, ax=ax)
ax.set(xlabel="", ylabel="")
plt.show()

# %%
# Odd digits
# ----------
# With more features one cannot look, but the density can. Of the 1 797 handwritten digits, in twenty principal
# components, these are the 20 that a mixture finds the strangest, and the 20 that it finds the most ordinary. Here
# ``contamination`` says what share of the rows is to be flagged.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

digits = load_digits().data
detector = make_pipeline(PCA(20), GaussianMixtureOutlierDetector(10, contamination=0.01, random_state=0)).fit(digits)
print(f"{np.sum(detector.predict(digits) == -1)} digits flagged")

order = np.argsort(detector.score_samples(digits))
figure, axes = plt.subplots(2, 1, figsize=(9.5, 4.6), layout="constrained")
plot.images(digits[order[:20]], (8, 8), ax=axes[0]).set_title("the strangest")
plot.images(digits[order[-20:]], (8, 8), ax=axes[1]).set_title("the most ordinary")
plt.show()
