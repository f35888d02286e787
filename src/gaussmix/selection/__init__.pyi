from .candidate import CROSS_VALIDATION, NAMES, VALIDATED, WITHIN_ONE_ERROR, Candidate, best
from .cautions import cautions_about, dependence_in
from .criteria import CRITERIA, aic, bic, icl
from .cross_validation import cross_validate, n_evaluations
from .execution import search_source
from .grid import ALL, numbers_of_components, structures_named
from .results import SearchResults
from .search import Search
from .sweeps import Watch, fit_models

__all__ = [
    "ALL",
    "CRITERIA",
    "CROSS_VALIDATION",
    "NAMES",
    "VALIDATED",
    "WITHIN_ONE_ERROR",
    "Candidate",
    "Search",
    "SearchResults",
    "Watch",
    "aic",
    "best",
    "bic",
    "cautions_about",
    "cross_validate",
    "dependence_in",
    "fit_models",
    "icl",
    "n_evaluations",
    "numbers_of_components",
    "search_source",
    "structures_named",
]
