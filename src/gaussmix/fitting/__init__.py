"""The fitting procedure: starts, a race, split and merge, recovery from degenerate components, and a report."""

from gaussmix.fitting.exploration import Exploration, ExplorationResult
from gaussmix.fitting.penalty import loss_if_regularized
from gaussmix.fitting.problem import Problem, Stopping
from gaussmix.fitting.recovery import find_degenerate, recover, regularize
from gaussmix.fitting.shrinkage import Shrinkage, fit_shrinkage

__all__ = [
    "Exploration",
    "ExplorationResult",
    "Problem",
    "Shrinkage",
    "Stopping",
    "find_degenerate",
    "fit_shrinkage",
    "loss_if_regularized",
    "recover",
    "regularize",
]
