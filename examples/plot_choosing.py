"""
How many components, and of what shape
======================================

More components always fit the rows better that they are fitted to. New rows fit better up to a point, and then worse.
AIC and BIC look for that point without new rows; here there are new rows too, and one can see who is right.
"""

# %%
# Rows, and new rows
# ------------------
# 300 rows from four components, and 10 000 more to judge by.

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
# ``GaussianMixtureSearch`` fits them all, here with free covariances alone. Its table has a line for each.

from gaussmix import GaussianMixtureSearch

sizes = range(1, 13)
search = GaussianMixtureSearch(sizes, structures="full", stop_early=False, n_walks=2, n_init=3, random_state=0).fit(X)
table = search.results_.to_pandas().set_index("n_components")
table[["log_likelihood", "n_parameters", "aic", "bic", "status"]].round(1)

# %%
# On the left, how likely rows are on average. Those that were fitted become the likelier the more components there
# are; new ones do not, as what is learnt beyond the fourth component is accidents. On the right are the criteria. Both
# take minus twice the log-likelihood and add a fine for each parameter: AIC fines 2, BIC log n, which is 5.7 here. BIC
# stops at four. AIC falls on: a component that may lie anywhere finds an accident worth more than AIC's fine for its
# six parameters.

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
# Of what shape
# -------------
# Free covariances were a guess too. Without ``structures`` the search tries all fourteen, and draws on what each of
# them has found for the others. A curve is a structure; the letters are explained in
# :ref:`sphx_glr_gallery_plot_covariances.py`.

from gaussmix import plot

search = GaussianMixtureSearch(range(1, 10), stop_early=False, random_state=0).fit(X)
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
plot.criteria(search.results_, ax=ax)
plt.show()

# %%
# Whatever was chosen, the summary says how clear the choice was.

import textwrap

print(textwrap.fill(search.summary(), 100))

# %%
# And here we can look up whether it was right. Each point is one of the models, the good ones, and higher is better on
# new rows. The one that BIC chose is as good as any; the one that AIC chose has twice the components, and is worse
# than many.

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
