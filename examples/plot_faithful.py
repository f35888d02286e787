"""
Old Faithful
============

A geyser and 272 of its eruptions: how long each lasted, and how long the wait for the next one was. How many kinds of
eruption are there, and how long shall we wait?
"""

# %%
# The rows are in a small file, two columns of minutes. Their names stay with the mixture.

import pandas as pd

X = pd.read_csv("data/faithful.csv")
X.head(3)

# %%
# How many kinds
# --------------
# One call fits all fourteen structures with one to nine components, and is the best of them. Each curve is a structure,
# and lower is better; hollow markers are fits that were given up, as they were heading far behind the best.

from matplotlib import pyplot as plt

from gaussmix import GaussianMixtureSearch, plot

search = GaussianMixtureSearch(random_state=0).fit(X)
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
plot.criteria(search.results_, ax=ax)
plt.show()

# %%
# Two curves reach about as low as each other: three components of one shape, or two of which each has its own. The
# summary says what the difference is worth.

import textwrap

print(textwrap.fill(search.summary(), 100))

# %%
# So there are two kinds of eruption, of which one may not be quite Gaussian. Here is what two and three components look
# like. Points are the smaller the less certain their component is, and ellipses hold 50 and 90 % of each component.

from gaussmix import GaussianMixture

two = GaussianMixture(2, random_state=0).fit(X).mixture_
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, mixture in zip(axes, (two, search.mixture_), strict=True):
    plot.clusters(mixture, X, ax=ax)
    plot.ellipses(mixture, ax=ax)
plt.show()

# %%
# Three components need not be three clusters. Those that share rows can be joined, two at a time, and the joint
# clusters are the two from before.

hierarchy = search.merge_components(X)
clusters = hierarchy.clusters(2)[search.predict(X)]
print(X.groupby(clusters).agg(["count", "mean"]).round(1))

# %%
# How long to wait
# ----------------
# A mixture knows the distribution of each column, here over the histogram of the rows.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
plot.curve(two, X, feature="waiting", ax=ax)
ax.legend()
plt.show()

# %%
# And it knows what one column says of the other. After a short eruption the next one mostly comes within the hour;
# after a long one, never.

for eruption in (2.0, 3.0, 4.5):
    waiting = two.condition({"eruptions": eruption})
    low, high = waiting.interval(0.9)
    late = 1 - waiting.cdf(60.0)
    print(f"after {eruption} minutes: {low:.0f} to {high:.0f} minutes, nine times in ten; over an hour: {late:.0%}")

# %%
# The same for all durations: the band holds the wait nine times in ten, and the line is its median.

import numpy as np

eruptions = np.linspace(1.5, 5.2, 200)
low, median, high = two.condition({"eruptions": eruptions}).ppf([0.05, 0.5, 0.95]).T

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
plot.clusters(two, X, ax=ax)
ax.fill_between(eruptions, low, high, color="0.5", alpha=0.2, linewidth=0)
ax.plot(eruptions, median, color="black")
plt.show()

# sphinx_gallery_thumbnail_number = 2
