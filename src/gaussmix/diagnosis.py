"""Detection of components that overfit a few rows: too few rows, hardly any spread, or no rows at all.

The likelihood of a mixture whose components have their own covariances is unbounded: a component on a few rows that lie
on a point, a line or a plane can raise it without limit. EM may end in such a *spurious* local maximum
(Day 1969; McLachlan & Peel 2000, section 3.10).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from gaussmix._types import ArrayLike, Floats, Labels, Rows
from gaussmix.arguments import as_mixture, check_indices
from gaussmix.covariances import Covariances, Spherical
from gaussmix.density.features import features_of
from gaussmix.em.support import THIN, Support
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.moments import DIAGONAL, FULL, SCALAR
from gaussmix.sources import ArraySource, Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.values import real, rows_with_holes
from gaussmix.weights import check_sum

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Diagnosis", "diagnose"]

Mask = NDArray[np.bool_]

_NEEDLE = 1e-4
"""The tightness below which the rows of a component are asked whether they have the variance that it has."""
_OWN_SHARE = 0.5
"""The share of a variance that must come from the rows of a component, in every direction, or else it is flat."""
_DOMINANT = 0.9
"""The responsibility above which the density without a component is computed anew: subtraction would lose digits."""
_NUMBERS_AT_ONCE = 2**22
"""Responsibilities that are held at a time: 32 MB."""
_Assess = Callable[..., tuple[Floats, Labels, Floats]]
"""The type of the function of an engine that computes log-densities, labels and responsibilities."""
_LOWEST = float(np.finfo(np.float64).min)
"""The lowest finite float: half of it bounds the sum of the additions of all rows."""
_READABLE = 1e7
"""Numbers from here on are printed with three digits and an exponent."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    r"""The support of each component of a mixture, with a verdict. It prints as a table and a sentence.

    Attributes
    ----------
    weights : (K,) ndarray
        Mixing proportions.
    masses : (K,) ndarray
        Effective rows: the expected weight of the rows of each component, :math:`n_k = \sum_i w_i r_{ik}`.
    tightness : (K,) ndarray
        The variance of the component relative to the component of a typical row, in the direction with the smallest
        ratio: the smallest eigenvalue of :math:`\Sigma_j^{-1} \Sigma_k`, as the weighted median over the components j.
        Scaling, rotation and shearing of the rows do not change the tightness. It is 1 if all covariances are equal,
        and for a component with more than half of the weight.
    additions : (K,) ndarray
        The addition of the component to the log-likelihood of the rows, in nats:
        :math:`\sum_i w_i [\log p(x_i) - \log p_{-k}(x_i)]`, where :math:`p_{-k}` is the mixture without
        component k, whose proportions are scaled to sum to 1. The addition is below 0 if the rows have a higher
        likelihood without the component, and NaN for the only component.
    addition : float
        The addition of all spurious components together: 0 if there are none, NaN if all components are spurious.
    verdicts : tuple of str
        For each component ``"empty"``, ``"few rows"``, ``"tight"``, ``"flat"``, ``"regularized"``, one of the last
        three after ``"few rows, "``, or ``""`` if the component looks sound.
    fewest : int
        The smallest number of rows that a component needs: D + 2 for full covariances, 3 for diagonal and spherical
        covariances, and 0 for a shared covariance. A separate covariance has an inverse from one row less.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture, diagnose
    >>> rows = np.append(np.random.default_rng(0).normal(size=100), 12.0)[:, None]
    >>> diagnosis = diagnose(Mixture([0.99, 0.01], [[0.0], [12.0]], [1.0, 1e-6]), rows)
    >>> diagnosis.verdicts
    ('', 'few rows, tight')
    """

    weights: Floats
    masses: Floats
    tightness: Floats
    additions: Floats
    addition: float
    verdicts: tuple[str, ...]
    fewest: int

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return len(self.weights)

    @property
    def spurious(self) -> tuple[int, ...]:
        """The indices of the components that look spurious, from 0."""
        return tuple(k for k, verdict in enumerate(self.verdicts) if verdict)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The table, column by column: a row for each component."""
        return {
            "component": list(range(self.n_components)),
            "weight": self.weights.tolist(),
            "rows": self.masses.tolist(),
            "tightness": self.tightness.tolist(),
            "adds": self.additions.tolist(),
            "verdict": list(self.verdicts),
        }

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table as a pandas frame.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture, diagnose
        >>> rows = np.random.default_rng(0).normal(size=(100, 1))
        >>> diagnose(Mixture([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0]), rows).to_pandas().shape
        (2, 6)
        """
        import pandas as pd  # noqa: PLC0415 - pandas is not needed for anything else

        return pd.DataFrame(self.columns)

    def to_polars(self) -> "pl.DataFrame":
        """Return the table as a polars frame.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture, diagnose
        >>> rows = np.random.default_rng(0).normal(size=(100, 1))
        >>> diagnose(Mixture([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0]), rows).to_polars().shape
        (2, 6)
        """
        import polars as pl  # noqa: PLC0415 - polars is not needed for anything else

        return pl.DataFrame(self.columns)

    # --- In words ----------------------------------------------------------------------------------------------------

    @property
    def advice(self) -> str:
        """Sentences on the spurious components: their rows, their addition to the log-likelihood, and a remedy."""
        if not self.spurious:
            return "No component looks spurious."
        flat = tuple(k for k in self.spurious if self.verdicts[k] == "flat")
        others = tuple(k for k in self.spurious if k not in flat)
        return " ".join([*self._advise_on_others(others), *self._advise_on_flat(flat)])

    def _advise_on_others(self, names: tuple[int, ...]) -> list[str]:
        """Return a sentence on components with few rows, or thin by accident."""
        if not names:
            return []
        look, add = ("looks", "adds") if len(names) == 1 else ("look", "add")
        adding = (
            ""
            if np.isnan(self.addition) or len(names) < len(self.spurious)
            else f" and {add} {_format_amount(self.addition)} nats to the log-likelihood"
        )
        remedy = "fewer components, prior='weak', or another seed"
        if self.n_components == 1:
            remedy = "a covariance_type with fewer parameters, or prior='weak'"
        return [f"{_name_components(names)} {look} spurious: {self._count_rows(names)}{adding}; try {remedy}."]

    def _advise_on_flat(self, names: tuple[int, ...]) -> list[str]:
        """Return a sentence on components of many rows that are flat."""
        if not names:
            return []
        subject, are = _name_components(names), "is" if len(names) == 1 else "are"
        held = f"{subject} {are} flat: {self._count_rows(names)}, which hardly differ in some direction"
        advice = "look for rounded, repeated or censored values, or try prior='weak'"
        return [f"{held}, so that the log-likelihood says little; {advice}."]

    def _count_rows(self, names: tuple[int, ...]) -> str:
        """Return the number of rows that components hold, as a clause."""
        held, total = (_format_amount(masses.sum()) for masses in (self.masses[list(names)], self.masses))
        return f"{'it holds' if len(names) == 1 else 'they hold'} {held} of {total} rows"

    def __repr__(self) -> str:
        lines = [f"{'component':>9}{'weight':>10}{'rows':>12}{'tightness':>12}{'adds':>12}  verdict"]
        for k, weight, rows, tightness, adds, verdict in zip(*self.columns.values(), strict=True):
            values = f"{k:>9}{weight:>10.4f}{_format_number(rows):>12}{tightness:>12.2g}{_format_number(adds):>12}"
            lines.append(f"{values}  {verdict}".rstrip())
        return "\n".join([*lines, "", *self._legend(), self.advice])

    def _legend(self) -> list[str]:
        """Return an explanation of each verdict that occurs."""
        found = " ".join(self.verdicts)
        meanings = {
            "few rows": f"fewer than {self.fewest}, which a covariance of its own needs to be trusted.",
            "tight": f"in some direction below {THIN:g} of the usual variance, with too few rows to be no accident.",
            "flat": "in some direction the rows have less than half of the variance, which reg_covar or a prior gives.",
            "regularized": "the component would have collapsed; a prior worth one row gives it a variance.",
        }
        return [f"{word}: {meaning}" for word, meaning in meanings.items() if word in found]


def diagnose(
    mixture: Mixture | HasMixture,
    X: ArrayLike | Source,  # noqa: N803 - as scikit-learn's
    sample_weight: ArrayLike | None = None,
    *,
    flat: Collection[int] | None = None,
    regularized: Collection[int] = (),
) -> Diagnosis:
    """Diagnose each component: its number of rows, its tightness, and its addition to the log-likelihood.

    A component looks spurious if it is

    - *empty*: it has no rows;
    - based on *few rows*: fewer than a covariance of its own needs;
    - *tight*: in some direction its standard deviation is less than a tenth of the usual one, and so few rows could be
      so thin by accident. A thin component of many rows is no accident. The number of accidents to expect follows
      from the rows nearby and from the places where such a component could be, as for scan statistics (Glaz, Naus &
      Wallenstein 2001); a component is tight if more than 0.05 are expected;
    - *flat*: it may have many rows, but in some direction they do not have the variance that the component has, and
      ``reg_covar``, a prior or a bound gives it.

    Components that share one covariance never have few rows, and are never tight. The function passes over the rows
    two or three times, block by block.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A fitted mixture, or an estimator of this library or of scikit-learn.
    X : (n, D) array_like or Source
        The rows that were fitted. The columns of a frame are found by the names of the features.
    sample_weight : (n,) array_like, optional
        The number of rows that each row stands for: few rows are detected by their weight. Weights that only compare
        rows should be scaled to sum to the effective number of rows first; the estimators' own ``diagnose`` does so
        with ``weights_are="relative"``.
    flat : collection of int, optional
        The components that the fit knows to be flat. The estimators' own ``diagnose`` passes them, so that it agrees
        with ``message_``. By default the rows of components with a tightness below 0.0001 are asked for their variance.
    regularized : collection of int, default ()
        The components that would have collapsed without a prior of their own, where the fit knows them.

    Returns
    -------
    Diagnosis
        A table with a row for each component, and a sentence of advice.

    Raises
    ------
    ValueError
        If rows or weights have a wrong shape, are not finite, or have no weight.

    References
    ----------
    Day (1969), Biometrika 56. Glaz, Naus & Wallenstein (2001), Scan Statistics. McLachlan & Peel (2000), Finite Mixture
    Models, section 3.10.

    Examples
    --------
    Two clusters, and a component on two rows that are nearly equal.

    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.diagnosis import diagnose
    >>> near = [1.0, 2.0] + np.array([[-0.01, 0.0], [0.01, 0.0]])
    >>> mixture = Mixture([0.495, 0.495, 0.01], [[0.0, 0.0], [9.0, 0.0], [1.0, 2.0]], [1.0, 1.0, 1e-4])
    >>> rows = np.concatenate([Mixture([0.5, 0.5], mixture.means[:2], [1.0, 1.0]).sample(198, random_state=0), near])
    >>> diagnosis = diagnose(mixture, rows)
    >>> diagnosis.spurious
    (2,)
    >>> diagnosis
    component    weight        rows   tightness        adds  verdict
            0    0.4950        92.0           1      3734.1
            1    0.4950       106.0           1      4117.4
            2    0.0100         2.0      0.0001        12.6  few rows, tight
    <BLANKLINE>
    few rows: fewer than 3, which a covariance of its own needs to be trusted.
    tight: in some direction below 0.01 of the usual variance, with too few rows to be no accident.
    Component 2 looks spurious: it holds 2 of 200 rows and adds 12.6 nats to the log-likelihood; try fewer
    components, prior='weak', or another seed.
    """
    mixture = as_mixture("mixture", mixture, Mixture)
    source = _make_source(mixture, X, sample_weight)
    _check(mixture, source)
    regularized = check_indices("regularized", regularized, mixture.n_components)
    flat = None if flat is None else check_indices("flat", flat, mixture.n_components)
    masses = source.reduce(mixture, SCALAR).mass
    support = Support.measure(mixture, masses)
    if flat is None:
        flat = _find_flat(mixture, source, support)
    verdicts = _verdicts(support, flat, regularized)
    spurious = np.array([bool(verdict) for verdict in verdicts])
    additions = _additions(mixture, source, spurious, masses.sum())
    return Diagnosis(
        weights=mixture.weights,
        masses=masses,
        tightness=support.tightness,
        additions=additions[:-1],
        addition=float(additions[-1]),
        verdicts=verdicts,
        fewest=support.fewest,
    )


def _make_source(mixture: Mixture, X: ArrayLike | Source, sample_weight: ArrayLike | None) -> Source:  # noqa: N803
    """Return the rows of the mixture's features and their weights as a source."""
    if _is_source(X):
        if sample_weight is not None:
            raise ValueError("sample_weight goes with rows in an array; a source brings its own weights.")
        return X
    rows, holes = rows_with_holes("X", features_of(mixture, "X", cast("ArrayLike", X)))
    if rows.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"X must have shape (n, D), a row for each observation, got {rows.shape}.")
    weights = None if sample_weight is None else _check_weights(sample_weight, len(rows))
    if not holes:
        return ArraySource(rows, weights)
    known = ~np.isnan(rows).all(axis=1)
    return IncompleteSource.of(rows[known], None if weights is None else weights[known])


