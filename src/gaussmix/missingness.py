"""The missing values of a table: their patterns, and a test whether they are missing completely at random."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import chi2

from gaussmix._types import ArrayLike, Flags, Floats, Labels, Rows
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.engines.patterns import Patterns
from gaussmix.initialization.completion import centre_and_scale
from gaussmix.mixture import Mixture
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import named
from gaussmix.values import column_names, rows_with_holes

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["MissingSummary", "label_features", "missing_summary", "read_table"]

_TOL, _MAX_ITER = 1e-12, 300
"""The stopping rule of the Gaussian fit: nats per row, and EM steps."""
_RIDGE = 1e-10
"""Variance added to each standardized column, so that columns which depend on each other have a Cholesky factor."""
_NO_VARIANCE = 1e-7
"""The share of the largest eigenvalue of a covariance below which an eigenvalue counts as 0, for dependent columns."""
_SIGNIFICANT = 0.05
"""The p-value below which the sentence on the test says that values are not missing completely at random."""
_PRINTED = 12
"""The number of patterns that are printed."""
_NAMED = 6
"""The number of features of a pattern that are printed."""


class _LittleTest(NamedTuple):
    """The statistic, the degrees of freedom and the p-value of Little's test."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, eq=False)
class MissingSummary:
    """The patterns of missing values in a table, with Little's test. It prints as a table and two sentences.

    Attributes
    ----------
    missing : (P, D) ndarray of bool
        The patterns, by decreasing number of rows: True for each missing feature.
    counts : (P,) ndarray of int
        The number of rows of each pattern.
    feature_names : tuple of str or None
        The names of the columns; None if the columns have no names.
    statistic : float
        The statistic of Little's test; NaN if the test cannot be made.
    degrees_of_freedom : int
        The degrees of freedom of the test. They are 0 if the test cannot be made: there are fewer than two patterns, or
        not more than D + 1 rows.
    p_value : float
        The probability of a statistic at least this large if values are missing completely at random; NaN if the test
        cannot be made.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import missing_summary
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[:20, 1] = np.nan
    >>> missing_summary(X).counts
    array([80, 20])
    """

    missing: Flags
    counts: Labels
    feature_names: tuple[str, ...] | None
    statistic: float
    degrees_of_freedom: int
    p_value: float

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return int(self.missing.shape[1])

    @property
    def n_missing(self) -> Labels:
        """The number of missing values of each feature, ``(D,)``."""
        return np.asarray(self.counts @ self.missing)

    @property
    def labels(self) -> list[str]:
        """The names of the features, or ``feature 0`` and so on if features have no names."""
        return label_features(self.feature_names, self.n_features)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The table, column by column: a row for each pattern."""
        return {
            "rows": self.counts.tolist(),
            "share": (self.counts / self.n_rows).tolist(),
            "n_missing": self.missing.sum(axis=1).tolist(),
            "missing": [[name for name, flag in zip(self.labels, kind, strict=True) if flag] for kind in self.missing],
        }

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table as a pandas frame.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import missing_summary
        >>> missing_summary([[1.0, np.nan], [2.0, 3.0], [4.0, 6.0]]).to_pandas()
           rows     share  n_missing      missing
        0     2  0.666667          0           []
        1     1  0.333333          1  [feature 1]
        """
        import pandas as pd  # noqa: PLC0415 - pandas is not needed for anything else

        return pd.DataFrame(self.columns)

    def to_polars(self) -> "pl.DataFrame":
        """Return the table as a polars frame.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import missing_summary
        >>> missing_summary([[1.0, np.nan], [2.0, 3.0], [4.0, 6.0]]).to_polars().shape
        (2, 4)
        """
        import polars as pl  # noqa: PLC0415 - polars is not needed for anything else

        return pl.DataFrame(self.columns)

    def __repr__(self) -> str:
        lines = [f"{'rows':>9}{'share':>9}  missing"]
        for count, share, n_missing, features in list(zip(*self.columns.values(), strict=True))[:_PRINTED]:
            more = f" and {n_missing - _NAMED} more" if n_missing > _NAMED else ""
            lines.append(f"{count:>9}{share:>9.1%}  {', '.join(features[:_NAMED]) or 'nothing'}{more}")
        others = self.counts[_PRINTED:]
        if len(others):
            patterns = f"{len(others)} other pattern{'s' * (len(others) > 1)}"
            lines.append(f"{others.sum():>9}{others.sum() / self.n_rows:>9.1%}  {patterns}")
        return "\n".join([*lines, "", self._describe_counts(), self._describe_test()])

    def _describe_counts(self) -> str:
        """Return a sentence on the number of missing values and incomplete rows."""
        missing, rows = int(self.n_missing.sum()), int(self.counts[self.missing.any(axis=1)].sum())
        values = self.n_rows * self.n_features
        return f"{missing} of {values} values ({missing / values:.1%}) are missing, in {rows} of {self.n_rows} rows."

    def _describe_test(self) -> str:
        """Return a sentence on Little's test."""
        if not self.degrees_of_freedom:
            return "Little's test needs two patterns, and more rows than features."
        degrees = f"{self.degrees_of_freedom} degree{'s' * (self.degrees_of_freedom > 1)} of freedom"
        result = f"Little's test: chi-squared {self.statistic:.4g} with {degrees}, p = {self.p_value:.2g}."
        if self.p_value < _SIGNIFICANT:
            return f"{result}\nThe patterns have different means: values are not missing completely at random."
        return f"{result}\nThe means of the patterns differ by no more than chance explains."


