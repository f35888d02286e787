from .candidate import CROSS_VALIDATION, NAMES, Candidate, best
from .cautions import cautions_about
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
    "cautions_about",
    "cross_validated",
    "icl",
    "search_source",
]
