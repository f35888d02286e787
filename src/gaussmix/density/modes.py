"""The modes of a mixture, and the probability that belongs to each mode."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Labels, Seed
from gaussmix.arguments import check_count
from gaussmix.density import ridgeline
from gaussmix.density.log_density_geometry import LogDensityGeometry
from gaussmix.density.modal_em import StationaryPoints, run_modal_em
from gaussmix.density.univariate_mixtures import UnivariateMixtures, turning_points

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Modes", "modes"]

# Two maxima nearer to each other than so many standard deviations count as one mode.
_SAME = 0.02


@dataclass(frozen=True, eq=False)
class Modes:
    """The local maxima of a density, in decreasing order of their density.

    Attributes
    ----------
    locations : (M, D) ndarray
        The modes, in the units of the rows.
    log_densities : (M,) ndarray
        The mixture's log-density at each mode.
    masses : (M,) ndarray
        For each mode, the probability of the region from which steepest ascent leads to it. Masses sum to one.
    mass_errors : (M,) ndarray
        Standard errors of the masses; zero if the masses are exact.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> modes = Mixture([0.7, 0.3], [[0.0], [4.0]], [1.0, 1.0]).modes()
    >>> modes.locations.round(2)
    array([[0.],
           [4.]])
    >>> modes.masses.round(2)
    array([0.71, 0.29])
    """

    locations: Floats
    log_densities: Floats
    masses: Floats
    mass_errors: Floats

    def __len__(self) -> int:
        """Return the number of modes."""
        return len(self.locations)


def modes(mixture: "Mixture", *, n_samples: int = 5000, random_state: Seed = None) -> Modes:
    """Return all local maxima of the density, and the probability that belongs to each.

    There can be fewer modes than components, because components that overlap can share one mode. In more than one
    dimension there can also be more modes: two long components that cross have a third mode at the crossing.

    In one dimension the modes are the turning points of the density, and their masses, the probabilities between the
    minima, are exact. In more dimensions, modal EM ascends the density from every mean, from points between components
    that are near to each other, and from `n_samples` random rows. The mass of a mode is the share of the random rows
    that end there. The direction of the ascent is that of an EM step, so that the modes and their regions do not depend
    on the units of the features or on a rotation. Maxima within 0.02 standard deviations of each other count as one.

    Parameters
    ----------
    n_samples : int, default 5000
        Number of random rows that ascend, if D > 1. With the default, the standard errors of the masses are 0.007 at
        most. They are smaller if the components are separated, because each component gives its share of the rows.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call. The modes depend on it only if a mode is so small that only
        a random row finds it.

    Returns
    -------
    Modes
        Locations ``(M, D)``, log-densities, masses and their standard errors ``(M,)``, the highest mode first.

    Raises
    ------
    ValueError
        If `n_samples` is less than 1, or a covariance is so close to singular that the direction of ascent is lost to
        rounding.

    References
    ----------
    Carreira-Perpiñán (2000), IEEE Transactions on Pattern Analysis and Machine Intelligence 22.
    Ray & Lindsay (2005), Annals of Statistics 33.
    Chacón (2015), Statistical Science 30.

    Examples
    --------
    Two long components that cross have a third mode at the crossing:

    >>> from gaussmix import Diagonal, Mixture
    >>> long = Diagonal.from_covariances([[1.0, 0.02], [0.02, 1.0]])
    >>> mixture = Mixture([0.6, 0.4], [[0.0, 0.0], [1.5, 1.5]], long)
    >>> modes = mixture.modes(random_state=0)
    >>> modes.locations.round(2)
    array([[0.  , 0.  ],
           [1.5 , 1.5 ],
           [1.45, 0.02]])
    >>> modes.log_densities.round(2)
    array([-0.39, -0.8 , -0.98])
    """
    check_count("n_samples", n_samples, 1)
    if mixture.n_features == 1:
        return _univariate_modes(mixture)
    geometry = LogDensityGeometry.from_mixture(mixture)
    rows, components = mixture.sample(n_samples, random_state=random_state, return_components=True, stratified=True)
    starts = ridgeline.starting_points(geometry)
    maxima, labels = _merge_duplicates(
        geometry, run_modal_em(geometry, np.concatenate([starts, geometry.standardize(rows)]))
    )
    masses, errors = _masses(labels[len(starts) :], components, len(maxima.points))
    return Modes(geometry.restore(maxima.points), maxima.log_density, masses, errors)


def _univariate_modes(mixture: "Mixture") -> Modes:
    density = UnivariateMixtures.from_mixture(mixture)
    turns = turning_points(density)
    maxima, minima = turns[::2], turns[1::2]
    below = np.concatenate([[0.0], np.exp(density.log_cdf(minima)), [1.0]])
    above = np.concatenate([[1.0], np.exp(density.reflection.log_cdf(-minima)), [0.0]])
    masses = np.where(above[1:] < below[1:], above[:-1] - above[1:], below[1:] - below[:-1])
    log_densities = density.log_pdf(maxima)
    order = np.argsort(-log_densities, kind="stable")
    return Modes(maxima[order, None], log_densities[order], masses[order], np.zeros(len(order)))


def _merge_duplicates(geometry: LogDensityGeometry, ends: StationaryPoints) -> tuple[StationaryPoints, Labels]:
    """Return the distinct maxima, the highest first, and the index of the maximum of each ascent, -1 for none."""
    labels = np.full(len(ends.points), -1)
    remaining = np.flatnonzero(ends.is_maximum)
    remaining = remaining[np.argsort(-ends.log_density[remaining], kind="stable")]
    distinct: list[np.intp] = []
    while len(remaining):
        highest = remaining[0]
        differences = ends.points[remaining] - ends.points[highest]
        (precision,) = geometry.expand(ends.points[[highest]]).precision
        same = np.einsum("nd,nd->n", differences @ precision, differences) < _SAME**2
        labels[remaining[same]] = len(distinct)
        distinct.append(highest)
        remaining = remaining[~same]
    return ends.subset(np.array(distinct)), labels


def _masses(labels: Labels, components: Labels, n_modes: int) -> tuple[Floats, Floats]:
    """Return the share of the rows of each label, and its standard error.

    The number of rows of each component is fixed, so that only the shares within components are random. For the errors,
    the counts of each component are smoothed by one additional row that is spread equally over the modes: a count of
    zero does not prove a probability of zero.
    """
    labelled = labels >= 0
    counts = np.zeros((components.max() + 1, n_modes))
    np.add.at(counts, (components[labelled], labels[labelled]), 1.0)
    totals = counts.sum(axis=1, keepdims=True)
    shares = (counts + 1.0 / n_modes) / (totals + 1.0)
    errors = np.sqrt((totals * shares * (1.0 - shares)).sum(axis=0)) / totals.sum()
    return counts.sum(axis=0) / totals.sum(), errors
