"""Measure the calibration of detector and regressor, and the accuracy of the classifier, with few to many rows.

python -m benchmarks.few_rows                        # all three estimators; half an hour
python -m benchmarks.few_rows detector --seeds 3     # the detector, with fewer tables of each kind

Each line shows the mean over the tables of a kind, with D features and n rows (per component or class), and the share
of the tables for which `fit` warned. "mean where silent" is the mean over the tables without a warning. The constants
of the library were tuned on seeds from 100 on; the default seeds are others. `--structure full` sets a covariance_type.
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

# Rows for each feature, and for each component or class.
RATIOS = (0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 20.0)
FEATURES = (5, 10, 20, 60)
# Largest number of values in a table, which bounds the time of a fit, and least number of rows.
MOST = 60_000
FEWEST = 8
N_COMPONENTS = range(1, 4)
N_NEW = 4_000
N_CLASSES = 4

Array = np.ndarray[Any, np.dtype[Any]]
Measured = tuple[float, bool, str]


@dataclass(frozen=True)
class Table:
    """A simulated table: its kind, its numbers of features and rows, and its seed."""

    kind: str
    n_features: int
    n_rows: int
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A generator for the true parameters and the rows."""
        return np.random.default_rng(self.seed)

    def root(self, rng: np.random.Generator) -> Array:
        """Draw a matrix R for the covariance ``R Rᵀ``: a few factors and noise, or the identity."""
        d = self.n_features
        if "alike" not in self.kind:
            return np.eye(d)
        factors = rng.normal(size=(d, max(2, d // 5)))
        return np.linalg.cholesky(factors @ factors.T + 0.3 * np.eye(d))


def fit_and_record(fit: Callable[[], Any]) -> tuple[Any, bool]:
    """Return the result of a fit, and True if the fit warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return fit(), bool(caught)


def detector(table: Table, options: dict[str, Any]) -> Measured:
    """Measure the share of new rows that are flagged at a threshold of 0.01."""
    rng, d = table.rng, table.n_features
    k = int(table.kind[0])
    roots, means = np.stack([table.root(rng) for _ in range(k)]), rng.normal(size=(k, d)) * (8 if k > 1 else 0)

    def draw(n: int) -> Array:
        labels = rng.integers(0, k, n)
        return means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(n, d)))

    rows, new = draw(table.n_rows), draw(N_NEW)
    model, warned = fit_and_record(
        lambda: GaussianMixtureOutlierDetector(N_COMPONENTS, random_state=0, **options).fit(rows)
    )
    return float(np.mean(model.predict(new) == -1)), warned, model.best_params_["covariance_type"]


def regressor(table: Table, options: dict[str, Any]) -> Measured:
    """Measure the share of new targets within their 90 % intervals."""
    rng, d = table.rng, table.n_features
    slopes, root = 1.5 * rng.normal(size=d) / np.sqrt(d), table.root(rng)

    def draw(n: int) -> tuple[Array, Array]:
        rows, noise = rng.normal(size=(n, d)) @ root.T, rng.normal(size=n)
        if table.kind[0] == "1":
            return rows, rows @ slopes + noise
        groups = rng.integers(0, 2, n)
        rows = rows + 6.0 * groups[:, None]
        return rows, rows @ slopes * np.where(groups, 1, -1) + noise

    (rows, target), (new, wanted) = draw(table.n_rows), draw(N_NEW)
    model, warned = fit_and_record(
        lambda: GaussianMixtureRegressor(N_COMPONENTS, random_state=0, **options).fit(rows, target)
    )
    low, high = model.predict_quantiles(new, [0.05, 0.95]).T
    return float(np.mean((low <= wanted) & (wanted <= high))), warned, model.best_params_["covariance_type"]


def classifier(table: Table, options: dict[str, Any]) -> Measured:
    """Measure the accuracy on new rows, minus the better accuracy of scikit-learn's LDA and naive Bayes."""
    rng, d = table.rng, table.n_features
    means = rng.normal(size=(N_CLASSES, d)) * (2.5 if "round" in table.kind else 3.5) / np.sqrt(d)
    root, deviations = table.root(rng), np.exp(0.5 * rng.normal(size=(N_CLASSES, d)) * ("own" in table.kind))

    def draw(labels: Array) -> Array:
        return means[labels] + rng.normal(size=(len(labels), d)) @ root.T * deviations[labels]

    labels, wanted = np.repeat(np.arange(N_CLASSES), table.n_rows), rng.integers(0, N_CLASSES, N_NEW)
    rows, new = draw(labels), draw(wanted)
    model, warned = fit_and_record(
        lambda: GaussianMixtureClassifier(N_COMPONENTS, random_state=0, **options).fit(rows, labels)
    )
    others, _ = fit_and_record(
        lambda: [peer.fit(rows, labels) for peer in (LinearDiscriminantAnalysis(), GaussianNB())]
    )
    best = max(peer.score(new, wanted) for peer in others)
    structures = Counter(params["covariance_type"] for params in model.best_params_)
    return float(model.score(new, wanted)) - best, warned, structures.most_common(1)[0][0]


KINDS: dict[str, tuple[Callable[[Table, dict[str, Any]], Measured], tuple[str, ...]]] = {
    "detector": (detector, ("1 round", "3 round", "1 alike", "3 alike")),
    "regressor": (regressor, ("1 round", "1 alike", "2 alike")),
    "classifier": (classifier, ("round", "alike", "own")),
}


def tables(name: str, kind: str, seeds: range) -> Iterator[list[Table]]:
    """Yield the tables of a kind, in lists of tables that differ only in their seed."""
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
        for group in tables(name, kind, seeds):
            values, warned, structures = zip(*(measure(table, options) for table in group), strict=True)
            silent = [value for value, has_warned in zip(values, warned, strict=True) if not has_warned]
            mean = f"{np.mean(silent):.3f}" if silent else "-"
            chosen = ", ".join(f"{count} {structure}" for structure, count in Counter(structures).most_common())
            figures = f"{np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} | {np.mean(warned):.0%} | {mean}"
            print(f"| {kind} | {group[0].n_features} | {group[0].n_rows} | {figures} | {chosen} |", flush=True)


def main() -> None:
    """Measure the estimators that the command line names, or all estimators."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"estimators, from {', '.join(KINDS)}; all by default")
    parser.add_argument("--seeds", type=int, default=6, help="number of tables of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--structure", help="covariance_type, instead of the default")
    given = parser.parse_args()
    options = {"covariance_type": given.structure} if given.structure else {}
    for name in given.names or KINDS:
        report(name, options, range(given.first, given.first + given.seeds))


if __name__ == "__main__":
    main()
