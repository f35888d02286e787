"""Fill in missing values, given the observed values of the same row."""

from typing import TYPE_CHECKING, Literal, get_args, overload

import numpy as np

from gaussmix._types import ArrayLike, Floats, Labels, Rows, Seed
from gaussmix.arguments import as_generator, check_choice, check_count
from gaussmix.density.conditional_modes import find_most_probable
from gaussmix.engines.incomplete import Conditional, condition_pieces, responsibilities_of

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Method", "draw_missing", "expect_missing", "impute", "missing_covariances"]

Method = Literal["mean", "mode", "sample"]
"""The ways to fill in missing values."""


@overload
def impute(
    mixture: "Mixture",
    rows: ArrayLike,
    method: Method = ...,
    *,
    n_draws: int | None = ...,
    random_state: Seed = ...,
    return_covariance: Literal[False] = ...,
) -> Floats: ...


@overload
def impute(
    mixture: "Mixture",
    rows: ArrayLike,
    method: Method = ...,
    *,
    n_draws: int | None = ...,
    random_state: Seed = ...,
    return_covariance: bool = ...,
) -> Floats | tuple[Floats, Floats]: ...


def impute(
    mixture: "Mixture",
    rows: ArrayLike,
    method: Method = "mean",
    *,
    n_draws: int | None = None,
    random_state: Seed = None,
    return_covariance: bool = False,
) -> Floats | tuple[Floats, Floats]:
    r"""Fill in missing values by their distribution, given the observed values of the same row.

    Parameters
    ----------
    rows : (n, D) array_like
        Rows in which missing values are NaN, or marked in another way that a fit accepts.
    method : {"mean", "mode", "sample"}, default "mean"
        ``"mean"`` fills in expected values, which have the smallest squared error. Filled columns have too little
        spread then. ``"mode"`` fills in the most probable values: the missing values of a row at which their joint
        conditional density is largest. A mean may lie between two clusters, where no row is; a mode lies in one.
        ``"sample"`` draws from the conditional distribution, so that means, variances and correlations of
        the filled rows stay right; several draws show the uncertainty (multiple imputation, Rubin 1987).
    n_draws : int, optional
        Number of filled tables, for ``method="sample"``; by default one table without an axis for draws.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.
    return_covariance : bool, default False
        Whether to return the conditional covariances of the missing values too.

    Returns
    -------
    filled : (n, D) ndarray, or (n_draws, n, D) with `n_draws`
        The rows; observed values are unchanged.
    covariances : (n, D, D) ndarray
        Only with `return_covariance`: the conditional covariance of each row, in squared units of the features; 0
        for observed values.

    Raises
    ------
    ValueError
        If `method` is unknown, `n_draws` is given without ``method="sample"`` or is below 1, or the rows do not have
        the features of the mixture. Also if a covariance is so close to singular that ``"mode"`` cannot find the
        direction in which the density grows.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys. Little & Rubin (2019), Statistical Analysis with
    Missing Data, chapter 10.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([1.0], [[0.0, 1.0]], [[[1.0, 0.6], [0.6, 1.0]]])
    >>> mixture.impute([[2.0, np.nan], [np.nan, np.nan]])
    array([[2. , 2.2],
           [0. , 1. ]])
    >>> mixture.impute([[2.0, np.nan]], "sample", n_draws=1000, random_state=0).std(axis=0).round(1)
    array([[0. , 0.8]])

    The most probable value is in a cluster, and the expected value between clusters:

    >>> apart = Mixture([0.6, 0.4], [[0.0, -3.0], [0.0, 3.0]], [1.0, 1.0])
    >>> apart.impute([[0.0, np.nan]], "mode").round(1), apart.impute([[0.0, np.nan]], "mean").round(1)
    (array([[ 0., -3.]]), array([[ 0. , -0.6]]))
    """
    check_choice("method", method, get_args(Method))
    if n_draws is not None and method != "sample":
        raise ValueError(f"n_draws is for method='sample', got n_draws={n_draws!r} with method={method!r}.")
    points, _ = mixture._points(rows)  # noqa: SLF001 - this function is a method of the class
    rng = as_generator(random_state)
    if method != "sample":
        filled = (expect_missing if method == "mean" else find_most_probable)(mixture, points)
    elif n_draws is None:
        filled = draw_missing(mixture, points, rng)
    else:
        filled = np.stack([draw_missing(mixture, points, rng) for _ in range(check_count("n_draws", n_draws, 1))])
    return (filled, missing_covariances(mixture, points)) if return_covariance else filled


def missing_covariances(mixture: "Mixture", rows: Rows) -> Floats:
    """Return the covariance of the missing values of each row, given the observed values, ``(n, D, D)``.

    It is the sum of the covariances within and between the components.
    """
    covariances = np.empty((len(rows), rows.shape[1], rows.shape[1]))
    for piece in condition_pieces(mixture, rows):
        resp, values = responsibilities_of(piece.joint)[0], piece.centred + mixture.means[:, None]
        apart = values - np.einsum("kn,knd->nd", resp, values)
        between = np.einsum("kn,knd,kne->nde", resp, apart, apart, optimize=True)
        covariances[piece.members] = between + piece.covariances(resp)
    seen = ~np.isnan(rows)
    return np.where(seen[:, :, None] | seen[:, None, :], 0.0, covariances)


def expect_missing(mixture: "Mixture", rows: Rows) -> Floats:
    """Return rows ``(n, D)`` with the expected values in place of missing values (NaN)."""
    filled = np.array(rows, dtype=np.float64)
    for piece in condition_pieces(mixture, rows):
        resp = responsibilities_of(piece.joint)[0]
        expected = np.einsum("kn,knd->nd", resp, piece.centred + mixture.means[:, None])
        _fill(filled, piece.members, expected)
    return filled


def draw_missing(mixture: "Mixture", rows: Rows, rng: np.random.Generator) -> Floats:
    """Return rows ``(n, D)`` with a draw from their conditional distribution in place of missing values (NaN).

    The random numbers of a row do not depend on the missing values of other rows.
    """
    filled = np.array(rows, dtype=np.float64)
    uniform, normal = rng.random(len(rows)), rng.standard_normal(rows.shape)
    for piece in condition_pieces(mixture, rows):
        components = _choose(piece, uniform[piece.members])
        places = np.arange(len(components))
        centres = mixture.means[components] + piece.centred[components, places]
        _fill(filled, piece.members, centres + piece.draw(normal[piece.members], components))
    return filled


def _choose(piece: Conditional, uniform: Floats) -> Labels:
    """Return the components ``(m,)`` whose cumulative responsibilities contain uniform numbers ``(m,)``."""
    cumulative = np.cumsum(responsibilities_of(piece.joint)[0], axis=0)
    return np.asarray(np.minimum((cumulative <= uniform).sum(axis=0), len(cumulative) - 1))


def _fill(filled: Floats, members: Labels, values: Floats) -> None:
    """Put values in place of the missing values of some rows."""
    own = filled[members]
    filled[members] = np.where(np.isnan(own), values, own)
