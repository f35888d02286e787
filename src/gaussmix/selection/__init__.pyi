from .candidate import CROSS_VALIDATION, NAMES, Candidate, best
from .criteria import CRITERIA, aic, bic, icl
from .crossval import cross_validated
from .effort import search_source
from .results import SearchResults
from .search import Search

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
