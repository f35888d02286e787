"""Starts of EM: first responsibilities, and the mixture that one M-step makes from them."""

from gaussmix.initialization.assignments import compute_means, responsibilities_from, start_from
from gaussmix.initialization.column_moments import column_moments, moments_of
from gaussmix.initialization.columns import RELATIVE_RIDGE, relative_ridge, rounding_of
from gaussmix.initialization.models import add_prior, make_models
from gaussmix.initialization.named import NAMED_STARTS, NamedStart
from gaussmix.initialization.user import make_user_start
from gaussmix.initialization.ward import ward_tree

__all__ = [
    "NAMED_STARTS",
    "RELATIVE_RIDGE",
    "NamedStart",
    "add_prior",
    "column_moments",
    "compute_means",
    "make_models",
    "make_user_start",
    "moments_of",
    "relative_ridge",
    "responsibilities_from",
    "rounding_of",
    "start_from",
    "ward_tree",
]
