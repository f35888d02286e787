"""
Old Faithful
============

The data are 272 eruptions of a geyser: the duration of each eruption, and the waiting time until the next one. A
mixture shows how many kinds of eruptions there are, and predicts the waiting time.
"""

# %%
# The table comes with gaussmix and has two columns, in minutes. The mixture keeps the names of the columns.

from gaussmix.datasets import load_faithful

X = load_faithful(as_frame=True).data
X.head(3)

# %%
# The kinds of eruptions
# ----------------------
# The search fits all fourteen structures with one to nine components, and chooses the model with the lowest BIC. Each
# curve is a structure, and lower is better. Hollow markers are fits that were stopped early, because they were far from
# the best.

from matplotlib import pyplot as plt

from gaussmix import GaussianMixtureSearch, plot

search = GaussianMixtureSearch(random_state=0).fit(X)
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
plot.criteria(search.results_, ax=ax)
plt.show()

# %%
# The minima of two curves are nearly equal: three components of the same shape, or two components with shapes of their
# own. The summary interprets the difference.

import textwrap

print(textwrap.fill(search.summary(), 100))

# %%
# There are two kinds of eruptions, and one of them may not be exactly Gaussian. The pictures show the models of two and
# three components. Small points are uncertain, and the ellipses hold 50 and 90 % of each component.

from gaussmix import GaussianMixture

two = GaussianMixture(2, random_state=0).fit(X).mixture_
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, mixture in zip(axes, (two, search.mixture_), strict=True):
    plot.clusters(mixture, X, ax=ax)
    plot.ellipses(mixture, ax=ax)
plt.show()

# %%
# Three components are not always three clusters. Components that share rows can be joined, two at a time. The result is
# the two clusters of the other model.

hierarchy = search.merge_components(X)
clusters = hierarchy.clusters(2)[search.predict(X)]
print(X.groupby(clusters).agg(["count", "mean"]).round(1))

# %%
# The waiting time
# ----------------
# A mixture gives the distribution of each column, here drawn over the histogram of the rows.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
plot.curve(two, X, feature="waiting", ax=ax)
ax.legend()
plt.show()

# %%
# It also gives the distribution of the waiting time, given the duration. After a short eruption the next one usually
# comes within an hour, and after a long eruption it never does.

for eruption in (2.0, 3.0, 4.5):
    waiting = two.condition({"eruptions": eruption})
    low, high = waiting.interval(0.9)
    late = 1 - waiting.cdf(60.0)
    print(f"after {eruption} minutes: {low:.0f} to {high:.0f} minutes, nine times in ten; over an hour: {late:.0%}")

# %%
# The last picture shows all durations: the band holds 90 % of the waiting times, and the line is their median.

import numpy as np

eruptions = np.linspace(1.5, 5.2, 200)
low, median, high = two.condition({"eruptions": eruptions}).ppf([0.05, 0.5, 0.95]).T

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
plot.clusters(two, X, ax=ax)
ax.fill_between(eruptions, low, high, color="0.5", alpha=0.2, linewidth=0)
ax.plot(eruptions, median, color="black")
plt.show()

# sphinx_gallery_thumbnail_number = 2