def missing_summary(X: ArrayLike) -> MissingSummary:  # noqa: N803 - as scikit-learn's
    r"""Return the patterns of missing values, with Little's test that values are missing completely at random.

    The test compares the means of the rows of each pattern with the means of a Gaussian that is fitted to the observed
    values of all rows by maximum likelihood (EM). With the :math:`n_j` rows of pattern j, their mean
    :math:`\bar y_j` of the observed features, and the fitted :math:`\hat\mu_j` and :math:`\hat\Sigma_j` of these
    features,

    .. math:: d^2 = \sum_j n_j (\bar y_j - \hat\mu_j)^\top \tilde\Sigma_j^{-1} (\bar y_j - \hat\mu_j),
              \qquad \tilde\Sigma = \frac{n}{n - 1} \hat\Sigma

    If values are missing completely at random, :math:`d^2` has a chi-squared distribution for large n, whose degrees of
    freedom are the observed features, summed over the patterns, less the number of features.

    Parameters
    ----------
    X : (n, D) array_like
        Rows in which missing values are NaN, or marked in another way that a fit accepts.

    Returns
    -------
    MissingSummary
        A table with a row for each pattern, and the statistic, the degrees of freedom and the p-value of the test.

    Raises
    ------
    TypeError, ValueError
        If a value is not a number or infinite, or there are no rows.

    Notes
    -----
    A small p-value says that values are not missing *completely* at random: the mean of rows with a missing value is
    different. A fit to complete rows may then be biased. The likelihood of the observed values is right if values are
    missing *at random*: if the observed values of a row explain which other values are missing. No test can find out
    whether they do. The rows of rare patterns are few, so that the p-value is approximate. Rows without observed values
    and constant columns do not enter the test, and columns that depend on each other count once.

    References
    ----------
    Little (1988), Journal of the American Statistical Association 83, 1198-1202.

    Examples
    --------
    The first feature is large in the rows where the second feature is missing.

    >>> import numpy as np
    >>> from gaussmix import missing_summary
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[X[:, 0] > 1.0, 1] = np.nan
    >>> missing_summary(X)
         rows    share  missing
           86    86.0%  nothing
           14    14.0%  feature 1
    <BLANKLINE>
    14 of 200 values (7.0%) are missing, in 14 of 100 rows.
    Little's test: chi-squared 40.38 with 1 degree of freedom, p = 2.1e-10.
    The patterns have different means: values are not missing completely at random.
    """
    rows, names = read_table(X)
    patterns = Patterns.of(np.isnan(rows)).by_size()
    test = _test_completely_at_random(rows.astype(np.float64, copy=False))
    return MissingSummary(patterns.kinds, patterns.sizes, names, *test)


