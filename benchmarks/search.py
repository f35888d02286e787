"""Measure the search: times, passes over the rows, and the log-likelihoods of all models.

A model is a covariance structure and a number of components.

python -m benchmarks.search times             # seconds, compared with scikit-learn and, if installed, tgmm
python -m benchmarks.search passes            # passes, compared with ten independent starts per model; some minutes
python -m benchmarks.search models FOLDER     # log-likelihoods, compared with mclust: FOLDER/NAME.json, FOLDER/NAME.csv
"""

import argparse
import importlib.util
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture as ScikitLearnMixture

from gaussmix import GaussianMixture, GaussianMixtureSearch, Mixture, SearchResults
from gaussmix.datasets import load_faithful
from gaussmix.em.degeneracy import collapsed_components
from gaussmix.initialization import relative_ridge
from gaussmix.moments import Moments
from gaussmix.sources import ArraySource
from gaussmix.statistics import Statistics
from gaussmix.structures import every

NUMBERS = tuple(range(1, 10))
THOROUGH = {"stop_early": False, "n_walks": 2, "n_init": 3, "random_state": 0}
# Independent starts for each model, from k-means.
STARTS = 10
# Largest difference of two fits to the same optimum, in nats over all rows.
SAME = 0.01
# Number that is added to variances: too small to change log-likelihoods, large enough that no component is singular.
FLOOR = 1e-9
# Largest difference, in nats over all rows, by which a log-likelihood may be below mclust's without being reported.
NEAR = 1e-4


def faithful() -> np.ndarray:
    """Return the table Old Faithful: 272 rows of 2 features."""
    return load_faithful().data


