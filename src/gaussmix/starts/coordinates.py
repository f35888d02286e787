"""Coordinates for starts: distances in them do not depend on the units of the columns."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Floats, Rows

__all__ = ["Coordinates"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """An affine map of rows: ``(x - centre) @ turn``.

    Attributes
    ----------
    centre : (D,) ndarray
        The mean of the rows that it was made from.
    turn : (D, R) ndarray
        Scales and rotation; R is the rank of those rows.
    """

    centre: Floats
    turn: Floats

    @classmethod
    def along_principal_axes(cls, rows: Rows, weights: Floats, whiteness: float) -> Self:
        """Columns brought to one standard deviation, principal axes to a power of theirs.

        Parameters
        ----------
        rows : (n, D) ndarray
        weights : (n,) ndarray
        whiteness : float
            With 1, all principal axes get the same standard deviation, and distances depend neither on units nor on
            rotations. With 0, they keep theirs. With 0.5, which neither lets one long axis rule nor blows up noise,
            they are halfway (Scrucca & Raftery 2015, Advances in Data Analysis and Classification 9).
        """
        shares = weights / weights.sum()
        centre = shares @ rows.astype(np.float64)
        centre += shares @ (rows - centre)  # what rounding took
        centred = (rows - centre) * np.sqrt(shares)[:, None]
        deviations = np.sqrt((centred**2).sum(axis=0))
        units = np.where(deviations > 64 * _EPS * np.abs(centre), deviations, np.inf)
        _, lengths, axes = np.linalg.svd(centred / units, full_matrices=False)
        kept = lengths > _EPS * len(rows) * max(lengths[0], 1.0)
        return cls(centre, (axes[kept] / lengths[kept, None] ** whiteness).T / units[:, None])

    def of(self, rows: Rows) -> Floats:
        """The rows in these coordinates, ``(n, R)``."""
        return np.asarray((rows - self.centre) @ self.turn)
