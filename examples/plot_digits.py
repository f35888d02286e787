"""
Handwritten digits: learn them, and write new ones
==================================================

A mixture can generate what it has learnt. From 1 797 small images of handwritten digits it learns a density, in the
space of their principal components, and draws a hundred digits that no one has written.
"""

# %%
# Fewer numbers for each image
# ----------------------------
# An image has 64 pixels, of which many are always white or say the same as their neighbours. Principal components keep
# 99 % of the variance in two thirds of the numbers. A quarter of the digits is kept aside, to judge by later.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

digits = load_digits().data
train, aside = train_test_split(digits, test_size=0.25, random_state=0)
pca = PCA(0.99).fit(train)
train, aside = pca.transform(train), pca.transform(aside)
print(f"{digits.shape[1]} pixels, {pca.n_components_} principal components, {len(train)} digits to learn from")

# %%
# How many components
# -------------------
# Strokes make pixels depend on each other, so covariances are free: ``"full"``, the default. In 41 dimensions that is
# 861 numbers for each component, which here gets a hundred rows or so. A weak prior, worth one row, keeps them from
# being taken in by chance. One start from k-means for each number of components will do for a curve.

import pandas as pd

from gaussmix import GaussianMixture

curve = {}
for n_components in (1, 3, 5, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 25, 30):
    model = GaussianMixture(n_components, prior="weak", init_params="kmeans", max_iter=500, random_state=0).fit(train)
    curve[n_components] = {
        "aic": model.aic(train) / len(train),
        "bic": model.bic(train) / len(train),
        "train": model.score(train),
        "aside": model.score(aside),
    }
curve = pd.DataFrame(curve).T
print(f"lowest BIC with {curve['bic'].idxmin()} components, lowest AIC with {curve['aic'].idxmin()};")
print(f"digits kept aside are likeliest with {curve['aside'].idxmax()}")

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for name in ("bic", "aic"):
    (line,) = axes[0].plot(curve[name], "o-", label=name.upper(), markersize=4)
    axes[0].plot(curve[name].idxmin(), curve[name].min(), "o", markersize=11, color=line.get_color())
for name, label in {"train": "the digits that were fitted", "aside": "digits kept aside"}.items():
    (line,) = axes[1].plot(curve[name], "o-", label=label, markersize=4)
axes[1].plot(curve["aside"].idxmax(), curve["aside"].max(), "o", markersize=11, color=line.get_color())
axes[0].set(xlabel="number of components", ylabel="criterion per digit (lower is better)")
axes[1].set(xlabel="number of components", ylabel="log-likelihood per digit")
for ax in axes:
    ax.legend()
plt.show()

# %%
# BIC cannot be sure that a component is worth its fine, log n for each of 903 parameters, and stops early. AIC, which
# counts less, goes on. The digits kept aside say where the truth lies: what is learnt beyond that many components are
# accidents of the rows.

# %%
# A hundred new digits
# --------------------
# Without digits to spare one has to go by a criterion, and for a density that is to be drawn from, AIC is the one. We
# also have those kept aside. So here are a hundred digits by each of the two, from fits to all digits, with the usual
# search for the best start.

from gaussmix import plot

chosen = {"by AIC": curve["aic"].idxmin(), "by digits kept aside": curve["aside"].idxmax()}
images = {"written by people": digits[:100]}
for reason, n_components in chosen.items():
    mixture = GaussianMixture(n_components, prior="weak", random_state=0).fit(pca.transform(digits)).mixture_
    drawn = pca.inverse_transform(mixture.sample(100, random_state=1)).clip(0, 16)
    images[f"drawn, {n_components} components {reason}"] = drawn

figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
for ax, (title, some) in zip(axes, images.items(), strict=True):
    plot.images(some, (8, 8), ax=ax).set_title(title)
plt.show()

# %%
# Most can be read, and some are no digit: a Gaussian between a 3 and an 8 does not know that there is nothing in
# between. More components leave fewer such places, and learn more by heart.

# %%
# Are they new?
# -------------
# Copies would be easy to draw. Here are ten of the last hundred, and below each the nearest one that someone wrote.

import numpy as np
from sklearn.neighbors import NearestNeighbors

distances, nearest = NearestNeighbors(n_neighbors=2).fit(digits).kneighbors(digits)
distances_drawn, nearest_drawn = NearestNeighbors(n_neighbors=1).fit(digits).kneighbors(drawn)
print(f"from a written digit to the next one: {np.median(distances[:, 1]):.1f}")
print(f"from a drawn one to the next written: {np.median(distances_drawn):.1f}")

figure, ax = plt.subplots(figsize=(9.5, 2.2), layout="constrained")
plot.images(np.concatenate([drawn[:10], digits[nearest_drawn[:10, 0]]]), (8, 8), ax=ax)
plt.show()

# sphinx_gallery_thumbnail_number = 2