def _is_source(rows: ArrayLike | Source) -> TypeGuard[Source]:
    """Return True for a source, or for any object with its methods."""
    return hasattr(rows, "summarize")


def _check_weights(sample_weight: ArrayLike, n_rows: int) -> Floats:
    """Return weights ``(n,)`` that are finite and at least 0; ``ValueError`` for other input."""
    weights = real("sample_weight", sample_weight).astype(np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), one weight for each row, got {weights.shape}.")
    if not (np.isfinite(weights).all() and weights.min(initial=0.0) >= 0 and weights.any()):
        raise ValueError("sample_weight must be finite, at least 0, and not 0 for all rows.")
    check_sum(weights, "divide it by its mean")
    return weights


def _check(mixture: Mixture, source: Source) -> None:
    """Raise ``ValueError`` if there are no rows, or rows with other features than the mixture has."""
    if source.n_features != mixture.n_features:
        msg = (
            f"X must have {mixture.n_features} columns, as many as the mixture has features, got {source.n_features}; "
            "pass the rows that were fitted."
        )
        raise ValueError(msg)
    if source.n_rows == 0:
        raise ValueError("X must have at least one row, got none.")


def _find_flat(mixture: Mixture, source: Source, support: Support) -> list[int]:
    """Return the components of which rows give less than half of the variance in some direction.

    Only components with a tightness below 0.0001 are asked: a prior may widen a sound component of few rows as well.
    """
    tight = np.array(["tight" in verdict for verdict in support.verdicts])
    asked = np.flatnonzero((support.tightness < _NEEDLE) & ~tight)
    if not asked.size:
        return []
    moments = FULL if mixture.covariances.correlated else DIAGONAL
    with np.errstate(over="ignore", invalid="ignore"):  # rows beyond 1e150, whose squares overflow
        central = source.reduce(mixture, moments).central()
    own = central.second / central.floored_mass.reshape(-1, *[1] * (central.second.ndim - 1))
    return [int(k) for k in asked if _own_share(mixture.covariances, int(k), own[k]) < _OWN_SHARE]


