"""
Old Faithful
============

A geyser, 272 eruptions: how long each lasted, and how long the wait for the next one was. How many kinds are there?
"""

# %%
# The rows are two columns, in minutes.

import numpy as np

X = np.loadtxt("data/faithful.csv", delimiter=",", skiprows=1)
X[:3]

# %%
# One call fits all fourteen structures with one to nine components, and is the best of them. The summary says how clear
# the choice was.

from gaussmix import GaussianMixtureSearch

search = GaussianMixtureSearch(random_state=0).fit(X)
print(search.summary())

# %%
# Each eruption in the colour of its most probable component, and the fainter the less certain that is.

from matplotlib import pyplot as plt

colours = np.array(["#0072b2", "#e69f00", "#009e73"])
certainty = search.predict_proba(X).max(axis=1)

figure, ax = plt.subplots()
ax.scatter(*X.T, c=colours[search.predict(X)], alpha=certainty**4, s=20, linewidths=0)
ax.set(xlabel="eruption, minutes", ylabel="wait, minutes")
plt.show()
