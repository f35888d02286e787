"""Scale and whiten rows, so that distances do not depend on the units of the columns."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Floats, Rows

__all__ = ["Whitening"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Whitening:
    """An affine map of rows: ``(x - centre) @ linear``, or ``(x - centre) * linear`` if it only scales the columns.

    Attributes
    ----------
    centre : (D,) ndarray
        The mean of the rows from which the map was computed.
    linear : (D, R) or (D,) ndarray
        The matrix of scales and rotation, where R is the rank of these rows; or the scales of the columns.
    """

    centre: Floats
    linear: Floats

    @classmethod
    def along_principal_axes(cls, rows: Rows, weights: Floats, whiteness: float) -> Self:
        """Return the map that scales columns to unit standard deviation and principal axes to a power of theirs.

        Parameters
        ----------
        rows : (n, D) ndarray
        weights : (n,) ndarray
        whiteness : float
            With 1, all principal axes get the same standard deviation, and distances depend neither on units nor on
            rotations. With 0, principal axes keep their standard deviations. With 0.5, they get the square root, so
            that neither one long axis nor noise in short axes dominates (Scrucca & Raftery 2015, Advances in Data
            Analysis and Classification 9).
        """
        centre, centred, units = _in_units(rows, weights)
        _, lengths, axes = np.linalg.svd(centred / units, full_matrices=False)
        kept = lengths > _EPS * len(rows) * max(lengths[0], 1.0)
        return cls(centre, (axes[kept] / lengths[kept, None] ** whiteness).T / units[:, None])

    @classmethod
    def of_columns(cls, rows: Rows, weights: Floats) -> Self:
        """Return the map that scales columns to unit standard deviation; the scale is 0 for columns without spread."""
        centre, _, units = _in_units(rows, weights)
        return cls(centre, 1.0 / units)

    def transform(self, rows: Rows) -> Floats:
        """Return the transformed rows, ``(n, R)``."""
        centred = rows - self.centre
        return np.asarray(centred * self.linear if self.linear.ndim == 1 else centred @ self.linear)


def _in_units(rows: Rows, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the mean, the centred rows times the roots of their shares, and the standard deviations.

    The standard deviation of a column without spread is returned as infinite.
    """
    shares = weights / weights.sum()
    centre = shares @ rows.astype(np.float64)
    centre += shares @ (rows - centre)  # corrects the rounding error of the first sum
    centred = (rows - centre) * np.sqrt(shares)[:, None]
    deviations = np.sqrt((centred**2).sum(axis=0))
    return centre, centred, np.where(deviations > 64 * _EPS * np.abs(centre), deviations, np.inf)
