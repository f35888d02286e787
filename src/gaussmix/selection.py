"""Criteria for choosing a model, and the search over numbers of components and structures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gaussmix import starts
from gaussmix._types import Floats
from gaussmix.em import Fit, IllDefinedCovarianceError, MStep, run
from gaussmix.mixture import Mixture
from gaussmix.sources import Assignment, Source
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["CRITERIA", "Candidate", "aic", "best", "bic", "collapsed", "icl", "search"]

_RACE = 1e-4  # nats per row: near enough to tell which start leads
_OWN_SPREAD = 2.0  # in units of the ridge, which is one of the two


def aic(statistics: Statistics, n_parameters: int) -> float:
    """Akaike's information criterion, ``-2 log L + 2 p``; lower is better. Akaike (1974)."""
    return -2.0 * statistics.log_likelihood + 2.0 * n_parameters


def bic(statistics: Statistics, n_parameters: int) -> float:
    """The Bayesian information criterion, ``-2 log L + p log n``; lower is better. Schwarz (1978)."""
    return -2.0 * statistics.log_likelihood + n_parameters * float(np.log(statistics.weight))


def icl(statistics: Statistics, n_parameters: int) -> float:
    """The integrated completed likelihood; lower is better.

    BIC with the log-likelihood of the most probable labels in place of the rows' own: overlapping components are
    penalised, so that it counts clusters where BIC counts what a density needs. Biernacki, Celeux & Govaert (2000).
    """
    return -2.0 * statistics.classification + n_parameters * float(np.log(statistics.weight))


CRITERIA: dict[str, Callable[[Statistics, int], float]] = {"bic": bic, "aic": aic, "icl": icl}


@dataclass(frozen=True, eq=False)
class Candidate:
    """One cell of a search.

    Attributes
    ----------
    structure : Structure
        The shapes that the covariances may take.
    n_components : int
        Number of components.
    fit : Fit or None
        The best fit from this cell's starts; None where none could be fitted.
    reason : str
        Why there is no fit; empty where there is one.
    collapsed : tuple of int
        Components that only the ridge holds open; see :func:`collapsed`.
    """

    structure: Structure
    n_components: int
    fit: Fit | None
    reason: str = ""
    collapsed: tuple[int, ...] = ()

    @property
    def mixture(self) -> Mixture:
        """The fitted mixture."""
        return self._fitted.state.mixture

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of all rows, in nats."""
        return self._fitted.state.statistics.log_likelihood

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        return MStep(self.structure, np.zeros(0)).n_parameters(self.n_components, self.mixture.n_features)

    def criterion(self, name: str) -> float:
        """The value of a criterion from :data:`CRITERIA`; lower is better, infinite where there is no fit."""
        return np.inf if self.fit is None else CRITERIA[name](self.fit.state.statistics, self.n_parameters)

    @property
    def _fitted(self) -> Fit:
        if self.fit is None:
            raise ValueError(self.reason)
        return self.fit


def search(
    source: Source,
    n_components: Sequence[int],
    structures: Sequence[Structure],
    *,
    ridge: Floats,
    rng: np.random.Generator,
    n_init: int = 5,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> Iterator[Candidate]:
    """Fit every structure with every number of components, and yield each as it is done.

    The starts of one number of components serve all its structures. A cell that cannot be fitted is yielded with a
    reason, never raised.

    Parameters
    ----------
    source : Source
        The rows.
    n_components : sequence of int
        Numbers of components.
    structures : sequence of Structure
        Shapes of the covariances.
    ridge : (D,) ndarray
        Variances added to the covariances' diagonals.
    rng : numpy.random.Generator
        For the starts.
    n_init : int
        Starts for each number of components. Each is fitted roughly, and the likeliest goes on to `tol`.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row. Finer than the estimator's default, as criteria
        compare totals over all rows.
    max_iter : int
        Largest number of M-steps of a fit.
    """
    find = starts.KINDS["kmeans"]
    for k in n_components:
        if k > source.n_rows:
            reason = f"{k} components need at least as many rows, got {source.n_rows}."
            yield from (Candidate(structure, k, None, reason) for structure in structures)
            continue
        assignments = [find(source, k, rng) for _ in range(1 if k == 1 else n_init)]
        for structure in structures:
            yield _cell(source, assignments, k, structure, ridge=ridge, tol=tol, max_iter=max_iter)


def _cell(
    source: Source,
    assignments: Sequence[Assignment],
    k: int,
    structure: Structure,
    *,
    ridge: Floats,
    tol: float,
    max_iter: int,
) -> Candidate:
    def fitted(first: Mixture, tolerance: float, history: Sequence[float] = ()) -> Fit:
        return run(source, first, MStep(structure, ridge), tol=tolerance, max_iter=max_iter, history=history)

    races: list[Fit] = []
    reason = ""
    for assignment in assignments:
        try:
            races.append(fitted(starts.start(source, assignment, k, MStep(structure, ridge)), max(tol, _RACE)))
        except IllDefinedCovarianceError as error:
            reason = str(error)
    if not races:
        return Candidate(structure, k, None, reason)
    race = max(races, key=lambda fit: (not collapsed(fit.state.mixture, ridge), fit.state.log_likelihood))
    try:
        fit = fitted(race.state.mixture, tol, race.history)
    except IllDefinedCovarianceError as error:
        return Candidate(structure, k, None, str(error))
    return Candidate(structure, k, fit, collapsed=collapsed(fit.state.mixture, ridge))


def collapsed(mixture: Mixture, ridge: Floats) -> tuple[int, ...]:
    """Components that have no spread of their own in some direction, only what the ridge gives them.

    The likelihood of such a component is as large as the ridge is small, and says nothing about the data: it sits on a
    few rows, or on many that share a rounded value. Directions in which all rows together have no spread either, such
    as a constant column, do not count.

    Parameters
    ----------
    mixture : Mixture
        A fit with that ridge.
    ridge : (D,) ndarray
        Variances that were added to the covariances' diagonals; all positive, or there is nothing to tell.
    """
    if not (ridge > 0).all():
        return ()
    units = np.sqrt(ridge)
    spread, directions = np.linalg.eigh(mixture.covariance / np.outer(units, units))
    axes = directions[:, spread > _OWN_SPREAD] / units[:, None]
    if not axes.size:
        return ()
    dense = mixture.covariances.dense(mixture.n_components, mixture.n_features)
    own = np.linalg.eigvalsh(axes.T @ dense @ axes)[:, 0]
    return tuple(int(k) for k in np.flatnonzero(own < _OWN_SPREAD))


def best(candidates: Sequence[Candidate], criterion: str) -> Candidate:
    """The candidate with the lowest criterion, of those without a collapsed component where there are such.

    Raises
    ------
    ValueError
        If none could be fitted; the message is the first one's reason.
    """
    chosen = min(candidates, key=lambda one: (one.fit is None, bool(one.collapsed), one.criterion(criterion)))
    if chosen.fit is None:
        raise ValueError(chosen.reason)
    return chosen
