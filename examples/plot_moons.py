"""
Two moons: density, new rows and clusters
=========================================

Two moons are not ellipses, so that two components do not find them as clusters. Sixteen components together describe
their density well. New rows can be drawn from this density, and joined components give the two clusters.
"""

# %%
# Two and sixteen components
# --------------------------
# Two components cannot describe the two clusters, because the moons are not ellipses. Sixteen components are not
# clusters, but each covers a part of a moon.

from matplotlib import pyplot as plt
from sklearn.datasets import make_moons

from gaussmix import GaussianMixture, plot

X, moon = make_moons(2000, noise=0.05, random_state=0)
two = GaussianMixture(2, random_state=0).fit(X)
sixteen = GaussianMixture(16, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, model in zip(axes, (two, sixteen), strict=True):
    plot.clusters(model.mixture_, X, certainty=None, ax=ax)
    plot.ellipses(model.mixture_, content=0.9, ax=ax)
    ax.set(title=f"{model.n_components} components", xlabel="x", ylabel="y", aspect="equal")
    ax.label_outer()
plt.show()

# %%
# The density
# -----------
# The shades show the density, and the line encloses 90 % of its probability. With two components this region contains
# much space without rows. With sixteen components it follows the moons.

import numpy as np

across, up = np.meshgrid(np.linspace(-1.5, 2.5, 300), np.linspace(-1.1, 1.6, 200))
places = np.column_stack([across.ravel(), up.ravel()])

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, model in zip(axes, (two, sixteen), strict=True):
    ax.set(xlim=(-1.5, 2.5), ylim=(-1.1, 1.6), aspect="equal")
    density = model.mixture_.pdf(places).reshape(across.shape)
    ax.pcolormesh(across, up, density, cmap="Blues", shading="gouraud")
    plot.contours(model.mixture_, content=0.9, ax=ax)
    ax.set(title=f"{model.n_components} components", xlabel="x", ylabel="y")
    ax.label_outer()
plt.show()

# %%
# New rows
# --------
# To draw a row, choose a component with the probability of its weight, and draw from its Gaussian. If the density is
# right, such rows cannot be distinguished from new rows of the moons.

new = {
    "the moons": make_moons(2000, noise=0.05, random_state=1)[0],
    "drawn from two": two.mixture_.sample(2000, random_state=1),
    "drawn from sixteen": sixteen.mixture_.sample(2000, random_state=1),
}
figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.8), sharex=True, sharey=True, layout="constrained")
for ax, (name, rows) in zip(axes, new.items(), strict=True):
    ax.scatter(*rows.T, s=3, linewidths=0)
    ax.set(title=name, xticks=[], yticks=[], aspect="equal")
plt.show()

# %%
# A classifier tests this. It is trained to distinguish 2 000 rows of the moons from 2 000 rows drawn from the mixture.
# By chance, it is right for one half. From twelve components on it is no better. The likelihood of new rows is largest
# with sixteen components, and more components fit random details. BIC, which does not use the new rows, selects twelve.

import pandas as pd
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

table = {}
for n_components in (2, 4, 8, 12, 16, 24):
    model = GaussianMixture(n_components, random_state=0).fit(X)
    both = np.concatenate([new["the moons"], model.mixture_.sample(2000, random_state=2)])
    told = cross_val_score(KNeighborsClassifier(20), both, np.repeat([0, 1], 2000), cv=10)
    table[n_components] = {
        "told apart, %": 100 * told.mean(),
        "log-likelihood per new row": model.score(new["the moons"]),
        "AIC": model.aic(X),
        "BIC": model.bic(X),
    }
pd.DataFrame(table).T.round(2)

# %%
# The clusters
# ------------
# Components that share rows can be joined, two at a time. The entropy measures the remaining uncertainty about the
# cluster of each row. The two moons are joined last, because few rows lie between them. With two clusters the
# uncertainty is zero, and the clusters are the moons.

from sklearn.metrics import adjusted_rand_score

hierarchy = sixteen.merge_components(X)
clusters = hierarchy.clusters(2)[sixteen.predict(X)]
print(f"agreement of two components with the moons:   {adjusted_rand_score(moon, two.predict(X)):.2f}")
print(f"agreement of sixteen, joined to two clusters: {adjusted_rand_score(moon, clusters):.2f}")

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
plot.merge_tree(hierarchy, ax=axes[0])
axes[1].scatter(*X.T, c=np.array(["#0072B2", "#E69F00"])[clusters], s=3, linewidths=0)
axes[1].set(xlabel="x", ylabel="y", title="the two clusters", aspect="equal")
plt.show()
