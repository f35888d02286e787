"""
Classification with a mixture for each class
============================================

A density for each class gives a classifier by Bayes' rule. With a single Gaussian for each class, the classifiers are
well known: linear and quadratic discriminant analysis, and naive Bayes. With a mixture, a class can have any shape.
"""

# %%
# Four classifiers
# ----------------
# There are three classes: the first is in two places, the second is bent, and the third is round. The four classifiers
# differ in their densities. Linear discriminant analysis has a common covariance for all classes, quadratic
# discriminant analysis a covariance for each class, and naive Bayes ellipses along the axes. The last classifier has
# mixtures, with the number of components that BIC chooses for each class.

import numpy as np
from sklearn.datasets import make_moons

from gaussmix import GaussianMixtureClassifier


def draw(n, seed):
    """Rows of three classes, n of each, and their classes."""
    rng = np.random.default_rng(seed)
    twofold = rng.normal(size=(n, 2)) * 0.45 + np.where(rng.random((n, 1)) < 0.5, [-2.2, 0.2], [3.2, -0.3])
    bent = 2.2 * make_moons((0, n), noise=0.12, random_state=seed)[0] + [-2.0, -1.0]
    ball = rng.normal(size=(n, 2)) * 0.6 + [0.4, 0.9]
    return np.concatenate([twofold, bent, ball]), np.repeat([0, 1, 2], n)


X, y = draw(200, seed=0)
new, truth = draw(3000, seed=1)
models = {
    "linear (lda)": GaussianMixtureClassifier.lda(),
    "quadratic (qda)": GaussianMixtureClassifier.qda(),
    "naive Bayes": GaussianMixtureClassifier.naive_bayes(),
    "mixtures": GaussianMixtureClassifier(range(1, 7), random_state=0),
}

# %%
# The background has the colours of the classes, mixed by their probabilities, and lines where the most probable class
# changes. The number is the share of 9 000 new rows with a correct prediction.

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

colours = np.array([to_rgb(colour) for colour in ("#0072B2", "#E69F00", "#009E73")])
across, up = np.meshgrid(np.linspace(-4.5, 5.5, 250), np.linspace(-3.2, 3.2, 160))
places = np.column_stack([across.ravel(), up.ravel()])

figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.6), sharex=True, sharey=True, layout="constrained")
for ax, (name, model) in zip(axes.flat, models.items(), strict=True):
    probability = model.fit(X, y).predict_proba(places).reshape(*across.shape, 3)
    for k in range(3):
        ahead = probability[:, :, k] - np.delete(probability, k, axis=2).max(axis=2)
        ax.contour(across, up, ahead, levels=[0], colors="black", linewidths=0.8)
    ax.imshow(0.6 + 0.4 * probability @ colours, extent=(-4.5, 5.5, -3.2, 3.2), origin="lower", aspect="auto")
    for k in range(3):
        ax.scatter(*X[y == k].T, color=colours[k], s=6, linewidths=0, label=f"class {k}")
    ax.set(title=f"{name}: {model.score(new, truth):.1%}", xticks=[], yticks=[], xlabel="x", ylabel="y")
    ax.label_outer()
axes[0, 0].legend(loc="upper left", ncols=3)
plt.show()
print("components of each class:", [params["n_components"] for params in models["mixtures"].best_params_])

# %%
# Rows of no class
# ----------------
# The probabilities of the known classes sum to one, even for a row that belongs to none of them. The upper left corner
# is far from all rows, but the class seems almost certain there. The density shows that such a row is unusual.

corner, middle = [-4.4, 3.1], [0.4, 0.9]
for name, row in {"in the corner": corner, "in the middle": middle}.items():
    probability = models["mixtures"].predict_proba([row]).max()
    log_density = models["mixtures"].score_samples([row])[0]
    print(f"{name}: most probable class {probability:.0%}, log-density {log_density:.1f}")

# %%
# Real tables
# -----------
# The table shows the accuracy in five-fold cross-validation, in percent, with at most twenty principal components. On
# such data a single Gaussian for each class is usually enough. More components help if a class has several kinds of
# rows.

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

folds = StratifiedKFold(5, shuffle=True, random_state=0)
models["mixtures"].set_params(n_components=[1, 2, 3])
tables = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
scores = {name: {} for name in models}
for table, load in tables.items():
    rows, classes = load(return_X_y=True)
    for name, model in models.items():
        whole = make_pipeline(PCA(min(20, rows.shape[1])), model)
        scores[name][table] = 100 * cross_val_score(whole, rows, classes, cv=folds).mean()
pd.DataFrame(scores).round(1)

# %%
# A classifier that generates digits
# ----------------------------------
# Each class has a density, from which new rows can be drawn. These digits of each class are drawn from quadratic
# discriminant analysis, in the principal components that keep 99 % of the variance.

from gaussmix import plot

digits, classes = load_digits(return_X_y=True)
pca = PCA(0.99).fit(digits)
model = GaussianMixtureClassifier.qda(random_state=0).fit(pca.transform(digits), classes)
drawn, drawn_classes = model.sample(1000)
ten_each = np.concatenate([np.flatnonzero(drawn_classes == digit)[:10] for digit in range(10)])

figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
plot.images(pca.inverse_transform(drawn[ten_each]).clip(0, 16), (8, 8), ax=ax)
plt.show()
