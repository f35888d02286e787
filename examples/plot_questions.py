"""
Questions to a density
======================

A fitted mixture is a probability distribution, and answers as one: where its peaks are, how probable a region is, how
far it is from another. What cannot be worked out exactly comes with its error.
"""

# %%
# A mixture of 178 wines, in three of their properties. Its structure and its number of components are chosen by BIC.

from sklearn.datasets import load_wine

from gaussmix import GaussianMixtureSearch

wines = load_wine(as_frame=True)
X = wines.data[["alcohol", "flavanoids", "color_intensity"]]
search = GaussianMixtureSearch(range(1, 7), random_state=0).fit(X)
mixture = search.mixture_
print(search.best_params_)

# %%
# Where are the peaks?
# --------------------
# Four components make three peaks, as two of them overlap. Each peak has a mass: the probability of all places from
# which one climbs to it.

import numpy as np
import pandas as pd

modes = mixture.modes(random_state=0)
peaks = pd.DataFrame(modes.locations, columns=X.columns)
peaks.assign(mass=modes.masses, error=modes.mass_errors).round(3)

# %%
# Two properties at a time: lines that hold given shares of the probability, and crosses at the peaks of the two.

from matplotlib import pyplot as plt

from gaussmix import plot

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for ax, features in zip(axes, (["alcohol", "flavanoids"], ["flavanoids", "color_intensity"]), strict=True):
    ax.scatter(X[features[0]], X[features[1]], s=8, color="0.7", linewidths=0)
    plot.contours(mixture, features=features, content=[0.25, 0.5, 0.75, 0.95], ax=ax)
    tops = mixture.marginal(features).modes(random_state=0).locations
    ax.plot(*tops.T, "x", color="#D55E00", markersize=8, markeredgewidth=2)
plt.show()

# %%
# How much lies where?
# --------------------
# In one dimension there are quantiles, and the shortest regions that hold a given share, which may be in pieces.

flavanoids = mixture.marginal("flavanoids")
low, high = flavanoids.interval(0.5)
pieces = flavanoids.highest_density(0.5)
print(f"median {flavanoids.ppf(0.5):.2f}; the middle half from {low:.2f} to {high:.2f}")
print("the densest half:", ", ".join(f"{low:.2f} to {high:.2f}" for low, high in pieces))

figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
plot.curve(mixture, X, feature="flavanoids", ax=ax)
for low, high in pieces:
    ax.axvspan(low, high, color="#E69F00", alpha=0.2, linewidth=0)
plt.show()

# %%
# In more dimensions there are boxes. How many wines have more than 13 % of alcohol, more than 2.5 of flavanoids and a
# colour intensity of at most 6?

box = mixture.box_probability([13.0, 2.5, -np.inf], [np.inf, np.inf, 6.0])
counted = ((X["alcohol"] > 13) & (X["flavanoids"] > 2.5) & (X["color_intensity"] <= 6)).mean()
print(f"{box.value:.4f} with a standard error of {box.standard_error:.0e}; {counted:.4f} of the rows")

# %%
# How far apart?
# --------------
# The wines are of three cultivars. How different are these? The Jensen-Shannon divergence is 0 for equal
# distributions, and log 2 = 0.693 where a wine leaves no doubt which of two it is from. It has no closed form for
# mixtures: it is a mean over random draws, and says how good that is.

from gaussmix import GaussianMixture

cultivars = [
    GaussianMixture(2, covariance_type="tied", random_state=0).fit(rows) for _, rows in X.groupby(wines.target)
]
for i, j in ((0, 1), (0, 2), (1, 2)):
    apart = cultivars[i].mixture_.js_divergence(cultivars[j].mixture_, random_state=0)
    between = f"proven to lie between {apart.lower:.3f} and {apart.upper:.3f}"
    print(f"cultivars {i} and {j}: {apart.value:.4f}, standard error {apart.standard_error:.4f}; {between}")

# %%
# And how much is lost when a mixture is made smaller? The density of two moons, in sixteen components, is reduced by
# merging them, two at a time, which keeps its mean and covariance. The divergence of Kullback and Leibler says what
# rows of the first lose in log-density under the second. Bars of two standard errors are drawn, and smaller than the
# dots.

from sklearn.datasets import make_moons

moons = GaussianMixture(16, random_state=0).fit(make_moons(1000, noise=0.06, random_state=0)[0]).mixture_
sizes = (16, 12, 8, 6, 4, 2)
lost = [moons.kl_divergence(moons.reduce(k), n_samples=20_000, random_state=0) for k in sizes]

figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
for ax, k in zip(axes, (16, 8, 4), strict=False):
    plot.ellipses(moons.reduce(k), content=0.9, ax=ax)
    ax.set(title=f"{k} components", xlabel="", ylabel="", xticks=[], yticks=[], xlim=(-1.8, 2.8), ylim=(-1.3, 1.8))
axes[3].errorbar(sizes, [one.value for one in lost], yerr=[2 * one.standard_error for one in lost], fmt="o-")
axes[3].set(xlabel="components", ylabel="nats lost per row")
plt.show()
