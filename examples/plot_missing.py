"""
Rows with missing values
========================

Many programs drop each row that misses a value. If values are missing more often in some groups than in others, these
groups then count too little, and every answer is biased. A fit to the observed values of all rows is not.
"""

# %%
# People who do not state their income
# ------------------------------------
# Two groups of people: one is young with low incomes, the other is old with high incomes. The older people are, the
# more often their income is missing. The reason is the age, which is known for all: the incomes are *missing at
# random*.

import numpy as np

from gaussmix import GaussianMixture, Mixture

truth = Mixture(
    weights=[0.5, 0.5],
    means=[[30.0, 25.0], [55.0, 45.0]],
    covariances=[[[30.0, 25.0], [25.0, 40.0]], [[50.0, 50.0], [50.0, 90.0]]],
    feature_names=["age", "income"],
)
rng = np.random.default_rng(0)
people = truth.sample(1000, random_state=rng)
silent = rng.random(1000) < 1.0 / (1.0 + np.exp(-(people[:, 0] - 45.0) / 5.0))
rows = people.copy()
rows[silent, 1] = np.nan
print(f"{silent.mean():.0%} of the incomes are missing")

# %%
# Fit with and without the incomplete rows
# ----------------------------------------
# The left fit drops the incomplete rows: the older group is too light, too young and too poor. The right fit uses the
# ages of all rows. The ages show how many older people there are, and the complete rows show how income depends on age.

from matplotlib import pyplot as plt

from gaussmix import plot

fits = {
    "incomplete rows are dropped": GaussianMixture(2, random_state=0).fit(rows[~silent]).mixture_,
    "EM with all rows": GaussianMixture(2, random_state=0).fit(rows).mixture_,
}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), sharex=True, sharey=True, layout="constrained")
for ax, (name, fitted) in zip(axes, fits.items(), strict=True):
    ax.scatter(*people[silent].T, s=8, color="0.75", linewidths=0, label="income is missing")
    ax.scatter(*people[~silent].T, s=8, color="0.35", linewidths=0, label="income is known")
    plot.ellipses(truth, content=0.9, ax=ax)
    for ellipse in ax.patches:
        ellipse.set(facecolor="none", edgecolor="black", linestyle="--", linewidth=1.5, label="", zorder=3)
    plot.ellipses(fitted, content=0.9, ax=ax)
    ax.set(title=name, xlabel="age", ylabel="income")
    ax.label_outer()
axes[0].plot([], [], "k--", label="truth")
axes[0].legend(loc="upper left")
plt.show()

# %%
# The bias in numbers
# -------------------
# The mean income, the weight of the older group, and the income that is expected at the age of 60. With complete rows,
# the fit differs from the truth by chance alone: it is the fit to compare with.

import pandas as pd

complete = GaussianMixture(2, random_state=0).fit(people).mixture_
table = {
    name: {
        "mean income": mixture.mean[1],
        "weight of the older": mixture.weights[mixture.means[:, 0].argmax()],
        "income at 60": mixture.condition({0: 60.0}).mean[0],
    }
    for name, mixture in {"truth": truth, "no value is missing": complete, **fits}.items()
}
pd.DataFrame(table).T.round(2)

# %%
# Fill in the missing incomes
# ---------------------------
# Expected values lie on a curve, so that the filled column has too little spread. Draws have the right spread. With
# twenty filled tables, the spread of an answer over the tables shows how much the missing values matter.

filled = fits["EM with all rows"].impute(rows)
draws = fits["EM with all rows"].impute(rows, "sample", n_draws=20, random_state=0)

answers = {
    "complete table": people[:, 1].std(),
    "expected values": filled[:, 1].std(),
    "draws": draws[:, :, 1].std(axis=1).mean(),
}
for name, spread in answers.items():
    print(f"standard deviation of the incomes, {name}: {spread:.2f}")
means = draws[:, :, 1].mean(axis=1)
print(f"mean income of twenty filled tables: {means.mean():.2f}, with a standard deviation of {means.std():.2f}")


# %%
# Draws look like the rows that are missing; expected values do not.

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.0), sharex=True, sharey=True, layout="constrained")
for ax, (name, table) in zip(axes, {"expected values": filled, "draws": draws[0]}.items(), strict=True):
    ax.scatter(*rows[~silent].T, s=8, color="#0072B2", linewidths=0, label="observed")
    ax.scatter(*table[silent].T, s=8, color="#D55E00", linewidths=0, label="filled in")
    ax.set(title=name, xlabel="age", ylabel="income")
    ax.label_outer()
axes[0].legend(loc="upper left")
plt.show()