def _own_share(covariances: Covariances, k: int, own: Floats) -> float:
    """Return the smallest share of the variance of component k that its rows give, over all directions.

    The covariance of the rows is ``(D, D)``, or ``(D,)`` for covariances without correlations. A sphere has the mean
    variance of its rows. The share is 1 if the squares of the rows overflow.
    """
    form = covariances.of(np.array([k]))
    if not np.isfinite(own).all():
        return 1.0
    if isinstance(form, Spherical):
        return float(own.mean() / form.variances(1, len(own))[0, 0])
    if not form.correlated:
        return float((own / form.variances(1, len(own))[0]).min())
    half = form.whiten(own[None])[0]
    return float(np.linalg.eigvalsh(form.whiten(half.T[None])[0]).min())


def _verdicts(support: Support, flat: Collection[int], regularized: Collection[int]) -> tuple[str, ...]:
    """Return the verdict on each component, in a word or two."""

    def add(k: int, verdict: str) -> str:
        word = "regularized" if k in regularized else "flat" if k in flat else ""
        if not word or verdict == "empty" or "tight" in verdict:
            return verdict
        return f"{verdict}, {word}" if verdict else word

    return tuple(add(k, verdict) for k, verdict in enumerate(support.verdicts))


def _additions(mixture: Mixture, source: Source, spurious: Mask, weight: float) -> Floats:
    """Return the additions of each component and, as the last one, of the spurious components together, ``(K + 1,)``.

    An addition is the log-likelihood of the mixture less the log-likelihood of the remaining components, whose weights
    are scaled to sum to one. The part of each row is bounded, so that the sum stays finite: the density at a far row
    may be 0 without a component.
    """
    n_components = mixture.n_components
    removals = [_Removal.of(mixture, flags) for flags in np.vstack([np.eye(n_components, dtype=bool), spurious])]
    assess = source.engine_for(n_components).arithmetic.assess
    most = -_LOWEST / 2.0 / max(weight, 1.0)
    size = max(_NUMBERS_AT_ONCE // n_components, 1)

    def piece(rows: Rows, weights: Floats) -> Floats:
        log_density, _, resp = assess(mixture, rows, responsibilities=True)
        return np.array([weights @ np.minimum(one.gains(assess, rows, log_density, resp), most) for one in removals])

    def block(rows: Rows, weights: Floats) -> Floats:
        ends = range(0, len(rows), size)
        return np.asarray(np.sum([piece(rows[i : i + size], weights[i : i + size]) for i in ends], axis=0))

    return source.total(block)


@dataclass(frozen=True, eq=False)
class _Removal:
    """Components that are taken out of a mixture.

    Attributes
    ----------
    removed : (G,) ndarray of int
        The components.
    rest : Mixture or None
        The mixture of the other components, or None where these have no weight.
    log_left : float
        Logarithm of the weight of the other components.
    """

    removed: Labels
    rest: Mixture | None
    log_left: float

    @classmethod
    def of(cls, mixture: Mixture, flags: Mask) -> Self:
        """Take out the components with a flag ``(K,)``."""
        left = float(mixture.weights[~flags].sum())
        if not left > 0:
            return cls(np.flatnonzero(flags), None, np.nan)
        rest = Mixture(mixture.weights[~flags] / left, mixture.means[~flags], mixture.covariances.of(~flags))
        return cls(np.flatnonzero(flags), rest, float(np.log(left)))

    def gains(self, assess: _Assess, rows: Rows, log_density: Floats, resp: Floats) -> Floats:
        """Return the log-densities of rows less the log-densities without the components, ``(n,)``.

        The difference is ``log(left) - log(1 - r)``, where r is the responsibility of the components. If r is close to
        1, this formula loses digits, and the density without the components is computed instead. All values are NaN if
        the other components have no weight.
        """
        if self.rest is None:
            return np.full(len(rows), np.nan)
        share = resp[:, self.removed].sum(axis=1)
        near = share > _DOMINANT
        gains = self.log_left - np.log1p(-np.where(near, 0.0, share))
        if near.any():
            gains[near] = log_density[near] - assess(self.rest, rows[near])[0]
        return np.asarray(gains)


def _format_number(value: float) -> str:
    """Return a number as text: with one decimal, with three digits for huge numbers, and as a dash for NaN."""
    if np.isnan(value):
        return "-"
    return f"{round(value, 1) + 0.0:.1f}" if abs(value) < _READABLE else f"{value:.3g}"


def _format_amount(value: float) -> str:
    """Return a number for a sentence: like :func:`_format_number`, but whole numbers without a decimal."""
    return _format_number(value).removesuffix(".0")


def _name_components(names: tuple[int, ...]) -> str:
    """Return components as the subject of a sentence: "Component 3", or "Components 0, 1 and 2"."""
    if len(names) == 1:
        return f"Component {names[0]}"
    return f"Components {', '.join(map(str, names[:-1]))} and {names[-1]}"
