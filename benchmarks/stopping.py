"""Measure the stopping rule and the acceleration of EM on small tables, with fits of all structures.

python -m benchmarks.stopping promise            # distances of converged fits to their limits, by kind of start
python -m benchmarks.stopping acceleration       # accelerated EM against plain EM from the same starts
python -m benchmarks.stopping promise --every 9  # only every ninth fit

`promise` has 1540 fits, of 14 structures from five kinds of start; `acceleration` has 616 fits, each from a partition
by hierarchical clustering. Each table belongs to one of two halves, and the results of both halves are printed. Fits to
tables of both halves were looked at when the constants of the rule were chosen: neither half is a clean test.
"""

import argparse
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from multiprocessing import Pool

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA

from gaussmix import GaussianMixture, Mixture
from gaussmix.em import MStep, Status, iterate, run_to_limit
from gaussmix.initialization import make_user_start, relative_ridge
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

EXPLORE = "explore"
STARTS = (EXPLORE, "kmeans", "k-means++", "random_from_data", "random")
HIERARCHICAL = "hierarchical"
ALL_STARTS = (*STARTS, HIERARCHICAL)
NUMBERS = {"promise": (3, 5), "acceleration": (2, 3, 4, 5)}
TOL = 1e-4
MAX_ITER = 5000
PLAIN_STEPS = 4000  # plain EM steps after a fit; fewer where gains are rounding
FEWEST = 50  # steps in which plain EM gains less than ROUNDING before it ends
ROUNDING = 1e-12  # nats per row
LIMITS = (1, 2, 10, 100)  # distances in multiples of TOL


# --- Tables ----------------------------------------------------------------------------------------------------------


def crossing_lines() -> np.ndarray:
    """Return rows of four long clusters that cross."""
    rng = np.random.default_rng(0)
    angles, along = 0.8 * rng.integers(0, 4, 400), 3.0 * rng.normal(size=400)
    return np.column_stack([along * np.cos(angles), along * np.sin(angles)]) + 0.25 * rng.normal(size=(400, 2))


def nested() -> np.ndarray:
    """Return rows of a tight cluster inside a wide one."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(300, 2)) * np.repeat([0.3, 2.0], [120, 180])[:, None]


def overlapping() -> np.ndarray:
    """Return rows of three correlated clusters that overlap."""
    rng = np.random.default_rng(2)
    half = rng.normal(size=(3, 3, 3))
    truth = Mixture(
        [0.5, 0.3, 0.2], 1.5 * rng.normal(size=(3, 3)), half @ half.transpose(0, 2, 1) / 3 + 0.3 * np.eye(3)
    )
    return truth.sample(400, random_state=rng)


def heavy_tailed() -> np.ndarray:
    """Return rows of two clusters with t-distributions of three degrees of freedom."""
    rng = np.random.default_rng(3)
    return rng.standard_t(3, size=(300, 2)) + np.repeat([0.0, 5.0], 150)[:, None]


def one_gaussian() -> np.ndarray:
    """Return rows of one normal distribution."""
    return np.random.default_rng(4).normal(size=(200, 3))


def unequal() -> np.ndarray:
    """Return rows of a large cluster and three small ones."""
    rng = np.random.default_rng(5)
    centres = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [-4.0, -2.0]])
    return centres[rng.choice(4, size=400, p=[0.8, 0.1, 0.06, 0.04])] + rng.normal(size=(400, 2))


TABLES = {
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data[:, :6],
    "breast cancer": lambda: load_breast_cancer().data[:, :5],
    "digits": lambda: PCA(6, random_state=0).fit_transform(load_digits().data)[:500],
    "diabetes": lambda: load_diabetes(scaled=False).data[:, 2:8],
    "crossing lines": crossing_lines,
    "nested": nested,
    "overlapping": overlapping,
    "heavy-tailed": heavy_tailed,
    "one Gaussian": one_gaussian,
    "unequal": unequal,
}
TUNED = ("iris", "breast cancer", "diabetes", "nested", "heavy-tailed", "unequal")


@cache
def source_of(table: str) -> ArraySource:
    """Return the rows of a table."""
    return ArraySource(np.ascontiguousarray(TABLES[table](), dtype=np.float64))


# --- Cases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A table, a model and a kind of start."""

    table: str
    n_components: int
    structure: str
    start: str

    @property
    def m_step(self) -> MStep:
        """The model."""
        return MStep(named(self.structure), relative_ridge(source_of(self.table)))

    def make_start(self) -> Mixture:
        """Return the first mixture; the same for the same case."""
        source, rng = source_of(self.table), np.random.default_rng([self.n_components, ALL_STARTS.index(self.start)])
        origin = partition(source.rows, self.n_components) if self.start == HIERARCHICAL else self.start
        return make_user_start(origin, source, self.n_components, self.m_step, rng)


