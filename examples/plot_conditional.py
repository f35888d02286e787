"""
Conditional density and regression
==================================

Regression predicts a number y, given x. A mixture of x and y gives the whole conditional distribution of y: its mean,
its standard deviation, its quantiles, and all its modes.
"""

# %%
# A distribution with several modes
# ---------------------------------
# A robot's arm can reach a place with its elbow up or down, and a sensor can give the same signal for two states. In
# such cases y has several values for the same x. Here the data follow a wave that is turned on its side, so that in
# the middle there are three values of y.

import numpy as np

from gaussmix import GaussianMixtureSearch

rng = np.random.default_rng(0)
y = rng.uniform(0, 1, size=3000)
x = y + 0.3 * np.sin(2 * np.pi * y) + rng.normal(scale=0.05, size=3000)
search = GaussianMixtureSearch(range(1, 13), structures="full", random_state=0).fit(np.column_stack([x, y]))
mixture = search.mixture_

# %%
# The mixture is fitted to x and y together. Given x, the conditional distribution of y is a mixture too.

for given in (0.3, 0.5):
    answer = mixture.condition({0: given})
    modes = answer.modes()
    peaks = ", ".join(
        f"{peak:.2f} ({mass:.0%})" for peak, mass in zip(modes.locations[:, 0], modes.masses, strict=True)
    )
    pieces = ", ".join(f"{low:.2f} to {high:.2f}" for low, high in answer.highest_density(0.9))
    print(f"x = {given}: mean {answer.mean[0]:.2f}; peaks at {peaks}; 90 % in {pieces}")

# %%
# The left picture shows the rows and the components. The middle picture shows the conditional density of y for each x,
# and its mean; each column is a distribution. The right picture shows two of these columns. At 0.3 the mean is a value
# that y hardly ever has.

from matplotlib import pyplot as plt

from gaussmix import plot

across, up = np.meshgrid(np.linspace(-0.05, 1.05, 221), np.linspace(-0.1, 1.1, 301))
density = np.exp(mixture.condition({0: across.ravel()}).logpdf(up.ravel())).reshape(across.shape)
means = mixture.condition({0: across[0]}).mean[:, 0]

figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True, layout="constrained")
axes[0].scatter(x, y, s=2, color="0.7", linewidths=0)
plot.ellipses(mixture, content=0.9, ax=axes[0])
axes[1].pcolormesh(across, up, np.sqrt(density), cmap="Blues", shading="gouraud")
axes[1].plot(across[0], means, color="#D55E00", label="mean")
for given, colour in {0.3: "#009E73", 0.5: "#CC79A7"}.items():
    axes[1].axvline(given, color=colour, linewidth=1)
    axes[2].plot(mixture.condition({0: given}).pdf(up[:, :1]), up[:, 0], color=colour, label=f"x = {given}")
    axes[2].axhline(mixture.condition({0: given}).mean[0], color=colour, linewidth=1, linestyle="--")
axes[0].set(xlabel="x", ylabel="y", title="rows and components", xlim=(-0.05, 1.05), ylim=(-0.1, 1.1))
axes[1].set(xlabel="x", title="density of y, given x")
axes[2].set(xlabel="density", title="two columns (dashed: means)")
for ax in axes[1:]:
    ax.legend()
plt.show()

# %%
# A distribution with a single mode
# ---------------------------------
# If the conditional distribution has a single mode, use ``GaussianMixtureRegressor``. It has scikit-learn's ``fit`` and
# ``predict``, with standard deviations and quantiles. The width of the distribution can depend on x, in contrast to a
# line with a constant error. The band is predicted to hold 90 % of the rows.

from gaussmix import GaussianMixtureRegressor


def wave(n):
    """Rows of a wave that becomes noisier from left to right."""
    x = rng.uniform(0, 10, size=n)
    return x[:, None], np.sin(x) * (4 + x) / 6 + rng.normal(size=n) * (0.1 + 0.06 * x)


X, y = wave(600)
model = GaussianMixtureRegressor(range(1, 13), random_state=0).fit(X, y)
new, truth = wave(10_000)
low, high = model.predict_quantiles(new, [0.05, 0.95]).T
within = (low < truth) & (truth < high)
print(f"{model.best_params_['n_components']} components; {within.mean():.1%} of new rows in the band")

along = np.linspace(0, 10, 300)[:, None]
low, middle, high = model.predict_quantiles(along).T
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.scatter(X[:, 0], y, s=6, color="0.6", linewidths=0)
ax.fill_between(along[:, 0], low, high, color="#0072B2", alpha=0.2, linewidth=0, label="90 % of y")
ax.plot(along, model.predict(along), color="#0072B2", label="mean of y")
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()

# %%
# A linear relation
# -----------------
# The data are the progress of diabetes in a year, and ten measurements of 442 patients. The number of components is
# chosen again in each part of a cross-validation. It is always one, which is a linear regression: for these rows
# nothing is better. The intervals hold about the stated share of the rows.

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
folds = KFold(5, shuffle=True, random_state=0)
models = {
    "linear": LinearRegression(),
    "15 nearest neighbours": KNeighborsRegressor(15),
    "random forest": RandomForestRegressor(50, min_samples_leaf=5, random_state=0),
    "mixture": GaussianMixtureRegressor(range(1, 4), random_state=0),
}
within = []
for train, test in folds.split(X):
    model = models["mixture"].fit(X.iloc[train], y.iloc[train])
    low, high = model.predict_quantiles(X.iloc[test], [0.05, 0.95]).T
    within.extend((low < y.iloc[test]) & (y.iloc[test] < high))
print(
    f"{model.best_params_['n_components']} component; {np.mean(within):.0%} of the patients are in their 90 % interval"
)
scores = {name: cross_val_score(model, X, y, cv=folds).mean() for name, model in models.items()}
pd.Series(scores, name="R², cross-validated").round(2).to_frame()
