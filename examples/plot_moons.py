"""
Two moons: clusters, a density, new rows
========================================

Two moons are no ellipses. As clusters, two components are of little use for them. As stones to build a density from,
sixteen do very well; and from a density one can draw new rows, and read off the clusters after all.
"""

# %%
# Two components, and sixteen
# ---------------------------
# Two is what one would ask of clusters, and no two ellipses are moons. Sixteen do not try to be clusters: they lie
# along the moons like stones in a wall.

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
    ax.set(title=f"{model.n_components} components", xlabel="", ylabel="", aspect="equal")
plt.show()

# %%
# As a density
# ------------
# Shades show the density, and the line holds 90 % of its probability: nine rows of ten lie inside. With two components
# that takes in much where there are no rows at all; with sixteen it goes around the moons.

import numpy as np

across, up = np.meshgrid(np.linspace(-1.5, 2.5, 300), np.linspace(-1.1, 1.6, 200))
places = np.column_stack([across.ravel(), up.ravel()])

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, model in zip(axes, (two, sixteen), strict=True):
    ax.set(xlim=(-1.5, 2.5), ylim=(-1.1, 1.6), aspect="equal")
    density = model.mixture_.pdf(places).reshape(across.shape)
    ax.pcolormesh(across, up, density, cmap="Blues", shading="gouraud")
    plot.contours(model.mixture_, content=0.9, ax=ax)
    ax.set(title=f"{model.n_components} components", xlabel="", ylabel="")
plt.show()

# %%
# New rows
# --------
# To draw a row, choose a component by its weight and draw from that Gaussian. If the density is right, no one can tell
# such rows from new ones of the moons themselves.

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
# No one can? A classifier may try. It gets 2 000 rows of the moons and as many drawn ones, and has to say which are
# which; one half is right by chance, and from twelve components on it does no better. New rows are likeliest under
# sixteen. Beyond that, more components only learn accidents. BIC, which has not seen the new rows, would be content
# with twelve.

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
# And clusters after all
# ----------------------
# Components that share rows can be joined, two at a time. The entropy says how much doubt is left about which cluster
# each row belongs to. The ends of the moons join them late, as few rows lie between. With two clusters there is no
# doubt left, and they are the moons.

from sklearn.metrics import adjusted_rand_score

hierarchy = sixteen.merge_components(X)
clusters = hierarchy.clusters(2)[sixteen.predict(X)]
print(f"agreement of two components with the moons:   {adjusted_rand_score(moon, two.predict(X)):.2f}")
print(f"agreement of sixteen, joined to two clusters: {adjusted_rand_score(moon, clusters):.2f}")

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
plot.merge_tree(hierarchy, ax=axes[0])
axes[1].scatter(*X.T, c=np.array(["#0072B2", "#E69F00"])[clusters], s=3, linewidths=0)
axes[1].set(aspect="equal")
plt.show()
