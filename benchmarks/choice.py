"""Measure how often the search chooses the right model, and the same model from all seeds.

python -m benchmarks.choice scenarios [--replicates 20] [--only NAME ...]   # drawn tables with a known number
python -m benchmarks.choice seeds [--only NAME ...]                         # the tables of benchmarks.best_known
python -m benchmarks.choice single                                          # single Gaussians of few rows

The scenarios are those of many papers: clusters that are far apart, overlap, cross, are of unequal sizes, are not
Gaussian, or are a single Gaussian. `seeds` compares the BIC of each choice with the lowest that is known: that of five
seeds and of a search with effort="thorough" that stops no run early.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.best_known import crosses, lines, tables
from gaussmix import GaussianMixtureSearch, diagnose

SEEDS = range(5)

Draw = Callable[[np.random.Generator], np.ndarray]


def balls(
    rng: np.random.Generator, sizes: list[int], centres: list[list[float]], deviations: list[float]
) -> np.ndarray:
    """Draw round clusters."""
    centres_, n_features = np.array(centres), len(centres[0])
    parts = [
        centre + deviation * rng.normal(size=(size, n_features))
        for size, centre, deviation in zip(sizes, centres_, deviations, strict=True)
    ]
    return np.concatenate(parts)


def full(rng: np.random.Generator, n: int, n_features: int, n_components: int, spread: float) -> np.ndarray:
    """Draw clusters with covariances of their own, their centres at least `spread` apart."""
    centres = [np.zeros(n_features)]
    while len(centres) < n_components:
        centre = rng.uniform(-1.5, 1.5, n_features) * spread
        if min(np.linalg.norm(centre - other) for other in centres) > spread:
            centres.append(centre)
    label, half = rng.integers(0, n_components, n), rng.normal(size=(n_components, n_features, n_features))
    factors = np.linalg.cholesky(half @ half.transpose(0, 2, 1) / n_features + 0.2 * np.eye(n_features))
    return np.array(centres)[label] + np.einsum("nij,nj->ni", factors[label], rng.normal(size=(n, n_features)))


def long_pair(rng: np.random.Generator) -> np.ndarray:
    """Draw two long, parallel clusters."""
    rows = rng.normal(size=(200, 2)) * [4.0, 0.5]
    return rows + np.repeat([[0.0, 0.0], [0.0, 4.0]], 100, axis=0)


def correlated(rng: np.random.Generator) -> np.ndarray:
    """Draw one Gaussian of ten correlated features."""
    return rng.normal(size=(100, 10)) @ rng.normal(size=(10, 10))


def near_collinear(rng: np.random.Generator) -> np.ndarray:
    """Draw two clusters whose third feature is nearly the sum of the first two."""
    rows = rng.normal(size=(150, 2)) + np.repeat([[0.0, 0.0], [4.0, 0.0]], 75, axis=0)
    return np.column_stack([rows, rows.sum(axis=1) + 1e-3 * rng.normal(size=150)])


def wide(rng: np.random.Generator) -> np.ndarray:
    """Draw two clusters of 30 rows in ten dimensions."""
    return rng.normal(size=(60, 10)) + np.repeat([[0.0], [3.0]], 30, axis=0)


def like_iris(rng: np.random.Generator) -> np.ndarray:
    """Draw three clusters like those of iris, rounded to tenths."""
    covariance = 0.1 * (0.5 * np.eye(4) + 0.5)
    centres = np.repeat([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.5, 2.0]], 50, axis=0)
    return np.round(centres + rng.multivariate_normal(np.zeros(4), covariance, 150), 1)


def with_noise(rng: np.random.Generator) -> np.ndarray:
    """Draw two clusters and 5 % uniform noise."""
    rows = balls(rng, [143, 142], [[0.0, 0.0], [6.0, 0.0]], [1.0, 1.0])
    return np.concatenate([rows, rng.uniform(-10.0, 16.0, size=(15, 2))])


SCENARIOS: dict[str, tuple[int, Draw]] = {
    "three balls": (3, lambda rng: balls(rng, [50] * 3, [[0, 0], [5, 0], [0, 5]], [1.0] * 3)),
    "two long, parallel": (2, long_pair),
    "three overlapping": (3, lambda rng: balls(rng, [100] * 3, [[0, 0], [2.5, 0], [1.25, 2.2]], [1.0] * 3)),
    "unequal sizes": (3, lambda rng: balls(rng, [240, 45, 15], [[0, 0], [5, 0], [0, 5]], [1.0, 0.8, 0.6])),
    "one Gaussian, 100 x 2": (1, lambda rng: rng.normal(size=(100, 2))),
    "one Gaussian, 60 x 5": (1, lambda rng: rng.normal(size=(60, 5))),
    "one Gaussian, correlated": (1, correlated),
    "uniform square": (1, lambda rng: rng.uniform(size=(200, 2))),
    "one t, 3 degrees": (1, lambda rng: rng.standard_t(3, size=(200, 2))),
    "two t, 4 degrees": (2, lambda rng: rng.standard_t(4, size=(300, 2)) + 6.0 * rng.integers(0, 2, 300)[:, None]),
    "near-collinear": (2, near_collinear),
    "wide, few rows": (2, wide),
    "five full": (5, lambda rng: full(rng, 400, 2, 5, 5.0)),
    "like iris, rounded": (3, like_iris),
    "three full in 5-D": (3, lambda rng: full(rng, 300, 5, 3, 4.0)),
    "two and 5 % noise": (2, with_noise),
    "one lognormal": (1, lambda rng: rng.lognormal(0.0, 0.6, size=(200, 2))),
    "two unequal in 1-D": (2, lambda rng: balls(rng, [70, 30], [[0.0], [4.0]], [1.0, 0.5])),
    "crosses": (6, lambda rng: crosses(int(rng.integers(2**31)))),
    "lines": (4, lambda rng: lines(int(rng.integers(2**31)))),
}
"""The true number of components of each scenario, and the function that draws its rows."""

SINGLES = ((20, 2), (30, 3), (50, 2), (50, 5))
"""Rows and features of single Gaussians."""
N_SINGLES = 40
"""Single Gaussians of each size. Rules were chosen on those of the generators 0 to 39 and 100 to 149; these start at
1 000."""


def search(rows: np.ndarray, seed: int, **parameters: object) -> GaussianMixtureSearch:
    """Return a fitted search."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixtureSearch(random_state=seed, **parameters).fit(rows)


