"""
Query a density
===============

A fitted mixture is a probability distribution. It gives its modes, the probabilities of regions, and its distance from
another mixture. Answers that cannot be computed exactly have a standard error.
"""

# %%
# The data are three properties of 178 wines. BIC chooses the structure and the number of components of the mixture.

from sklearn.datasets import load_wine

from gaussmix import GaussianMixtureSearch

wines = load_wine(as_frame=True)
X = wines.data[["alcohol", "flavanoids", "color_intensity"]]
search = GaussianMixtureSearch(range(1, 7), random_state=0).fit(X)
mixture = search.mixture_
print(search.best_params_)

# %%
# Modes
# -----
# The four components have three modes, because two of them overlap. The mass of a mode is the probability of all points
# from which steepest ascent leads to it.

import numpy as np
import pandas as pd

modes = mixture.modes(random_state=0)
peaks = pd.DataFrame(modes.locations, columns=X.columns)
peaks.assign(mass=modes.masses, error=modes.mass_errors).round(3)

# %%
# The pictures show two properties each: contours that hold given shares of the probability, and crosses at the modes of
# the two properties.

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
# Probabilities
# -------------
# In one dimension there are quantiles, and the smallest regions that hold a given share, which can have several parts.

flavanoids = mixture.marginal("flavanoids")
low, high = flavanoids.interval(0.5)
pieces = flavanoids.highest_density(0.5)
print(f"median {flavanoids.ppf(0.5):.2f}; the middle half from {low:.2f} to {high:.2f}")
print("the densest half:", ", ".join(f"{low:.2f} to {high:.2f}" for low, high in pieces))

figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
plot.curve(mixture, X, feature="flavanoids", ax=ax)
for low, high in pieces:
    bands = ax.axvspan(low, high, color="#E69F00", alpha=0.2, linewidth=0)
bands.set_label("densest half")
ax.legend()
plt.show()

# %%
# In more dimensions there are boxes. This is the probability that a wine has more than 13 % of alcohol, more than 2.5
# of flavanoids and a colour intensity of at most 6.

box = mixture.box_probability([13.0, 2.5, -np.inf], [np.inf, np.inf, 6.0])
counted = ((X["alcohol"] > 13) & (X["flavanoids"] > 2.5) & (X["color_intensity"] <= 6)).mean()
print(f"{box.value:.4f} with a standard error of {box.standard_error:.0e}; {counted:.4f} of the rows")

# %%
# Distances
# ---------
# The wines come from three cultivars. The Jensen-Shannon divergence measures their difference: it is 0 for equal
# distributions, and log 2 = 0.693 if the cultivar of a wine is always certain. It has no closed form for mixtures. The
# estimate is a mean over random rows, with its standard error.

from gaussmix import GaussianMixture

cultivars = [
    GaussianMixture(2, covariance_type="tied", random_state=0).fit(rows) for _, rows in X.groupby(wines.target)
]
for i, j in ((0, 1), (0, 2), (1, 2)):
    apart = cultivars[i].mixture_.js_divergence(cultivars[j].mixture_, random_state=0)
    between = f"proven to lie between {apart.lower:.3f} and {apart.upper:.3f}"
    print(f"cultivars {i} and {j}: {apart.value:.4f}, standard error {apart.standard_error:.4f}; {between}")

# %%
# The last example measures the loss when a mixture is reduced. The density of two moons has sixteen components, which
# are merged, two at a time, without a change of the mean and the covariance. The Kullback-Leibler divergence is the
# mean loss of log-density of rows of the first mixture under the second. The bars of two standard errors are smaller
# than the dots.

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
