"""Measure what missing values cost, and how well they are filled in, beside other libraries.

python -m benchmarks.missing impute         # errors, log-scores and coverage of filled-in values; ten minutes
python -m benchmarks.missing predict        # classification and regression with a fifth of the values missing; minutes
python -m benchmarks.missing search         # the model that is chosen, with and without missing values; minutes
python -m benchmarks.missing pass           # seconds of a pass over rows with missing values; a minute

Values are removed at random (missing completely at random).
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - scikit-learn asks for it
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gaussmix import (
    Full,
    GaussianMixtureClassifier,
    GaussianMixtureImputer,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
)
from gaussmix.moments import FULL
from gaussmix.sources import ArraySource
from gaussmix.sources.incomplete import IncompleteSource

SHARES = (0.1, 0.3, 0.5)
DRAWS = 100
"""Draws of each missing value, of which the 5 % and 95 % quantiles are a 90 % interval."""
THEIR_DRAWS = 20
"""Draws of IterativeImputer, whose mean and standard deviation give a normal density: each is a fit of its own."""


class Filled(NamedTuple):
    """Filled-in values of a table, beside the true ones.

    Attributes
    ----------
    error : float
        Root mean square error, in standard deviations of the columns.
    score : float
        Mean log-density of the true values in nats, each given the observed values of its row; NaN for a method
        without a density.
    coverage : float
        Share of the true values within their 90 % intervals; NaN for a method without intervals.
    seconds : float
    """

    error: float
    score: float
    coverage: float
    seconds: float


def housing(n: int = 20_640) -> np.ndarray:
    """Return a table like that of houses in California: skewed, clustered and dependent columns."""
    rng = np.random.default_rng(0)
    city = rng.choice(3, n, p=[0.45, 0.35, 0.2])
    place = np.array([[-118.2, 34.0], [-122.0, 37.7], [-119.8, 36.5]])[city]
    place = place + rng.normal(size=(n, 2)) * np.array([[0.6, 0.3], [0.5, 0.4], [1.5, 1.5]])[city]
    income = np.exp(rng.normal(np.array([1.3, 1.45, 1.0])[city], 0.45))
    age = np.clip(rng.gamma(5.0, 6.0, n) - 0.08 * (income - 4) ** 2, 1, 52)
    rooms = np.exp(rng.normal(1.35 + 0.2 * np.log(income), 0.2))
    bedrooms = rooms * np.exp(rng.normal(-1.55, 0.1, n)) + 0.2
    population = np.exp(rng.normal(7.0 - 0.008 * age, 0.7))
    occupants = np.exp(rng.normal(1.05 - 0.05 * np.log(income), 0.25))
    return np.column_stack([income, age, rooms, bedrooms, population, occupants, place])


TABLES: dict[str, Callable[[], np.ndarray]] = {
    "wine": lambda: load_wine().data,
    "breast cancer": lambda: load_breast_cancer().data,
    "diabetes": lambda: load_diabetes().data,
    "digits 8": lambda: PCA(8, svd_solver="full").fit_transform(load_digits().data),
    "housing": housing,
}


def remove(rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return standardized rows with a share of the values missing; each row keeps a value."""
    rng = np.random.default_rng(seed)
    holes = rng.random(rows.shape) < share
    holes[np.arange(len(rows)), rng.integers(rows.shape[1], size=len(rows))] = False
    return np.where(holes, np.nan, rows)


def score_values(mixture: Mixture, holed: np.ndarray, rows: np.ndarray) -> float:
    """Return the mean log-density of the true values, each given the observed values of its row."""
    observed, scores = mixture.logpdf(holed), []
    for j in range(rows.shape[1]):
        own = np.isnan(holed[:, j])
        seen = holed[own].copy()
        seen[:, j] = rows[own, j]
        scores.append(mixture.logpdf(seen) - observed[own])
    return float(np.concatenate(scores).mean())


def fill_ours(holed: np.ndarray, rows: np.ndarray) -> Filled:
    """Return the values of the default imputer."""
    begin, holes = time.perf_counter(), np.isnan(holed)
    imputer = GaussianMixtureImputer(random_state=0).fit(holed)
    error, seconds = rms((imputer.transform(holed) - rows)[holes]), time.perf_counter() - begin
    draws = imputer.mixture_.impute(holed, "sample", n_draws=DRAWS, random_state=0)[:, holes]
    low, high = np.quantile(draws, [0.05, 0.95], axis=0, method="weibull")
    coverage = float(np.mean((low <= rows[holes]) & (rows[holes] <= high)))
    return Filled(error, score_values(imputer.mixture_, holed, rows), coverage, seconds)