def partition(rows: np.ndarray, n_components: int) -> np.ndarray:
    """Return the labels of rows by Ward's method on standardized columns."""
    return AgglomerativeClustering(n_components).fit_predict((rows - rows.mean(axis=0)) / rows.std(axis=0))


def cases(starts: tuple[str, ...] = STARTS, numbers: tuple[int, ...] = NUMBERS["promise"]) -> list[Case]:
    """Return all cases, the kinds of start innermost."""
    structures = (structure.name for structure in STRUCTURES)
    return [Case(*one) for one in product(TABLES, numbers, structures, starts)]


# --- Measurements ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """The end of a fit.

    Attributes
    ----------
    case : Case
    n_passes : float
        Passes over the rows.
    distance : float
        Distance to the limit, in multiples of `TOL`; for an accelerated fit against a plain fit, the difference.
    """

    case: Case
    n_passes: float
    distance: float


def go_on(case: Case, mixture: Mixture) -> float:
    """Return the highest log-likelihood per row that plain EM reaches from a mixture."""
    values = [-np.inf]
    for state in islice(iterate(source_of(case.table), mixture, case.m_step), PLAIN_STEPS):
        values.append(state.log_posterior)
        if len(values) > FEWEST and values[-1] - values[-FEWEST] < ROUNDING:
            break
    return max(values)


def fit(case: Case, *, accelerate: bool = True, tol: float = TOL) -> tuple[Mixture, float, float] | None:
    """Return mixture, log-likelihood per row and passes of a fit; None if it did not converge."""
    if case.start != EXPLORE:
        run_of_start = run_to_limit(
            source_of(case.table), case.make_start(), case.m_step, tol=tol, max_iter=MAX_ITER, accelerate=accelerate
        )
        if run_of_start.status is not Status.CONVERGED:
            return None
        return run_of_start.state.mixture, run_of_start.state.log_posterior, run_of_start.state.n_passes
    model = GaussianMixture(
        case.n_components, covariance_type=case.structure, prior=None, tol=tol, max_iter=MAX_ITER, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(source_of(case.table).rows)
    if model.status_ is not Status.CONVERGED:
        return None
    return model.mixture_, model.lower_bound_, model.n_passes_


def measure_promise(case: Case) -> End | None:
    """Return the distance of a converged fit to its limit; None if the fit did not converge."""
    try:
        ended = fit(case)
        return ended and End(case, ended[2], (go_on(case, ended[0]) - ended[1]) / TOL)
    except ValueError:  # a component collapsed
        return None


def measure_acceleration(case: Case) -> End | None:
    """Return the difference between plain and accelerated EM at their ends; None if either did not converge."""
    try:
        plain, accelerated = (fit(case, accelerate=accelerate) for accelerate in (False, True))
    except ValueError:
        return None
    return plain and accelerated and End(case, accelerated[2] / plain[2], (plain[1] - accelerated[1]) / TOL)


def share(holds: np.ndarray) -> str:
    """Return a share in percent."""
    return f"{100 * holds.mean():.1f} %"


def describe(label: str, ends: list[End]) -> str:
    """Return a line of the table."""
    distances, passes = np.array([[end.distance, end.n_passes] for end in ends]).T
    cells = (
        label,
        str(len(ends)),
        *(share(distances > limit) for limit in LIMITS),
        f"{distances.max():.4g}",
        f"{np.median(distances):.2g}",
        f"{np.median(passes):.3g}",
        f"{passes.mean():.3g}",
    )
    return f"| {' | '.join(cells)} |"


def print_table(ends: list[End]) -> None:
    """Print the table: by kind of start, and by half of the tables."""
    titles = ("start", "fits", *(f"> {limit} tol" for limit in LIMITS), "worst / tol", "median / tol", "passes", "mean")
    print(f"| {' | '.join(titles)} |\n|---|{'---:|' * (len(titles) - 1)}")
    groups = {start: [end for end in ends if end.case.start == start] for start in ALL_STARTS}
    groups["tables tuned on"] = [end for end in ends if end.case.table in TUNED]
    groups["other tables"] = [end for end in ends if end.case.table not in TUNED]
    groups["all"] = ends
    for label, group in groups.items():
        if group:
            print(describe(label, group))


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["promise", "acceleration"])
    parser.add_argument("--every", type=int, default=1, help="measure every n-th fit only")
    parser.add_argument("--starts", nargs="*", choices=ALL_STARTS, help="kinds of start")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    measure, starts = {
        "promise": (measure_promise, STARTS),
        "acceleration": (measure_acceleration, (HIERARCHICAL,)),
    }[arguments.what]
    chosen = cases(tuple(arguments.starts or starts), NUMBERS[arguments.what])[:: arguments.every]
    with Pool(arguments.workers) as pool:
        ends = list(pool.imap_unordered(measure, chosen))
    print_table([end for end in ends if end])


if __name__ == "__main__":
    main()
