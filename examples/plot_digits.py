"""
Generate handwritten digits
===========================

A mixture generates new rows like those it was fitted to. This example fits a density to 1 797 small images of
handwritten digits, in the space of their principal components, and draws a hundred new digits from it.
"""

# %%
# Dimension reduction
# -------------------
# An image has 64 pixels. Many of them are always white, or strongly correlated with their neighbours. Principal
# components keep 99 % of the variance in two thirds of the numbers. A quarter of the digits is held out as a test.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

digits = load_digits().data
train, held_out = train_test_split(digits, test_size=0.25, random_state=0)
pca = PCA(0.99).fit(train)
train, held_out = pca.transform(train), pca.transform(held_out)
print(f"{digits.shape[1]} pixels, {pca.n_components_} principal components, {len(train)} digits to learn from")

# %%
# The number of components
# ------------------------
# Strokes make the pixels correlated, so the covariances are full, which is the default. In 41 dimensions a covariance
# has 861 parameters, and each component has about a hundred rows here. A weak prior, worth one row, keeps the
# covariances from degenerating. A single k-means start for each number of components is enough for a curve.

import pandas as pd

from gaussmix import GaussianMixture

curve = {}
for n_components in (1, 3, 5, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 25, 30):
    model = GaussianMixture(n_components, prior="weak", init_params="kmeans", max_iter=500, random_state=0).fit(train)
    curve[n_components] = {
        "aic": model.aic(train) / len(train),
        "bic": model.bic(train) / len(train),
        "train": model.score(train),
        "held_out": model.score(held_out),
    }
curve = pd.DataFrame(curve).T
print(f"lowest BIC with {curve['bic'].idxmin()} components, lowest AIC with {curve['aic'].idxmin()};")
print(f"held-out digits have the largest likelihood with {curve['held_out'].idxmax()}")

from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for name in ("bic", "aic"):
    (line,) = axes[0].plot(curve[name], "o-", label=name.upper(), markersize=4)
    axes[0].plot(curve[name].idxmin(), curve[name].min(), "o", markersize=11, color=line.get_color())
for name, label in {"train": "fitted digits", "held_out": "held-out digits"}.items():
    (line,) = axes[1].plot(curve[name], "o-", label=label, markersize=4)
axes[1].plot(curve["held_out"].idxmax(), curve["held_out"].max(), "o", markersize=11, color=line.get_color())
axes[0].set(xlabel="number of components", ylabel="criterion per digit (lower is better)")
axes[1].set(xlabel="number of components", ylabel="log-likelihood per digit")
for ax in axes:
    ax.legend()
plt.show()

# %%
# BIC charges log n for each of the 903 parameters of a component, so it selects few components. AIC charges less, and
# selects more. The held-out digits show the best number: more components fit random details of the given rows.

# %%
# New digits
# ----------
# Without held-out digits, a criterion has to decide, and AIC is appropriate for a density that generates rows. Here
# are 36 of a hundred digits from the model of AIC, and from the model that the held-out digits select. Both models are
# fitted to all digits, with the default exploration of starts.

from gaussmix import plot

chosen = {"by AIC": curve["aic"].idxmin(), "by held-out digits": curve["held_out"].idxmax()}
images = {"given digits": digits[:100]}
for reason, n_components in chosen.items():
    mixture = GaussianMixture(n_components, prior="weak", random_state=0).fit(pca.transform(digits)).mixture_
    drawn = pca.inverse_transform(mixture.sample(100, random_state=1)).clip(0, 16)
    images[f"new, {n_components} components {reason}"] = drawn

figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
for ax, (title, some) in zip(axes, images.items(), strict=True):
    plot.images(some[:36], (8, 8), n_columns=6, ax=ax).set_title(title)
plt.show()

# %%
# Most of them are legible, but some are not digits: a Gaussian that covers a 3 and an 8 also generates forms in
# between. With more components there are fewer such forms, but the components reproduce the given digits more closely.

# %%
# The generated digits are new
# ----------------------------
# A model could simply copy the given digits. The picture shows ten of the last hundred digits, and below each the most
# similar given digit.

import numpy as np
from sklearn.neighbors import NearestNeighbors

distances, nearest = NearestNeighbors(n_neighbors=2).fit(digits).kneighbors(digits)
distances_drawn, nearest_drawn = NearestNeighbors(n_neighbors=1).fit(digits).kneighbors(drawn)
print(f"median distance from a given digit to the nearest other: {np.median(distances[:, 1]):.1f}")
print(f"median distance from a new digit to the nearest given: {np.median(distances_drawn):.1f}")

figure, ax = plt.subplots(figsize=(9.5, 2.2), layout="constrained")
plot.images(np.concatenate([drawn[:10], digits[nearest_drawn[:10, 0]]]), (8, 8), ax=ax)
plt.show()

# sphinx_gallery_thumbnail_number = 2