def clusters() -> np.ndarray:
    """Return 5 000 rows of 4 features, drawn from five overlapping Gaussians."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(5, 4, 4))
    factors = np.linalg.cholesky(half @ half.transpose(0, 2, 1) / 4 + 0.3 * np.eye(4))
    labels, means = rng.integers(0, 5, 5000), 2 * rng.normal(size=(5, 4))
    return means[labels] + np.einsum("nij,nj->ni", factors[labels], rng.normal(size=(5000, 4)))


def digits() -> np.ndarray:
    """Return 1 797 digits on their first 8 principal axes."""
    return PCA(8, random_state=0).fit_transform(load_digits().data)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of a function call, in seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


# --- Times -----------------------------------------------------------------------------------------------------------


def scikit_learn_search(rows: np.ndarray) -> None:
    """Fit four structures with one to nine components, from five starts each."""
    for covariance_type in ("full", "tied", "diag", "spherical"):
        for k in NUMBERS:
            ScikitLearnMixture(k, covariance_type=covariance_type, n_init=5, random_state=0).fit(rows).bic(rows)


def tgmm_search(rows: np.ndarray) -> None:
    """Fit fourteen structures with one to nine components."""
    import tgmm  # noqa: PLC0415 - an optional library
    import torch  # noqa: PLC0415

    tgmm.select_model(torch.tensor(rows), n_components=NUMBERS, random_state=0)


def times(repetitions: int) -> None:
    """Print the times of whole searches; the libraries take turns, after a search that is not counted."""
    works = {"gaussmix": lambda rows: GaussianMixtureSearch(NUMBERS, random_state=0).fit(rows)}
    works["scikit-learn 4 x 9 x 5"] = scikit_learn_search
    if importlib.util.find_spec("tgmm"):
        works["tgmm 14 x 9"] = tgmm_search
    print("| rows | " + " | ".join(f"{name}, s" for name in works) + " |")
    print("|---|" + "---:|" * len(works))
    for name, rows in {"faithful": faithful(), "iris": load_iris().data, "5000 x 4": clusters()}.items():
        works["gaussmix"](rows)
        turns = [
            [seconds(lambda work=work, rows=rows: work(rows)) for work in works.values()] for _ in range(repetitions)
        ]
        medians = [statistics.median(column) for column in zip(*turns, strict=True)]
        print(f"| {name} | " + " | ".join(f"{median:.2f}" for median in medians) + " |", flush=True)


# --- Passes ----------------------------------------------------------------------------------------------------------


def independent(rows: np.ndarray) -> Iterator[tuple[str, int, float | None, int]]:
    """Yield structure, K, best log-likelihood of ten k-means starts, and passes of these starts, for each model.

    Fits with a collapsed component are ignored, as in the search: only the floor on variances keeps their
    log-likelihood finite.
    """
    ridge = relative_ridge(ArraySource(rows))
    for k in NUMBERS:
        for structure in every(rows.shape[1]):
            fits = [
                GaussianMixture(k, covariance_type=structure.name, tol=1e-6, max_iter=1000, random_state=seed).fit(rows)
                for seed in range(STARTS if k > 1 else 1)
            ]
            sound = [fit.lower_bound_ * len(rows) for fit in fits if not collapsed_components(fit.mixture_, ridge)]
            yield structure.public_name, k, max(sound, default=None), sum(fit.n_iter_ + 1 for fit in fits)


def search(rows: np.ndarray, **options: object) -> SearchResults:
    """Return the results of a search."""
    return GaussianMixtureSearch(NUMBERS, **options).fit(rows).results_


class Counted:
    """A context that counts all passes of the E-step over all rows, including passes that belong to no model."""

    def __init__(self) -> None:
        self.passes = 0
        self.reduce = ArraySource.reduce

    def __enter__(self) -> None:
        """Begin to count."""

        def reduce(source: ArraySource, mixture: Mixture, moments: Moments) -> Statistics:
            self.passes += 1
            return self.reduce(source, mixture, moments)

        ArraySource.reduce = reduce

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        ArraySource.reduce = self.reduce


def passes() -> None:
    """Print the share of passes, and of models that are not worse, compared with ten independent starts per model."""
    print("| rows | passes | share of the independent passes | models not worse | models better |")
    print("|---|---:|---:|---:|---:|")
    totals = np.zeros(5)
    data = {"faithful": faithful(), "iris": load_iris().data, "wine": load_wine().data, "digits, 8 axes": digits()}
    for name, rows in data.items():
        counted = Counted()
        with counted:
            results = search(rows, **THOROUGH)
        ours = {
            (row["structure"], row["n_components"]): row["log_likelihood"]
            for row in results
            if row["status"] == "converged"
        }
        theirs = list(independent(rows))
        gains = np.array(
            [
                ours[structure, k] - best
                for structure, k, best, _ in theirs
                if best is not None and (structure, k) in ours
            ]
        )
        counts = [
            counted.passes,
            sum(cost for *_, cost in theirs),
            (gains >= -SAME).sum(),
            (gains > SAME).sum(),
            len(gains),
        ]
        totals += counts
        print(line(name, counts), flush=True)
    print(line("all", totals))


def line(name: str, counts: list[float] | np.ndarray) -> str:
    """Return a line of the table of passes."""
    ours, theirs, not_worse, better, n_models = counts
    share = f"{not_worse:.0f} of {n_models:.0f} ({not_worse / n_models:.1%})"
    return f"| {name} | {ours:.0f} | {ours / theirs:.3f} | {share} | {better:.0f} |"


# --- Models ----------------------------------------------------------------------------------------------------------


def models(folder: Path) -> None:
    """Print each model whose log-likelihood is below the converged log-likelihood of mclust."""
    for path in sorted(folder.glob("*.json")):
        table = np.loadtxt(folder / f"{path.stem}.csv", delimiter=",", skiprows=1, ndmin=2)
        reference = json.loads(path.read_text())["loglik_tight"]
        results = search(table, reg_covar=FLOOR, tol=1e-9, max_iter=20_000, **THOROUGH)
        ours = {(model.structure.name, model.n_components): model for model in results.candidates}
        known = [
            (structure, k, value)
            for structure, values in reference.items()
            for k, value in enumerate(values, start=1)
            if value is not None
        ]
        below = []
        for structure, k, value in known:
            model = ours[{"E": "EII", "V": "VII"}.get(structure, structure), k]
            log_likelihood = model.log_likelihood if model.fit else -np.inf
            if log_likelihood < value - NEAR:
                below.append(f"{structure},{k}: {log_likelihood - value:+.4f}")
        share, best = f"{len(known) - len(below)} of {len(known)}", results.best
        print(f"{path.stem}: {share} models not below; {'; '.join(below) or 'none below'}")
        print(f"    best by BIC: {best.structure.name},{best.n_components} {best.criterion('bic'):.3f}")


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("what", choices=["times", "passes", "models"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits that do not converge are part of what is measured
        if arguments.what == "times":
            times(arguments.repetitions)
        elif arguments.what == "passes":
            passes()
        else:
            models(arguments.folder)


if __name__ == "__main__":
    main()