def name(model: GaussianMixtureSearch) -> str:
    """Return the structure and the number of components of a choice; with one component, the number alone."""
    chosen = model.best_params_
    return f"{chosen['covariance_type']} {chosen['n_components']}" if chosen["n_components"] > 1 else "1"


def scenarios(replicates: int, only: list[str]) -> None:
    """Print for each scenario how often the number is true, a component is spurious, or two seeds differ."""
    for scenario, (truth, draw) in SCENARIOS.items():
        if only and scenario not in only:
            continue
        right = spurious = differ = 0
        for i in range(replicates):
            rows = draw(np.random.default_rng([i, len(scenario)]))
            models = [search(rows, seed) for seed in (0, 1)]
            right += models[0].best_params_["n_components"] == truth
            spurious += bool(diagnose(models[0].mixture_, rows).spurious)
            differ += len({name(model) for model in models}) > 1
        print(
            f"{scenario}: true number in {right} of {replicates}, spurious {spurious}, seeds differ {differ}",
            flush=True,
        )


def seeds(only: list[str]) -> None:
    """Print for each table the choices from five seeds, and their BIC above the lowest that is known."""
    for table, rows in tables().items():
        if only and table not in only:
            continue
        begin = time.process_time()
        models = [search(rows, seed) for seed in SEEDS]
        seconds = (time.process_time() - begin) / len(models)
        values = np.array([model.results_.best.comparable("bic") for model in models])
        thorough = search(rows, 5, effort="thorough", stop_early=False)
        known = min(values.min(), thorough.results_.best.comparable("bic"))
        names = sorted({name(model) for model in models})
        print(
            f"{table}: {', '.join(names)}; BIC above the best known by {max(values - known):.2f}; thorough "
            f"{name(thorough)}; {seconds:.1f} s each",
            flush=True,
        )


def single() -> None:
    """Print how often more than one component is chosen for a single Gaussian of few rows."""
    for n_rows, n_features in SINGLES:
        many = 0
        for i in range(N_SINGLES):
            rows = np.random.default_rng(1000 + i).normal(size=(n_rows, n_features))
            many += search(rows, 0).best_params_["n_components"] > 1
        print(f"one Gaussian, {n_rows} x {n_features}: more than one component in {many} of {N_SINGLES}", flush=True)


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["scenarios", "seeds", "single"])
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[], help="names of scenarios or tables")
    arguments = parser.parse_args()
    if arguments.what == "scenarios":
        scenarios(arguments.replicates, arguments.only)
    elif arguments.what == "seeds":
        seeds(arguments.only)
    else:
        single()


if __name__ == "__main__":
    main()
