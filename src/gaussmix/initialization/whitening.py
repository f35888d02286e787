"""Coordinates for starts: distances in them do not depend on the units of the columns."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Floats, Rows

__all__ = ["Whitening"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Whitening:
    """An affine map of rows: ``(x - centre) @ linear``, or ``(x - centre) * linear`` for scales of the columns alone.

    Attributes
    ----------
    centre : (D,) ndarray
        The mean of the rows that it was made from.
    linear : (D, R) or (D,) ndarray
        Scales and rotation; R is the rank of those rows. Or scales alone.
    """

    centre: Floats
    linear: Floats

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
        centre, centred, units = _in_units(rows, weights)
        _, lengths, axes = np.linalg.svd(centred / units, full_matrices=False)
        kept = lengths > _EPS * len(rows) * max(lengths[0], 1.0)
        return cls(centre, (axes[kept] / lengths[kept, None] ** whiteness).T / units[:, None])

    @classmethod
    def of_columns(cls, rows: Rows, weights: Floats) -> Self:
        """Return columns brought to one standard deviation, ``linear`` of shape (D,); 0 for those without spread."""
        centre, _, units = _in_units(rows, weights)
        return cls(centre, 1.0 / units)

    def transform(self, rows: Rows) -> Floats:
        """The rows in these coordinates, ``(n, R)``."""
        centred = rows - self.centre
        return np.asarray(centred * self.linear if self.linear.ndim == 1 else centred @ self.linear)


def _in_units(rows: Rows, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the mean, the rows about it times the roots of their shares, and deviations; infinite ones for none."""
    shares = weights / weights.sum()
    centre = shares @ rows.astype(np.float64)
    centre += shares @ (rows - centre)  # what rounding took
    centred = (rows - centre) * np.sqrt(shares)[:, None]
    deviations = np.sqrt((centred**2).sum(axis=0))
    return centre, centred, np.where(deviations > 64 * _EPS * np.abs(centre), deviations, np.inf)
