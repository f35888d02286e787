"""What some features say of the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from scipy.special import logsumexp

from gaussmix._types import ArrayLike, Floats, Labels, Seed
from gaussmix.covariances import Covariances
from gaussmix.density import univariate
from gaussmix.density.features import indices, rest
from gaussmix.density.univariate_mixtures import Lines
from gaussmix.density.validation import count, finite, numbers, probabilities
from gaussmix.values import real

if TYPE_CHECKING:
    from gaussmix.density.modes import Modes
    from gaussmix.mixture import Mixture

__all__ = ["ConditionalMixtures", "condition"]

_NUMBERS_AT_ONCE = 2**20
_LOWEST = np.finfo(np.float64).min


@dataclass(frozen=True, eq=False)
class ConditionalMixtures:
    r"""The distributions of R features, one for each of n rows in which the other G are known.

    .. math:: p(y \mid x_i) = \sum_k r_{ik} \, \mathcal{N}\bigl(y;\, \mu_k^y + B_k (x_i - \mu_k^x),\, S_k\bigr)

    The weights are the responsibilities of the row, :math:`B_k` are the regression coefficients of each component, and
    :math:`S_k`, what they leave over, is the same for all rows. :meth:`Mixture.condition` makes it; ``batch[i]`` is the
    i-th distribution as a :class:`Mixture`. Nothing of size n × K is held: answers are worked out block by block.

    Parameters
    ----------
    known : Mixture
        The distribution of the G known features.
    unknown : Mixture
        The distribution of the R others.
    coefficients : (K, R, G) ndarray
        :math:`B_k`.
    left : Covariances
        :math:`S_k`.
    rows : (n, G) ndarray
        The known values.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> sloping = 2 * [[[1.0, 0.6], [0.6, 1.0]]]
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 8.0]], sloping, feature_names=["x", "y"])
    >>> batch = mixture.condition({"x": [0.0, 1.0, 4.0]})
    >>> batch.mean.ravel().round(2)
    array([0. , 0.7, 8. ])
    >>> batch.ppf([0.05, 0.95]).round(1)
    array([[-1.3,  1.3],
           [-0.7,  2.1],
           [ 6.7,  9.3]])
    """

    known: "Mixture"
    unknown: "Mixture"
    coefficients: Floats
    left: Covariances
    rows: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> "Mixture":
        weights, means = self._parts(self.rows[index(i)][None])
        return type(self.unknown)(weights[0], means[0], self.left, feature_names=self.unknown.feature_names)

    def __iter__(self) -> Iterator["Mixture"]:
        return (self[i] for i in range(len(self)))

    @property
    def n_features(self) -> int:
        """Number of features that are not known, R."""
        return self.unknown.n_features

    @property
    def mean(self) -> Floats:
        """Conditional means, ``(n, R)``: the regression of the R features on the others."""
        means = np.empty((len(self), self.n_features))
        for span, weights, centres in self._blocks():
            means[span] = np.einsum("nk,nkr->nr", weights, centres)
        return means

    @property
    def covariance(self) -> Floats:
        """Conditional covariances, ``(n, R, R)``: within the components and between them."""
        dense = self.left.dense(self.known.n_components, self.n_features)
        covariances = np.empty((len(self), self.n_features, self.n_features))
        for span, weights, centres in self._blocks():
            apart = centres - np.einsum("nk,nkr->nr", weights, centres)[:, None]
            between = np.einsum("nk,nkr,nks->nrs", weights, apart, apart, optimize=True)
            covariances[span] = np.einsum("nk,krs->nrs", weights, dense) + between
        return covariances

    def logpdf(self, values: ArrayLike) -> Floats:
        """Logarithm of each row's conditional density at its own values, in nats.

        Parameters
        ----------
        values : (n, R) array_like
            A point for each row; ``(n,)`` will do where R is 1.

        Returns
        -------
        (n,) ndarray

        Raises
        ------
        ValueError
            If there is not one point for each row, or one is not finite.
        """
        points = self._points(finite("values", values))
        out = np.empty(len(self))
        for span, weights, centres in self._blocks():
            out[span] = _log_density(self.left, weights, points[span, None] - centres)
        return out

    def cdf(self, values: ArrayLike) -> Floats:
        """Probability, given each row, of at most its own value; for one unknown feature, ``(n,) -> (n,)``."""
        points = self._points(numbers("values", values))[:, 0]
        out = np.empty(len(self))
        for span, lines in self._lines():
            out[span] = np.exp(lines.log_cdf(points[span]))
        return out

    def ppf(self, q: ArrayLike) -> Floats:
        """Conditional quantiles, for one unknown feature.

        Parameters
        ----------
        q : float or array_like
            Probabilities from 0 to 1, of any shape.

        Returns
        -------
        (n, ...) ndarray
            What the feature is below with these probabilities, given each row: ``(n,)`` for one, ``(n, Q)`` for Q.

        Raises
        ------
        ValueError
            If R is not 1, or a probability is not from 0 to 1.
        """
        wanted = probabilities("q", q)
        out = np.empty((len(self), wanted.size))
        for span, lines in self._lines():
            for column, probability in enumerate(wanted.ravel()):
                out[span, column] = lines.quantile(np.full(span.stop - span.start, probability))
        return out.reshape(len(self), *wanted.shape)

    def interval(self, content: ArrayLike) -> Floats:
        """Central intervals that hold given probabilities, given each row: ``(n, ..., 2)``, for one unknown feature."""
        return self.ppf(univariate.tails(content))

    def modes(self, *, n_samples: int = 5000, random_state: Seed = None) -> list["Modes"]:
        """The modes of each row's conditional density: see :meth:`Mixture.modes`, which is asked n times."""
        rng = np.random.default_rng(random_state)
        return [one.modes(n_samples=n_samples, random_state=rng) for one in self]

    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> Floats:
        """Draw what the unknown features may be.

        Parameters
        ----------
        n_samples : int, default 1
            Draws for each row.
        random_state : int, Generator or None, default None
            A seed, or a generator that advances with each call.

        Returns
        -------
        (n, n_samples, R) ndarray
        """
        rng = np.random.default_rng(random_state)
        drawn = np.empty((len(self), count("n_samples", n_samples, 0), self.n_features))
        for span, weights, centres in self._blocks():
            components = _chosen(weights, rng.random(drawn[span].shape[:2]))
            drawn[span] = np.take_along_axis(centres, components[:, :, None], axis=1)
            for k in range(self.known.n_components):
                i, j = np.nonzero(components == k)
                drawn[span][i, j] += self.left.colour(k, rng.standard_normal((len(i), self.n_features)))
        return drawn

    def _parts(self, rows: Floats) -> tuple[Floats, Floats]:
        """Weights ``(b, K)`` and means ``(b, K, R)`` for some rows."""
        apart = rows[:, None] - self.known.means
        means = self.unknown.means + np.einsum("krg,nkg->nkr", self.coefficients, apart)
        return self.known.responsibilities(rows), means

    def _blocks(self) -> Iterator[tuple[slice, Floats, Floats]]:
        """Weights and means, block by block."""
        size = max(_NUMBERS_AT_ONCE // (self.known.n_components * (self.n_features + self.known.n_features)), 1)
        for start in range(0, len(self), size):
            span = slice(start, min(start + size, len(self)))
            yield span, *self._parts(self.rows[span])

    def _lines(self) -> Iterator[tuple[slice, Lines]]:
        """One-dimensional mixtures, block by block."""
        if self.n_features != 1:
            msg = (
                f"quantiles and cdf are for one unknown feature, got {self.n_features}; give all features but one, or "
                "take the marginal of the mixture first."
            )
            raise ValueError(msg)
        deviations = self.left.cholesky(self.known.n_components, 1)[:, 0, 0]
        for span, weights, centres in self._blocks():
            yield span, Lines(weights, centres[:, :, 0], deviations)

    def _points(self, values: Floats) -> Floats:
        points = values[:, None] if self.n_features == 1 and values.ndim == 1 else values
        if points.shape != (len(self), self.n_features):
            msg = f"values must have shape ({len(self)}, {self.n_features}), a point for each row, got {values.shape}."
            raise ValueError(msg)
        return points


@overload
def condition(mixture: "Mixture", given: Mapping[Any, float]) -> "Mixture": ...


@overload
def condition(mixture: "Mixture", given: Mapping[Any, ArrayLike]) -> ConditionalMixtures: ...


def condition(mixture: "Mixture", given: Mapping[Any, ArrayLike]) -> "Mixture | ConditionalMixtures":
    r"""The distribution of the other features, where some are known.

    Parameters
    ----------
    given : dict of {int or str: float or (n,) array_like}
        Known features, by index or by name, and their values. Where all are numbers, there is one answer; where any is
        an array, one for each of its n values, and numbers stand for n times the same. A row of a pandas table, or some
        of its columns, will do.

    Returns
    -------
    Mixture or ConditionalMixtures
        Of the features that are not given, in their order. Their conditional means are the regression on the others.

    Raises
    ------
    ValueError
        If a feature is unknown, none or all are given, or arrays differ in length or hold NaN.

    Notes
    -----
    The coefficients and what is left over are blocks of the Cholesky factor with the known features first.

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, section 2.3.1; Sung (2004), Gaussian Mixture Regression and
    Classification.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> sloping = 2 * [[[1.0, 0.6], [0.6, 1.0]]]
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 8.0]], sloping, feature_names=["x", "y"])
    >>> mixture.condition({"x": 2.0}).means
    array([[1.2],
           [6.8]])
    >>> mixture.condition({"x": [0.0, 4.0]}).mean.round(2)
    array([[0.],
           [8.]])
    """
    known = indices(mixture, given.keys(), "given")
    unknown = rest(mixture, known)
    if not unknown:
        msg = f"given must leave at least one of the {mixture.n_features} features unknown, got {list(given)}."
        raise ValueError(msg)
    values = _values(given)
    coefficients, left = mixture.covariances.conditional(known, unknown, mixture.n_components)
    batch = ConditionalMixtures(
        mixture.marginal(known), mixture.marginal(unknown), coefficients, left, np.atleast_2d(values)
    )
    return batch[0] if values.ndim == 1 else batch


def _values(given: Mapping[Any, ArrayLike]) -> Floats:
    """Known values, ``(G,)`` where all are numbers and ``(n, G)`` otherwise."""
    arrays = {feature: real(f"given[{feature!r}]", value).astype(np.float64) for feature, value in given.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes - {()}) > 1 or any(len(shape) > 1 for shape in shapes):
        found = ", ".join(f"{feature!r}: {array.shape}" for feature, array in arrays.items())
        msg = f"given must hold numbers, or arrays of one and the same shape (n,), got shapes {found}."
        raise ValueError(msg)
    values = np.stack(np.broadcast_arrays(*arrays.values()), axis=-1)
    if not np.isfinite(values).all():
        msg = "given must be finite, got NaN or infinity; leave out a feature that is not known."
        raise ValueError(msg)
    return values


def _chosen(weights: Floats, heights: Floats) -> Labels:
    """Which component's share of the way from 0 to 1 each height is in: weights ``(b, K)``, heights ``(b, m)``."""
    components = np.zeros(heights.shape, dtype=np.intp)
    for border in np.cumsum(weights, axis=1)[:, :-1].T:
        components += heights >= border[:, None]
    return components


def _log_density(left: Covariances, weights: Floats, centred: Floats) -> Floats:
    """Log-densities ``(b,)`` of mixtures with weights ``(b, K)`` at points about each mean ``(b, K, R)``."""
    n_components, n_features = centred.shape[1:]
    white = left.whiten(np.swapaxes(centred, 0, 1))
    log_norms = -0.5 * (n_features * np.log(2.0 * np.pi) + left.log_det(n_components, n_features))
    with np.errstate(divide="ignore", over="ignore"):
        joint = np.log(weights) + log_norms - 0.5 * np.einsum("knr,knr->nk", white, white)
    return np.maximum(logsumexp(joint, axis=1), _LOWEST)
