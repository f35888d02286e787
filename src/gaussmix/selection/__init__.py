"""Choosing a model: criteria, the search over structures and numbers of components, and its table."""

from gaussmix.selection.candidate import NAMES, Candidate, best, collapsed
from gaussmix.selection.criteria import CRITERIA, aic, bic, icl
from gaussmix.selection.search import Search

__all__ = ["CRITERIA", "NAMES", "Candidate", "Search", "aic", "best", "bic", "collapsed", "icl"]
