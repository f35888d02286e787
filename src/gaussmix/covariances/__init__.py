"""The forms in which K covariance matrices are stored: a number, a diagonal or a matrix each, or one matrix for all."""

from gaussmix.covariances.base import Covariances, NotPositiveDefiniteError
from gaussmix.covariances.cholesky import Full, Tied
from gaussmix.covariances.deviations import Diagonal, Spherical

__all__ = [
    "FORMS",
    "Covariances",
    "Diagonal",
    "Full",
    "NotPositiveDefiniteError",
    "Spherical",
    "Tied",
    "stays_diagonal",
]

_NARROW = 64
"""The number of features up to which a dense matrix costs nothing that matters: 32 kB for 64 features."""

FORMS: dict[str, type[Covariances]] = {form.form: form for form in (Spherical, Diagonal, Tied, Full)}
"""The storage forms by their names, the smallest first."""


def stays_diagonal(covariances: Covariances | type[Covariances], n_features: int) -> bool:
    """Return whether results made from these covariances should be diagonal too, as dense matrices would be large."""
    return not covariances.correlated and n_features > _NARROW