def fill_simple(holed: np.ndarray, rows: np.ndarray) -> Filled:
    """Return the means of the columns, with normal densities."""
    begin, holes = time.perf_counter(), np.isnan(holed)
    means, deviations = np.nanmean(holed, axis=0), np.nanstd(holed, axis=0)
    errors = (SimpleImputer().fit_transform(holed) - rows)[holes]
    standard = ((rows - means) / deviations)[holes]
    score = -0.5 * (standard**2 + np.log(2 * np.pi)) - np.log(np.broadcast_to(deviations, rows.shape)[holes])
    return Filled(rms(errors), score.mean(), np.mean(np.abs(standard) < 1.645), time.perf_counter() - begin)  # noqa: PLR2004


def fill_iterative(holed: np.ndarray, rows: np.ndarray) -> Filled:
    """Return the values of IterativeImputer, and normal densities from its draws where these take little time."""
    begin, holes = time.perf_counter(), np.isnan(holed)
    error = rms((IterativeImputer(random_state=0).fit_transform(holed) - rows)[holes])
    seconds = time.perf_counter() - begin
    if holed.size > 20_000:  # noqa: PLR2004 - each draw is a fit of its own
        return Filled(error, np.nan, np.nan, seconds)
    draws = np.stack(
        [
            IterativeImputer(sample_posterior=True, random_state=seed).fit_transform(holed)[holes]
            for seed in range(THEIR_DRAWS)
        ]
    )
    means, deviations = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    standard = (rows[holes] - means) / deviations
    score = -0.5 * (standard**2 + np.log(2 * np.pi)) - np.log(deviations)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0, method="weibull")
    coverage = float(np.mean((low <= rows[holes]) & (rows[holes] <= high)))
    return Filled(error, score.mean(), coverage, seconds)


def fill_by(make: Callable[[], Any]) -> Callable[[np.ndarray, np.ndarray], Filled]:
    """Return a function that fills in values by an imputer without densities."""

    def fill(holed: np.ndarray, rows: np.ndarray) -> Filled:
        begin = time.perf_counter()
        errors = (np.asarray(make().fit_transform(holed)) - rows)[np.isnan(holed)]
        return Filled(rms(errors), np.nan, np.nan, time.perf_counter() - begin)

    return fill


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], Filled]] = {
    "gaussmix": fill_ours,
    "mean": fill_simple,
    "k-NN": fill_by(KNNImputer),
    "iterative": fill_iterative,
}


def rms(errors: np.ndarray) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def compare_imputers(names: list[str]) -> None:
    """Print errors, log-scores and coverage for each table and share of missing values."""
    for name, make in TABLES.items():
        if names and name not in names:
            continue
        rows = StandardScaler().fit_transform(make())
        for share in SHARES:
            print(f"\n{name} {rows.shape}, {share:.0%} missing\n| method | RMSE | log-score | coverage | seconds |")
            print("|---|---:|---:|---:|---:|")
            holed = remove(rows, share, 0)
            for method, fill in METHODS.items():
                error, score, coverage, seconds = fill(holed, rows)
                print(f"| {method} | {error:.3f} | {score:.3f} | {coverage:.1%} | {seconds:.1f} |", flush=True)


def compare_predictions(_: list[str]) -> None:
    """Print accuracies and R2 of five folds, with complete rows and with a fifth of the values missing everywhere."""
    for name, load in {"wine": load_wine, "breast cancer": load_breast_cancer, "digits 8": load_digits}.items():
        rows, labels = TABLES[name](), load().target
        for kind, table in (("complete", rows), ("20 % missing", remove(rows, 0.2, 0))):
            begin, right = time.perf_counter(), []
            for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(rows, labels):
                model = GaussianMixtureClassifier(1, covariance_type="tied", random_state=0)
                right.append(model.fit(table[train], labels[train]).score(table[test], labels[test]))
            print(f"{name}, {kind}: accuracy {np.mean(right):.3f}, {time.perf_counter() - begin:.1f} s", flush=True)
    rows, target = load_diabetes(return_X_y=True)
    for kind, table in (("complete", rows), ("20 % missing", remove(rows, 0.2, 0))):
        begin, answer = time.perf_counter(), np.empty(len(rows))
        for train, test in KFold(5, shuffle=True, random_state=0).split(rows):
            imputer, model = GaussianMixtureImputer(random_state=0), GaussianMixtureRegressor(random_state=0)
            answer[test] = make_pipeline(imputer, model).fit(table[train], target[train]).predict(table[test])
        print(f"diabetes, {kind}: R2 {r2_score(target, answer):.3f}, {time.perf_counter() - begin:.1f} s", flush=True)


