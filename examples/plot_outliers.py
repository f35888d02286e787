"""
Detect outliers
===============

An outlier is a row at which the density is low. Such a row is not always far from the mean. A mixture detects it, and
predicts the share of false alarms.
"""

# %%
# Outliers in the middle
# ----------------------
# The training rows are all normal: they form a wide and a narrow cluster. Forty of the new rows are outliers.

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
# The detector fits a mixture, with the number of components chosen by BIC, and computes the border of the smallest
# region that holds 99 % of the probability. Rows outside are outliers. The left picture is limited to one component,
# which is equivalent to the distance from the mean: it finds the far rows, but few of those between the clusters.

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
    ax.set(title=name, xlabel="x", ylabel="y")
    ax.label_outer()
axes[0].legend(loc="upper left")
plt.show()

# %%
# The share of false alarms
# -------------------------
# ``threshold`` is the share of normal rows that may be flagged, 0.01 by default. The test uses 100 000 more normal
# rows, and the outliers from above. Some of these lie within the clusters, where they cannot be recognized.

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
# Outliers among the training rows
# --------------------------------
# If the normal rows are not known, the mixture is fitted to all rows, and many outliers get a component of their own.
# This component is much wider than the others. A row is an outlier if this component is its most probable one.

from gaussmix import GaussianMixtureSearch

search = GaussianMixtureSearch(range(1, 6), structures="full", random_state=0).fit(new)
wide = np.linalg.det(search.covariances_).argmax()
found = search.predict(new) == wide
print(f"{found[-40:].sum()} of 40 strangers are in component {wide}, and {found[:-40].sum()} of 400 others")

figure, ax = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
plot.clusters(search.mixture_, new, ax=ax)
plot.ellipses(search.mixture_, content=0.9, ax=ax)
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()

# %%
# Odd digits
# ----------
# With many features, a picture does not show the outliers, but the density does. The data are 1 797 handwritten digits,
# in twenty principal components. The picture shows the 20 digits of lowest density, and the 20 of highest density.
# ``contamination`` is the share of the rows to flag.

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