def read_table(X: ArrayLike) -> tuple[Rows, tuple[str, ...] | None]:  # noqa: N803
    """Return rows in which missing values are NaN, and the names of the columns, or None.

    Raises
    ------
    TypeError, ValueError
        If a value is not a number or infinite, or there are no rows.
    """
    rows, _ = rows_with_holes("X", X)
    if rows.ndim != 2 or 0 in rows.shape:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"X must have shape (n, D), with at least one row and one column, got {rows.shape}.")
    names = column_names(X)
    return rows, names if names and all(isinstance(name, str) for name in names) else None


def label_features(names: tuple[str, ...] | None, n_features: int) -> list[str]:
    """Return the names of the features, or ``feature 0`` and so on if features have no names."""
    return [f"feature {j}" for j in range(n_features)] if names is None else [*names]


def _test_completely_at_random(rows: Rows) -> _LittleTest:
    """Return Little's test of rows ``(n, D)``, in which missing values are NaN."""
    rows = _drop_uninformative(rows)
    patterns, (n_rows, n_features) = Patterns.of(np.isnan(rows)), rows.shape
    if len(patterns) < 2 or n_rows <= n_features + 1:  # noqa: PLR2004 - patterns to compare
        return _LittleTest(np.nan, 0, np.nan)
    centre, deviations = centre_and_scale(rows, np.ones(n_rows))
    standard = (rows - centre) / deviations
    gaussian = _fit_gaussian(standard)
    unbiased = gaussian.covariance * n_rows / (n_rows - 1.0)
    statistic, rank = 0.0, -_decompose(unbiased)[0].size
    for p, kind in enumerate(patterns.kinds):
        given, members = np.flatnonzero(~kind), patterns.members(p)
        apart = standard[np.ix_(members, given)].mean(axis=0) - gaussian.means[0, given]
        variances, axes = _decompose(unbiased[np.ix_(given, given)])
        statistic += len(members) * float(np.square(apart @ axes) @ (1.0 / variances))
        rank += variances.size
    return _LittleTest(statistic, rank, float(chi2.sf(statistic, rank))) if rank else _LittleTest(np.nan, 0, np.nan)


def _drop_uninformative(rows: Rows) -> Rows:
    """Return the rows without constant columns, and without rows that have no observed value."""
    known = ~np.isnan(rows)
    rows = rows[:, known.any(axis=0)]
    if rows.size:
        rows = rows[:, np.nanmax(rows, axis=0) > np.nanmin(rows, axis=0)]
    return rows[~np.isnan(rows).all(axis=1)]


def _fit_gaussian(standard: Rows) -> Mixture:
    """Return the Gaussian with the highest likelihood of the observed values of standardized rows ``(n, D)``."""
    n_features = standard.shape[1]
    start = Mixture([1.0], np.zeros((1, n_features)), np.eye(n_features)[None])
    m_step = MStep(named("full"), ridge=np.full(n_features, _RIDGE))
    fit = run(IncompleteSource.of(standard), start, m_step, tol=_TOL, max_iter=_MAX_ITER, accelerate=True)
    return fit.state.mixture


def _decompose(covariance: Floats) -> tuple[Floats, Floats]:
    """Return the positive eigenvalues ``(r,)`` of a covariance, and their eigenvectors ``(D, r)``."""
    variances, axes = np.linalg.eigh(covariance)
    positive = variances > _NO_VARIANCE * variances[-1]
    return variances[positive], axes[:, positive]