def planted() -> Iterator[tuple[str, np.ndarray]]:
    """Yield 20 tables of 300 rows from mixtures of two to four separated components."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n_components, n_features = 2 + seed % 3, 2 + seed % 2
        roots = rng.normal(size=(n_components, n_features, n_features)) / np.sqrt(n_features)
        kind = ("tied", "full")[seed // 2 % 2]
        roots = np.broadcast_to(roots[:1], roots.shape) if kind == "tied" else roots
        covariances = roots @ np.swapaxes(roots, 1, 2) + 0.2 * np.eye(n_features)
        angles = 2 * np.pi * np.arange(n_components) / n_components
        means = np.column_stack([np.cos(angles), np.sin(angles), np.zeros((n_components, n_features - 2))]) * 4.0
        mixture = Mixture(rng.dirichlet(np.full(n_components, 8.0)), means, Full.from_covariances(covariances))
        yield f"K={n_components} D={n_features} {kind}", mixture.sample(300, random_state=rng)


def compare_choices(_: list[str]) -> None:
    """Print the chosen model of each planted table, complete and with a fifth of the values missing."""
    same, same_number = 0, 0
    for name, rows in planted():
        begin = time.perf_counter()
        complete, holed = (
            GaussianMixtureSearch(random_state=0).fit(table).best_params_ for table in (rows, remove(rows, 0.2, 1))
        )
        same += complete == holed
        same_number += complete["n_components"] == holed["n_components"]
        chosen = [f"{one['n_components']} {one['covariance_type']}" for one in (complete, holed)]
        print(f"{name}: complete {chosen[0]}, holes {chosen[1]}, {time.perf_counter() - begin:.0f} s", flush=True)
    print(f"{same} of 20 choices are those of the complete tables; {same_number} of 20 numbers of components")


def compare_passes(_: list[str]) -> None:
    """Print the seconds of a pass over complete rows, rows of 30 patterns, and rows of about as many patterns."""
    rng = np.random.default_rng(0)
    n_rows, n_features, n_components = 200_000, 16, 8
    means = 3.0 * rng.normal(size=(n_components, n_features))
    mixture = Mixture(np.full(n_components, 1 / n_components), means, np.broadcast_to(np.eye(n_features), (8, 16, 16)))
    rows = mixture.sample(n_rows, random_state=0)
    kinds = rng.random((30, n_features)) < 0.2  # noqa: PLR2004
    masks = {"30 patterns": kinds[rng.integers(30, size=n_rows)], "all different": rng.random(rows.shape) < 0.2}  # noqa: PLR2004
    sources = {"complete": ArraySource(rows)}
    sources |= {name: IncompleteSource.of(np.where(mask, np.nan, rows)) for name, mask in masks.items()}
    passes: dict[str, Callable[[], object]] = {
        name: lambda source=source: source.reduce(mixture, FULL) for name, source in sources.items()
    }
    seconds = time_in_turn(passes, 5)
    for name, spent in seconds.items():
        patterns = f", {len(sources[name].patterns)} patterns" if name != "complete" else ""
        print(f"gaussmix, {name}{patterns}: {spent:.3f} s, {spent / seconds['complete']:.1f} x complete", flush=True)


def time_in_turn(passes: dict[str, Callable[[], object]], n_times: int) -> dict[str, float]:
    """Return the median seconds of each function, called in turn after a first call."""
    spent: dict[str, list[float]] = {name: [] for name in passes}
    for turn in range(n_times + 1):
        for name, function in passes.items():
            begin = time.perf_counter()
            function()
            if turn:
                spent[name].append(time.perf_counter() - begin)
    return {name: median(times) for name, times in spent.items()}


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "impute": compare_imputers,
    "predict": compare_predictions,
    "search": compare_choices,
    "pass": compare_passes,
}


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("names", nargs="*", help="tables of impute; all by default")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    COMMANDS[arguments.command](arguments.names)


if __name__ == "__main__":
    main()
