"""Measure the results of default fits with few rows for many features, with rare groups, and with rounded columns.

python -m benchmarks.trust few                  # 100 tables, with k-means starts and scikit-learn; half an hour
python -m benchmarks.trust rare                 # 50 tables of up to three million rows; a quarter of an hour
python -m benchmarks.trust rounded              # 20 tables, each also with uniform noise of the width of its steps
python -m benchmarks.trust few --first 50 --last 60     # the tables 50 to 59

The constants of the library were tuned on tables of other seeds (`--tuning`).
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn import mixture
from sklearn.metrics import adjusted_rand_score

from gaussmix import GaussianMixture, GaussianMixtureSearch

Array = np.ndarray[Any, np.dtype[Any]]

# Families of seeds: for the tuning of constants, and for reported figures.
TUNING, REPORTED = 77, 2026
# Differences that count as worse: of adjusted Rand indices, and of log-scores in nats per row.
WORSE, LOWER = 0.02, 0.01
# Rows on which the log-score is measured.
N_NEW = 2000


# --- Few rows for many features --------------------------------------------------------------------------------------


class Few(NamedTuple):
    """A table of rows of several groups, their labels, and new rows."""

    n_components: int
    rows: Array
    labels: Array
    new: Array
    description: str


def draw_few(seed: int, family: int) -> Few:
    """Draw 2 to 4 groups, 3 to 15 deviations apart, in 5 to 200 features, of 1.5 D to 20 D rows each."""
    rng = np.random.default_rng([seed, family])
    n_components, d = int(rng.integers(2, 5)), round(float(np.exp(rng.uniform(np.log(5), np.log(200)))))
    per_component = max(int(np.exp(rng.uniform(np.log(1.5), np.log(20))) * d), 8)
    apart = rng.uniform(3, 15)
    centres = rng.normal(size=(n_components, d)) * apart / np.sqrt(2 * d)
    roots = [np.eye(d) + rng.normal(size=(d, d)) * 0.3 / np.sqrt(d) * rng.integers(2) for _ in centres]

    def draw(n: int) -> tuple[Array, Array]:
        labels = rng.integers(0, n_components, n)
        rows = np.empty((n, d))
        for k, root in enumerate(roots):
            members = labels == k
            rows[members] = rng.normal(size=(members.sum(), d)) @ root.T + centres[k]
        return rows, labels

    rows, labels = draw(n_components * per_component)
    description = f"K={n_components} D={d:3d} rows/D={per_component / d:4.1f} apart={apart:4.1f}"
    return Few(n_components, rows, labels, draw(N_NEW)[0], description)


FITS: dict[str, Callable[[int], Any]] = {
    "default": lambda k: GaussianMixture(k, random_state=0),
    "k-means": lambda k: GaussianMixture(k, init_params="kmeans", random_state=0),
    "sklearn": lambda k: mixture.GaussianMixture(k, random_state=0),
    "sklearn 10": lambda k: mixture.GaussianMixture(k, n_init=10, random_state=0),
    "tied/diag": lambda k: GaussianMixtureSearch([k], structures=["tied", "diag"], random_state=0),
}


def few(first: int, last: int, family: int) -> None:
    """Print the adjusted Rand index, the log-score of new rows, and the number of tables where the default is worse."""
    print("| table | " + " | ".join(FITS) + " | |\n|---|" + "---:|" * len(FITS) + "---|")
    ari_worse = score_lower = 0
    means = []
    for seed in range(first, last):
        table = draw_few(seed, family)
        values = {}
        for name, make in FITS.items():
            model = make(table.n_components).fit(table.rows)
            values[name] = adjusted_rand_score(table.labels, model.predict(table.rows)), model.score(table.new)
        ours, others = values["default"], (values["k-means"], values["sklearn"])
        worse = ours[0] < max(ari for ari, _ in others) - WORSE
        lower = ours[1] < max(score for _, score in others) - LOWER
        ari_worse, score_lower = ari_worse + worse, score_lower + lower
        means.append(list(values.values()))
        cells = " | ".join(f"{ari:.2f}, {score:.2f}" for ari, score in values.values())
        print(f"| {table.description} | {cells} | {'ARI ' * worse}{'log-score' * lower} |", flush=True)
    average = np.mean(means, axis=0)
    print("| mean | " + " | ".join(f"{ari:.3f}, {score:.2f}" for ari, score in average) + " | |")
    print(f"\nworse in adjusted Rand index: {ari_worse}, lower log-score: {score_lower}, of {last - first}")


# --- Rare groups -----------------------------------------------------------------------------------------------------


def draw_rare(seed: int, family: int) -> tuple[int, Array, Array, float, int]:
    """Draw 1 to 3 large clusters and a group of 0.01 to 1 % of the rows, 6 to 20 deviations from the nearest."""
    rng = np.random.default_rng([seed, family])
    d, bulk = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    n = int(np.exp(rng.uniform(np.log(1e5), np.log(3e6))))
    n_rare = max(int(np.exp(rng.uniform(np.log(1e-4), np.log(1e-2))) * n), 10 * (d + 1))
    centres = rng.normal(size=(bulk, d)) * 3.0
    rows = rng.normal(size=(n - n_rare, d)) + centres[rng.integers(0, bulk, n - n_rare)]
    direction = rng.normal(size=d)
    direction /= np.linalg.norm(direction)
    deviation = float(rng.uniform(0.3, 1.0))
    place = centres[np.argmax(centres @ direction)] + rng.uniform(6, 20) * direction
    group = rng.normal(size=(n_rare, d)) * deviation + place
    return bulk + 1, rng.permutation(np.vstack([rows, group])), place, deviation, n_rare


def rare(first: int, last: int, family: int) -> None:
    """Print the number of tables in which the rare group has a component of its own."""
    found = 0
    for seed in range(first, last):
        n_components, rows, place, deviation, n_rare = draw_rare(seed, family)
        begin = time.perf_counter()
        model = GaussianMixture(n_components, random_state=0).fit(rows)
        seconds = time.perf_counter() - begin
        distances = np.linalg.norm(model.means_ - place, axis=1)
        k = int(distances.argmin())
        n_own = model.weights_[k] * len(rows)
        good = distances[k] < deviation + 0.2 and 0.5 * n_rare < n_own < 2.0 * n_rare
        found += good
        text = f"K={n_components} {rows.shape} group of {n_rare}: {n_own:.0f} rows, {seconds:.1f} s"
        print(text if good else f"{text} MISSED", flush=True)
    print(f"\nfound {found} of {last - first}")


# --- Rounded columns -------------------------------------------------------------------------------------------------


class Rounded(NamedTuple):
    """A table of rows with rounded columns, their groups, and the rounding steps."""

    name: str
    rows: Array
    labels: Array
    steps: Array


def _groups(rng: np.random.Generator, n: int, *shares: float) -> Array:
    return rng.choice(len(shares), n, p=np.array(shares) / sum(shares))


def _rated(rng: np.random.Generator, means: Array, deviation: float, levels: int) -> Array:
    return np.clip(rng.normal(means, deviation).round(), 1, levels)


def draw_rounded(seed: int) -> Iterator[Rounded]:
    """Draw ten tables with planted groups: ratings, counts, hours, ages, prices, yes/no columns."""
    rng = np.random.default_rng(seed)
    z = _groups(rng, 1200, 0.4, 0.35, 0.25)
    means = np.array([[1.6, 4.2, 2.0, 4.5, 3.0], [4.3, 2.0, 4.4, 1.8, 3.0], [3.0, 3.0, 1.5, 2.5, 4.6]])
    yield Rounded("five ratings of 1 to 5", _rated(rng, means[z], 0.8, 5), z, np.ones(5))
    z = _groups(rng, 800, 1, 1)
    means = np.array([[2.8, 2.8, 5.6, 5.6, 4.2, 2.8], [5.6, 5.6, 2.8, 2.8, 5.6, 5.6]])
    yield Rounded("six ratings of 1 to 7", _rated(rng, means[z], 1.2, 7), z, np.ones(6))
    z = _groups(rng, 1500, 3, 4, 3)
    rates = np.array([[40.0, 5, 12], [15, 25, 2], [4, 6, 30]])
    yield Rounded("counts", rng.poisson(rates[z]).astype(float), z, np.ones(3))
    z = _groups(rng, 3000, 1, 1, 1)
    hour, length = np.array([8.0, 13.0, 19.0])[z], np.array([20.0, 45.0, 30.0])[z]
    trips = np.column_stack([np.round(rng.normal(hour, 0.8) * 4) / 4, (rng.normal(length, 5) / 5).round() * 5])
    yield Rounded("hours in quarters, minutes in fives", trips, z, np.array([0.25, 5.0]))
    z = _groups(rng, 1000, 0.4, 0.6)
    customers = np.column_stack(
        [
            rng.normal(np.where(z, 55, 28), np.where(z, 7, 5)).round(),
            _rated(rng, np.where(z, 4.2, 2.0), 0.8, 5),
            rng.normal(np.where(z, 90, 40), np.where(z, 15, 8)).round(2),
        ]
    )
    yield Rounded("ages, ratings, spending in cents", customers, z, np.array([1.0, 1.0, 0.01]))
    z = _groups(rng, 2000, 1, 1)
    member = rng.integers(0, 2, 2000)
    yield Rounded(
        "yes/no beside two", np.column_stack([rng.normal(5 * z), rng.normal(-4 * z), member]), z, np.eye(3)[2]
    )
    z = _groups(rng, 1500, 0.4, 0.6)
    flags = [rng.binomial(1, 0.3 + 0.4 * z), rng.binomial(1, 0.15, 1500)]
    rows = np.column_stack([rng.normal(4 * z), rng.normal(-3 * z), rng.normal(2 * z), *flags])
    yield Rounded("two yes/no beside three", rows, z, np.array([0.0, 0, 0, 1, 1]))
    z = _groups(rng, 900, 1, 1, 1)
    ages = rng.normal(np.array([22.0, 41.0, 67.0])[z], 4).round()
    yield Rounded(
        "ages and weights in pounds", np.column_stack([ages, rng.normal(150 + 10 * z, 12).round()]), z, np.ones(2)
    )
    z = _groups(rng, 700, 0.6, 0.4)
    stars = np.clip(rng.normal(np.where(z, 4.4, 2.4), 0.5), 1, 5)
    prices = rng.normal(np.where(z, 25, 9), np.where(z, 4, 2)).round(2)
    yield Rounded(
        "prices in cents, half stars", np.column_stack([prices, (2 * stars).round() / 2]), z, np.array([0.01, 0.5])
    )
    z = _groups(rng, 700, 1, 1)
    rows = np.column_stack(
        [_rated(rng, np.where(z, 4.2, 2.1), 0.8, 5), rng.normal(20 - 11 * z, 3).round(), rng.normal(4 * z)]
    )
    yield Rounded(
        "standardized ratings", (rows - rows.mean(axis=0)) / rows.std(axis=0), z, np.array([1, 1, 0]) / rows.std(axis=0)
    )


def rounded(first: int, last: int, family: int) -> None:
    """Print the number of components and the adjusted Rand index of a search, without and with noise on the rows."""
    right, indices = 0, []
    print("| table | groups | search | adjusted Rand index | dithered | its index |\n|---|---:|---|---:|---|---:|")
    for seed in range(first, last):
        for table in draw_rounded(family + seed):
            noise = np.random.default_rng(seed).uniform(-0.5, 0.5, table.rows.shape) * table.steps
            searches = [GaussianMixtureSearch(random_state=0).fit(rows) for rows in (table.rows, table.rows + noise)]
            index = [adjusted_rand_score(table.labels, search.predict(table.rows)) for search in searches]
            names = [
                f"{search.best_params_['covariance_type']} {search.best_params_['n_components']}" for search in searches
            ]
            n_groups = int(table.labels.max()) + 1
            right += searches[0].best_params_["n_components"] == n_groups
            indices.append(index)
            print(
                f"| {table.name} | {n_groups} | {names[0]} | {index[0]:.2f} | {names[1]} | {index[1]:.2f} |", flush=True
            )
    ours, dithered = np.mean(indices, axis=0)
    print(f"\nthe planted number {right} of {len(indices)}; mean index {ours:.3f}, dithered {dithered:.3f}")


KINDS: dict[str, tuple[Callable[[int, int, int], None], int]] = {
    "few": (few, 100),
    "rare": (rare, 50),
    "rounded": (rounded, 2),
}


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int)
    parser.add_argument("--tuning", action="store_true", help="use the tables on which constants were tuned")
    asked = parser.parse_args()
    measure, n_tables = KINDS[asked.kind]
    warnings.simplefilter("ignore")
    measure(asked.first, n_tables if asked.last is None else asked.last, TUNING if asked.tuning else REPORTED)


if __name__ == "__main__":
    main()
