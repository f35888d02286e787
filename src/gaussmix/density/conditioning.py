"""The distribution of some features, given the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from scipy.special import logsumexp

from gaussmix._types import ArrayLike, Floats, Labels, Seed
from gaussmix.arguments import (
    as_generator,
    check_count,
    check_finite,
    check_index,
    check_numbers,
    check_probabilities,
    check_type,
)
from gaussmix.covariances import Covariances
from gaussmix.density import univariate
from gaussmix.density.features import features_of, indices, rest
from gaussmix.density.regression import Regression, leave_out
from gaussmix.density.univariate_mixtures import UnivariateMixtures
from gaussmix.engines.patterns import Patterns
from gaussmix.values import real

if TYPE_CHECKING:
    from gaussmix.density.modes import Modes
    from gaussmix.mixture import Mixture

__all__ = ["ConditionalMixtures", "condition"]

# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**20
_LOWEST = np.finfo(np.float64).min


class _Block(NamedTuple):
    """The conditional distributions of some rows.

    Attributes
    ----------
    places : slice or (b,) ndarray of int
        The rows.
    weights : (b, K) ndarray
        The weights of the components.
    centres : (b, K, R) ndarray
        The means of the components.
    residual_covariances : Covariances
        The covariances of the components, which are the same for these rows.
    """

    places: slice | Labels
    weights: Floats
    centres: Floats
    residual_covariances: Covariances


@dataclass(frozen=True, eq=False)
class ConditionalMixtures:
    r"""The conditional distributions of R features, for n rows in which the other G features are known.

    .. math:: p(y \mid x_i) = \sum_k r_{ik} \, \mathcal{N}\bigl(y;\, \mu_k^y + B_k (x_i - \mu_k^x),\, S_k\bigr)

    The weights are the responsibilities of the row, :math:`B_k` are the regression coefficients of each component, and
    :math:`S_k` is the residual covariance, which is the same for all rows. A known value of a row may be missing (NaN):
    then it is integrated out, and the row has the coefficients and residual covariances of the other known features.
    :meth:`Mixture.condition` returns such a batch; ``batch[i]`` is the i-th distribution as a :class:`Mixture`. Answers
    are computed block by block, so that no array of size n × K is stored.

    Parameters
    ----------
    known : Mixture
        The distribution of the G known features.
    unknown : Mixture
        The distribution of the R other features.
    coefficients : (K, R, G) ndarray
        The regression coefficients :math:`B_k`.
    residual_covariances : Covariances
        The covariances :math:`S_k` of the R features, given the others.
    rows : (n, G) ndarray
        The known values, with NaN for missing values.

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
    residual_covariances: Covariances
    rows: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> "Mixture":
        row = self.rows[check_index("the distributions", i, len(self))]
        alone = replace(self, rows=row[None])
        ((_, weights, centres, residual),) = alone._blocks()  # noqa: SLF001 - of the same class
        return type(self.unknown)(weights[0], centres[0], residual, feature_names=self.unknown.feature_names)

    def __iter__(self) -> Iterator["Mixture"]:
        return (self[i] for i in range(len(self)))

    @property
    def n_features(self) -> int:
        """The number of unknown features, R."""
        return self.unknown.n_features

    @property
    def mean(self) -> Floats:
        """The conditional means, ``(n, R)``: the regression of the R features on the others."""
        means = np.empty((len(self), self.n_features))
        for block in self._blocks():
            means[block.places] = np.einsum("nk,nkr->nr", block.weights, block.centres)
        return means

    @property
    def covariance(self) -> Floats:
        """The conditional covariances, ``(n, R, R)``: the sum of those within and between the components."""
        covariances = np.empty((len(self), self.n_features, self.n_features))
        for places, weights, centres, residual in self._blocks():
            apart = centres - np.einsum("nk,nkr->nr", weights, centres)[:, None]
            between = np.einsum("nk,nkr,nks->nrs", weights, apart, apart, optimize=True)
            within = residual.dense(self.known.n_components, self.n_features)
            covariances[places] = np.einsum("nk,krs->nrs", weights, within) + between
        return covariances

    def logpdf(self, values: ArrayLike) -> Floats:
        """Return the logarithm of each row's conditional density at its own values, in nats.

        Parameters
        ----------
        values : (n, R) array_like
            A point for each row; ``(n,)`` is accepted if R is 1.

        Returns
        -------
        (n,) ndarray

        Raises
        ------
        ValueError
            If there is not one point for each row, or a value is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> given.logpdf([0.0, 1.0]).round(2)
        array([-0.78, -1.26])
        """
        points = self._points(check_finite("values", features_of(self.unknown, "values", values)))
        out = np.empty(len(self))
        for places, weights, centres, residual in self._blocks():
            out[places] = _log_density(residual, weights, points[places][:, None] - centres)
        return out

    def cdf(self, values: ArrayLike) -> Floats:
        """Return the conditional probability of at most each row's own value, ``(n,) -> (n,)``, for R = 1.

        Parameters
        ----------
        values : (n,) array_like
            A value for each row.

        Raises
        ------
        ValueError
            If R is not 1, there is not one value for each row, or a value is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> given.cdf([0.0, 1.0]).round(2)
        array([0.5, 0.5])
        """
        points = self._points(check_numbers("values", features_of(self.unknown, "values", values)))[:, 0]
        out = np.empty(len(self))
        for places, mixtures in self._univariate_blocks():
            out[places] = np.exp(mixtures.log_cdf(points[places]))
        return out

    def ppf(self, q: ArrayLike) -> Floats:
        """Return the conditional quantiles, for one unknown feature.

        Parameters
        ----------
        q : float or array_like
            Probabilities from 0 to 1, of any shape.

        Returns
        -------
        (n, ...) ndarray
            The quantiles of the feature for each row: ``(n,)`` for a single probability, ``(n, Q)`` for Q of them.

        Raises
        ------
        ValueError
            If R is not 1, or a probability is not from 0 to 1.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> given.ppf([0.05, 0.5, 0.95]).round(2)
        array([[-1.42,  0.01,  1.46],
               [-1.32,  1.01,  3.32]])
        """
        wanted = check_probabilities("q", q)
        out = np.empty((len(self), wanted.size))
        for places, mixtures in self._univariate_blocks():
            for column, probability in enumerate(wanted.ravel()):
                out[places, column] = mixtures.quantile(np.full(len(mixtures.weights), probability))
        return out.reshape(len(self), *wanted.shape)

    def interval(self, content: ArrayLike) -> Floats:
        """Return central conditional intervals ``(n, ..., 2)`` that hold given probabilities, for R = 1.

        Parameters
        ----------
        content : float or array_like
            Probabilities between 0 and 1.

        Raises
        ------
        ValueError
            If R is not 1, or a probability is not between 0 and 1.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> given.interval(0.9).round(2)
        array([[-1.42,  1.46],
               [-1.32,  3.32]])
        """
        return self.ppf(univariate.tail_probabilities(content))

    def modes(self, *, n_samples: int = 5000, random_state: Seed = None) -> list["Modes"]:
        """Return the modes of each row's conditional density, by n calls of :meth:`Mixture.modes`.

        Parameters
        ----------
        n_samples : int, default 5000
            Random rows from which the masses of several modes are estimated.
        random_state : int, Generator or None, default None
            A seed, or a generator that advances with each row.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> [modes.locations.round(2).tolist() for modes in given.modes(random_state=0)]
        [[[0.0]], [[1.02]]]
        """
        rng = as_generator(random_state)
        return [mixture.modes(n_samples=n_samples, random_state=rng) for mixture in self]

    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> Floats:
        """Draw values of the unknown features, given each row.

        Parameters
        ----------
        n_samples : int, default 1
            Number of draws for each row.
        random_state : int, Generator or None, default None
            A seed, or a generator that advances with each call.

        Returns
        -------
        (n, n_samples, R) ndarray

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], np.diag([1.0, 2.0])])
        >>> given = mixture.condition({0: [0.0, 3.0]})
        >>> given.sample(5, random_state=0).shape
        (2, 5, 1)
        """
        rng = as_generator(random_state)
        drawn = np.empty((len(self), check_count("n_samples", n_samples, 0), self.n_features))
        for places, weights, centres, residual in self._blocks():
            components = _choose_components(weights, rng.random((len(weights), drawn.shape[1])))
            values = np.take_along_axis(centres, components[:, :, None], axis=1)
            for k in range(self.known.n_components):
                i, j = np.nonzero(components == k)
                values[i, j] += residual.colour(k, rng.standard_normal((len(i), self.n_features)))
            drawn[places] = values
        return drawn

    def _blocks(self) -> Iterator[_Block]:
        """Yield the conditional distributions, block by block; the rows of a block have the same missing values."""
        size = max(_NUMBERS_AT_ONCE // (self.known.n_components * (self.n_features + self.known.n_features)), 1)
        whole = Regression(self.coefficients, self.residual_covariances)
        missing = np.isnan(self.rows)
        if not missing.any():
            for start in range(0, len(self), size):
                yield self._block(slice(start, min(start + size, len(self))), whole)
            return
        patterns = Patterns.of(missing)
        for p, kind in enumerate(patterns.kinds):
            regression, members = leave_out(whole, self.known, kind), patterns.members(p)
            for start in range(0, len(members), size):
                yield self._block(members[start : start + size], regression)

    def _block(self, places: slice | Labels, regression: Regression) -> _Block:
        """Return the conditional distributions of some rows."""
        rows = self.rows[places]
        apart = rows[:, None] - self.known.means
        given = np.where(np.isnan(apart), 0.0, apart)
        centres = self.unknown.means + np.einsum("krg,nkg->nkr", regression.coefficients, given)
        return _Block(places, self.known.responsibilities(rows), centres, regression.residual_covariances)

    def _univariate_blocks(self) -> Iterator[tuple[slice | Labels, UnivariateMixtures]]:
        """Yield one-dimensional mixtures, block by block."""
        if self.n_features != 1:
            msg = (
                f"quantiles and cdf need exactly one unknown feature, got {self.n_features}; give all features but "
                "one, or take the marginal of the mixture first."
            )
            raise ValueError(msg)
        for places, weights, centres, residual in self._blocks():
            deviations = residual.cholesky(self.known.n_components, 1)[:, 0, 0]
            yield places, UnivariateMixtures(weights, centres[:, :, 0], deviations)

    def _points(self, values: Floats) -> Floats:
        points = values[:, None] if self.n_features == 1 and values.ndim == 1 else values
        if points.shape != (len(self), self.n_features):
            msg = (
                f"values must have shape ({len(self)}, {self.n_features}), with a point for each row, got "
                f"{values.shape}."
            )
            raise ValueError(msg)
        return points


@overload
def condition(mixture: "Mixture", given: Mapping[Any, float]) -> "Mixture": ...


@overload
def condition(mixture: "Mixture", given: Mapping[Any, ArrayLike]) -> ConditionalMixtures: ...


def condition(mixture: "Mixture", given: Mapping[Any, ArrayLike]) -> "Mixture | ConditionalMixtures":
    r"""Return the distribution of the other features, given the values of some features.

    Parameters
    ----------
    given : dict of {int or str: float or (n,) array_like}
        Known features, by index or by name, and their values. If all values are numbers, the answer is one mixture. If
        a value is an array, the answer is a batch with a mixture for each of its n values, and numbers are repeated n
        times. A row of a pandas table, or a selection of its columns, is accepted too. A missing value (NaN) is
        integrated out: the answer is the distribution given the other values, or the marginal if there are none.

    Returns
    -------
    Mixture or ConditionalMixtures
        The distribution of the features that are not given, in their order. Their conditional means are the regression
        on the given features.

    Raises
    ------
    ValueError
        If there is no such feature, no feature or all features are given, or arrays differ in length or hold infinity.

    Notes
    -----
    The coefficients and the residual covariances are blocks of the Cholesky factor with the known features first.

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
    known = indices(mixture, _read_mapping(given).keys(), "given")
    unknown = rest(mixture, known)
    if not unknown:
        msg = f"given must leave at least one of the {mixture.n_features} features unknown, got {list(given)}."
        raise ValueError(msg)
    values = _values(given)
    coefficients, residual = mixture.covariances.conditional(known, unknown, mixture.n_components)
    batch = ConditionalMixtures(
        mixture.marginal(known), mixture.marginal(unknown), coefficients, residual, np.atleast_2d(values)
    )
    return batch[0] if values.ndim == 1 else batch


def _read_mapping(given: Mapping[Any, ArrayLike]) -> Mapping[Any, ArrayLike]:
    """Return a dict, or a table or a row of a table, which have keys too; raise ``TypeError`` for other values."""
    if not hasattr(given, "keys"):
        check_type("given", given, dict, "it names the known features and their values, such as {0: 1.5}")
    return given


def _values(given: Mapping[Any, ArrayLike]) -> Floats:
    """Return the known values: ``(G,)`` if all are numbers, ``(n, G)`` otherwise."""
    arrays = {feature: real(f"given[{feature!r}]", value).astype(np.float64) for feature, value in given.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes - {()}) > 1 or any(len(shape) > 1 for shape in shapes):
        shapes_given = ", ".join(f"{feature!r}: {array.shape}" for feature, array in arrays.items())
        msg = f"given must hold numbers, or arrays of the same shape (n,), got shapes {shapes_given}."
        raise ValueError(msg)
    values = np.stack(np.broadcast_arrays(*arrays.values()), axis=-1)
    if np.isinf(values).any():
        raise ValueError("given must hold finite values, got infinity; NaN is a value that is not known.")
    return values


def _choose_components(weights: Floats, uniform: Floats) -> Labels:
    """Return the components ``(b, m)`` whose cumulative weights ``(b, K)`` contain uniform numbers ``(b, m)``."""
    components = np.zeros(uniform.shape, dtype=np.intp)
    for border in np.cumsum(weights, axis=1)[:, :-1].T:
        components += uniform >= border[:, None]
    return components


def _log_density(covariances: Covariances, weights: Floats, centred: Floats) -> Floats:
    """Return the log-densities ``(b,)`` of mixtures with weights ``(b, K)`` at centred points ``(b, K, R)``."""
    n_components, n_features = centred.shape[1:]
    white = covariances.whiten(np.swapaxes(centred, 0, 1))
    log_norms = -0.5 * (n_features * np.log(2.0 * np.pi) + covariances.log_det(n_components, n_features))
    with np.errstate(divide="ignore", over="ignore"):
        joint = np.log(weights) + log_norms - 0.5 * np.einsum("knr,knr->nk", white, white)
    return np.maximum(logsumexp(joint, axis=1), _LOWEST)
