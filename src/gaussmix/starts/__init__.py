"""Where EM starts: labels or responsibilities from somewhere, and the mixture that an M-step makes of them."""

from gaussmix.starts.assignments import assigned, means, start
from gaussmix.starts.columns import RELATIVE_RIDGE, relative_ridge, rounding_of
from gaussmix.starts.given import given
from gaussmix.starts.kinds import KINDS, Kind
from gaussmix.starts.models import models
from gaussmix.starts.scales import column_moments, moments_of
from gaussmix.starts.tree import tree

__all__ = [
    "KINDS",
    "RELATIVE_RIDGE",
    "Kind",
    "assigned",
    "column_moments",
    "given",
    "means",
    "models",
    "moments_of",
    "relative_ridge",
    "rounding_of",
    "start",
    "tree",
]
