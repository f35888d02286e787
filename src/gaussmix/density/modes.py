"""The modes of a mixture, and the probability that belongs to each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Labels, Seed
from gaussmix.density import ridgeline
from gaussmix.density.log_density_geometry import Terrain
from gaussmix.density.modal_em import Ends, climb
from gaussmix.density.univariate_mixtures import Lines, turning_points
from gaussmix.density.validation import count

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Modes", "modes"]

_SAME = 0.02  # standard deviations within which two tops are one


@dataclass(frozen=True, eq=False)
class Modes:
    """Where a density is highest among its neighbours; the highest mode first.

    Attributes
    ----------
    locations : (M, D) ndarray
        The modes, in the units of the rows.
    log_densities : (M,) ndarray
        The mixture's log-density at each.
    masses : (M,) ndarray
        Probability of the region from which steepest ascent leads to each. They sum to one.
    mass_errors : (M,) ndarray
        Their standard errors; zero where they are exact.
    """

    locations: Floats
    log_densities: Floats
    masses: Floats
    mass_errors: Floats

    def __len__(self) -> int:
        """Return the number of modes."""
        return len(self.locations)


def modes(mixture: "Mixture", *, n_samples: int = 5000, random_state: Seed = None) -> Modes:
    """All local maxima of the density, and the probability that belongs to each.

    There can be fewer modes than components, as those that overlap make one top together. In more than one dimension
    there can also be more: two long components that cross have a third mode where they do.

    In one dimension the modes are found from where the density turns, and their masses, the probabilities between the
    minima, are exact. Otherwise hills are climbed from every mean, from between components that are near to each other,
    and from `n_samples` random rows. The share of these that ends on a mode is its mass. The direction of the climb is
    that of EM's step, so that the modes and their regions do not depend on the units of the features, nor on how they
    are turned. Tops nearer to each other than 0.02 standard deviations count as one.

    Parameters
    ----------
    n_samples : int, default 5000
        How many random rows climb, where D > 1: the standard errors of the masses are 0.007 at most, and less where
        components lie apart, since each gives its share of the rows.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call. The modes depend on it only where one is so small that
        nothing but a random row finds it.

    Returns
    -------
    Modes
        Locations ``(M, D)``, log-densities, masses and their standard errors ``(M,)``, the highest mode first.

    Raises
    ------
    ValueError
        If `n_samples` is less than 1, or a covariance so near to singular that no direction of ascent has digits left.

    References
    ----------
    Carreira-Perpiñán (2000), IEEE Transactions on Pattern Analysis and Machine Intelligence 22.
    Ray & Lindsay (2005), Annals of Statistics 33.
    Chacón (2015), Statistical Science 30.

    Examples
    --------
    Two long components that cross, and the mode where they do:

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
    count("n_samples", n_samples, 1)
    if mixture.n_features == 1:
        return _on_a_line(mixture)
    terrain = Terrain.of(mixture)
    rows, components = mixture.sample(n_samples, random_state=random_state, return_components=True, stratified=True)
    starts = ridgeline.starts(terrain)
    tops, labels = _distinct(terrain, climb(terrain, np.concatenate([starts, terrain.inward(rows)])))
    masses, errors = _masses(labels[len(starts) :], components, len(tops.points))
    return Modes(terrain.outward(tops.points), tops.log_density, masses, errors)


def _on_a_line(mixture: "Mixture") -> Modes:
    lines = Lines.of(mixture)
    turns = turning_points(lines)
    tops, passes = turns[::2], turns[1::2]
    below = np.concatenate([[0.0], np.exp(lines.log_cdf(passes)), [1.0]])
    above = np.concatenate([[1.0], np.exp(lines.reflected.log_cdf(-passes)), [0.0]])
    masses = np.where(above[1:] < below[1:], above[:-1] - above[1:], below[1:] - below[:-1])
    log_densities = lines.log_pdf(tops)
    order = np.argsort(-log_densities, kind="stable")
    return Modes(tops[order, None], log_densities[order], masses[order], np.zeros(len(order)))


def _distinct(terrain: Terrain, ends: Ends) -> tuple[Ends, Labels]:
    """The different tops, the highest first, and which of them each climb has ended on, -1 for none."""
    labels = np.full(len(ends.points), -1)
    left = np.flatnonzero(ends.on_top)
    left = left[np.argsort(-ends.log_density[left], kind="stable")]
    chosen: list[np.intp] = []
    while len(left):
        top = left[0]
        apart = ends.points[left] - ends.points[top]
        (precision,) = terrain.at(ends.points[[top]]).precision
        same = np.einsum("nd,nd->n", apart @ precision, apart) < _SAME**2
        labels[left[same]] = len(chosen)
        chosen.append(top)
        left = left[~same]
    return ends.some(np.array(chosen)), labels


def _masses(labels: Labels, components: Labels, n_modes: int) -> tuple[Floats, Floats]:
    """Shares of the rows of each label, and their standard errors.

    Rows were drawn so many from each component, so that only the shares within components are random. Each is put a row
    towards equality in the errors: what no row has shown may still be.
    """
    arrived = labels >= 0
    counts = np.zeros((components.max() + 1, n_modes))
    np.add.at(counts, (components[arrived], labels[arrived]), 1.0)
    totals = counts.sum(axis=1, keepdims=True)
    shares = (counts + 1.0 / n_modes) / (totals + 1.0)
    errors = np.sqrt((totals * shares * (1.0 - shares)).sum(axis=0)) / totals.sum()
    return counts.sum(axis=0) / totals.sum(), errors
