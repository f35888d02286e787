"""
Choose the number of components and their shape
===============================================

More components always improve the fit to the given rows. The fit to new rows improves up to some number of components,
and then gets worse. AIC and BIC estimate this number without new rows. This example compares them with new rows.
"""

# %%
# The data
# --------
# The data are 300 rows from four components. Another 10 000 rows serve as the test.

from gaussmix import Mixture

nature = Mixture(
    weights=[0.4, 0.25, 0.2, 0.15],
    means=[[0.0, 0.0], [2.5, 2.5], [4.5, -0.5], [-2.0, 3.5]],
    covariances=[
        [[1.3, 0.6], [0.6, 0.8]],
        [[0.8, -0.5], [-0.5, 0.7]],
        [[0.4, 0.0], [0.0, 1.6]],
        [[0.5, 0.3], [0.3, 0.5]],
    ],
)
X = nature.sample(300, random_state=0)
new = nature.sample(10_000, random_state=1)

# %%
# From one component to twelve
# ----------------------------
# ``GaussianMixtureSearch`` fits all numbers of components, here with full covariances only. Its table has a row for
# each number.

from gaussmix import GaussianMixtureSearch

sizes = range(1, 13)
search = GaussianMixtureSearch(sizes, structures="full", stop_early=False, n_walks=2, n_init=3, random_state=0).fit(X)
table = search.results_.to_pandas().set_index("n_components")
table[["log_likelihood", "n_parameters", "aic", "bic", "status"]].round(1)

# %%
# The left picture shows the mean log-likelihood. That of the fitted rows grows with the number of components. That of
# new rows does not, because more than four components fit random details. The right picture shows the criteria. Both
# are minus twice the log-likelihood plus a penalty for each parameter: 2 for AIC, and log n, here 5.7, for BIC. BIC
# selects four components. AIC continues to fall, because an additional component usually finds a random detail that is
# worth more than the penalty of its six parameters.

from matplotlib import pyplot as plt

held_out = [one.mixture.logpdf(new).mean() for one in search.results_.candidates]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
axes[0].plot(sizes, table["log_likelihood"] / len(X), "o-", label="the rows that were fitted")
axes[0].plot(sizes, held_out, "o-", label="new rows")
axes[0].axhline(
    nature.logpdf(new).mean(), color="0.6", linewidth=1, zorder=0, label="new rows, under their true density"
)
axes[0].set(xlabel="number of components", ylabel="log-likelihood per row", ylim=(-4.3, None))
axes[0].legend()
for name in ("bic", "aic"):
    (line,) = axes[1].plot(sizes, table[name], "o-", label=name.upper())
    axes[1].plot(table[name].idxmin(), table[name].min(), "o", markersize=12, color=line.get_color())
axes[1].set(xlabel="number of components", ylabel="criterion (lower is better)")
axes[1].legend()
plt.show()

# %%
# The shape of the components
# ---------------------------
# Full covariances were a guess too. Without ``structures`` the search fits all fourteen structures, and uses the fits
# of each structure as starts for the others. Each curve is a structure; their letters are explained in
# :ref:`sphx_glr_gallery_plot_covariances.py`.

from gaussmix import plot

search = GaussianMixtureSearch(range(1, 10), stop_early=False, random_state=0).fit(X)
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
plot.criteria(search.results_, ax=ax)
plt.show()

# %%
# The summary says how clear the choice is.

import textwrap

print(textwrap.fill(search.summary(), 100))

# %%
# The new rows show whether the choice is right. Each point is one of the better models, and a higher point is better on
# new rows. No model is better than that of BIC. The model of AIC has twice as many components, and is worse than many
# others.

import numpy as np

candidates = search.results_.candidates
held_out = np.array([one.mixture.logpdf(new).mean() for one in candidates])
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
for ax, name in zip(axes, ("bic", "aic"), strict=True):
    values = np.array([one.criterion(name) for one in candidates])
    good, chosen = values < values.min() + 110, values.argmin()
    ax.scatter(values[good], held_out[good], s=12, color="0.6")
    ax.plot(values[chosen], held_out[chosen], "o", markersize=9)
    winner = f"{candidates[chosen].structure.name} with {candidates[chosen].n_components} components"
    ax.set(title=f"{name.upper()} chose {winner}", xlabel=f"{name.upper()} (lower is better)")
axes[0].set(ylabel="log-likelihood per new row")
plt.show()
