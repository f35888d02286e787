"""Choosing a model: criteria, the search over structures and numbers of components, and its table."""

from gaussmix.selection.candidate import CROSS_VALIDATION, NAMES, Candidate, best
from gaussmix.selection.criteria import CRITERIA, aic, bic, icl
from gaussmix.selection.crossval import cross_validated
from gaussmix.selection.effort import search_source
from gaussmix.selection.results import SearchResults
from gaussmix.selection.search import Search

__all__ = [
    "CRITERIA",
    "CROSS_VALIDATION",
    "NAMES",
    "Candidate",
    "Search",
    "SearchResults",
    "aic",
    "best",
    "bic",
    "cross_validated",
    "icl",
    "search_source",
]
