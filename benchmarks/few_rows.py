"""Measure what the detector, the regressor and the classifier hold of what they say, from few rows to many.

python -m benchmarks.few_rows                        # all three; half an hour
python -m benchmarks.few_rows detector --seeds 3     # one of them, fewer tables of each kind

Each line is the mean over tables of one kind: D features, n / D rows per feature (and per component or class), and
whether `fit` warned. "silent" is the mean over the tables where it did not. Constants were tuned on seeds from 100
on; the default is to measure on others. `--structure full` measures with a covariance_type that the user insists on.
"""

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from gaussmix import GaussianMixtureClassifier, GaussianMixtureOutlierDetector, GaussianMixtureRegressor

RATIOS = (0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 20.0)
FEATURES = (5, 10, 20, 60)
MOST = 60_000  # numbers in a table
FEWEST = 8  # rows
N_COMPONENTS = range(1, 4)
N_NEW = 4_000
N_CLASSES = 4

Array = np.ndarray[Any, np.dtype[Any]]
Measured = tuple[float, bool, str]


@dataclass(frozen=True)
class Table:
    """A kind of table: its name, features, rows and seed."""

    kind: str
    n_features: int
    n_rows: int
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """For the truth and the rows."""
        return np.random.default_rng(self.seed)

    def root(self, rng: np.random.Generator) -> Array:
        """A matrix R with covariance ``R Rᵀ``: of a few factors and noise, or the identity."""
        d = self.n_features
        if "alike" not in self.kind:
            return np.eye(d)
        factors = rng.normal(size=(d, max(2, d // 5)))
        return np.linalg.cholesky(factors @ factors.T + 0.3 * np.eye(d))


def told(fit: Callable[[], Any]) -> tuple[Any, bool]:
    """What a fit gives, and whether it warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return fit(), bool(caught)


def detector(table: Table, options: dict[str, Any]) -> Measured:
    """Share of new rows that are flagged at a threshold of 0.01."""
    rng, d = table.rng, table.n_features
    k = int(table.kind[0])
    roots, means = np.stack([table.root(rng) for _ in range(k)]), rng.normal(size=(k, d)) * (8 if k > 1 else 0)

    def draw(n: int) -> Array:
        labels = rng.integers(0, k, n)
        return means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(n, d)))

    rows, new = draw(table.n_rows), draw(N_NEW)
    model, warned = told(lambda: GaussianMixtureOutlierDetector(N_COMPONENTS, random_state=0, **options).fit(rows))
    return float(np.mean(model.predict(new) == -1)), warned, model.best_params_["covariance_type"]


def regressor(table: Table, options: dict[str, Any]) -> Measured:
    """Share of new targets within their 90 % intervals."""
    rng, d = table.rng, table.n_features
    slopes, root = 1.5 * rng.normal(size=d) / np.sqrt(d), table.root(rng)

    def draw(n: int) -> tuple[Array, Array]:
        rows, noise = rng.normal(size=(n, d)) @ root.T, rng.normal(size=n)
        if table.kind[0] == "1":
            return rows, rows @ slopes + noise
        apart = rng.integers(0, 2, n)
        rows = rows + 6.0 * apart[:, None]
        return rows, rows @ slopes * np.where(apart, 1, -1) + noise

    (rows, target), (new, wanted) = draw(table.n_rows), draw(N_NEW)
    model, warned = told(lambda: GaussianMixtureRegressor(N_COMPONENTS, random_state=0, **options).fit(rows, target))
    low, high = model.predict_quantiles(new, [0.05, 0.95]).T
    return float(np.mean((low <= wanted) & (wanted <= high))), warned, model.best_params_["covariance_type"]


def classifier(table: Table, options: dict[str, Any]) -> Measured:
    """Accuracy on new rows, less that of the better of scikit-learn's LDA and naive Bayes."""
    rng, d = table.rng, table.n_features
    means = rng.normal(size=(N_CLASSES, d)) * (2.5 if "round" in table.kind else 3.5) / np.sqrt(d)
    root, deviations = table.root(rng), np.exp(0.5 * rng.normal(size=(N_CLASSES, d)) * ("own" in table.kind))

    def draw(labels: Array) -> Array:
        return means[labels] + rng.normal(size=(len(labels), d)) @ root.T * deviations[labels]

    labels, wanted = np.repeat(np.arange(N_CLASSES), table.n_rows), rng.integers(0, N_CLASSES, N_NEW)
    rows, new = draw(labels), draw(wanted)
    model, warned = told(lambda: GaussianMixtureClassifier(N_COMPONENTS, random_state=0, **options).fit(rows, labels))
    others, _ = told(lambda: [one.fit(rows, labels) for one in (LinearDiscriminantAnalysis(), GaussianNB())])
    best = max(one.score(new, wanted) for one in others)
    structures = Counter(params["covariance_type"] for params in model.best_params_)
    return float(model.score(new, wanted)) - best, warned, structures.most_common(1)[0][0]


KINDS: dict[str, tuple[Callable[[Table, dict[str, Any]], Measured], tuple[str, ...]]] = {
    "detector": (detector, ("1 round", "3 round", "1 alike", "3 alike")),
    "regressor": (regressor, ("1 round", "1 alike", "2 alike")),
    "classifier": (classifier, ("round", "alike", "own")),
}


def tables(name: str, kind: str, seeds: range) -> Iterator[list[Table]]:
    """Tables of one kind, those that differ in their seed together."""
    groups = int(kind[0]) if name == "detector" else 1
    classes = N_CLASSES if name == "classifier" else 1
    for d in FEATURES:
        for ratio in RATIOS:
            n = int(ratio * d * groups)
            if n * classes >= FEWEST and n * classes * d <= MOST and n > 1:
                yield [Table(kind, d, n, seed) for seed in seeds]


def report(name: str, options: dict[str, Any], seeds: range) -> None:
    """Print a line for each kind of table."""
    measure, kinds = KINDS[name]
    print(f"| {name} | D | n | mean | lowest | highest | warned | mean where silent | structures |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for kind in kinds:
        for some in tables(name, kind, seeds):
            values, warned, structures = zip(*(measure(one, options) for one in some), strict=True)
            silent = [value for value, said in zip(values, warned, strict=True) if not said]
            mean = f"{np.mean(silent):.3f}" if silent else "-"
            chosen = ", ".join(f"{count} {one}" for one, count in Counter(structures).most_common())
            figures = f"{np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} | {np.mean(warned):.0%} | {mean}"
            print(f"| {kind} | {some[0].n_features} | {some[0].n_rows} | {figures} | {chosen} |", flush=True)


def main() -> None:
    """Measure the estimators that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(KINDS)}; by default all")
    parser.add_argument("--seeds", type=int, default=6, help="tables of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--structure", help="covariance_type, where it is not to be the default")
    given = parser.parse_args()
    options = {"covariance_type": given.structure} if given.structure else {}
    for name in given.names or KINDS:
        report(name, options, range(given.first, given.first + given.seeds))


if __name__ == "__main__":
    main()
