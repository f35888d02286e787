"""Fill in missing values, given the observed values of the same row."""

from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.engines.incomplete import Conditional, condition_pieces, responsibilities_of

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["draw_missing", "expect_missing"]


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
