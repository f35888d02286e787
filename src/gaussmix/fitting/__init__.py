"""The search for a good optimum: many starts, short runs that race, moves from the best, one long run."""

from gaussmix.fitting.exploration import Exploration, Found
from gaussmix.fitting.recovery import flat, held, loss_if_held, mended
from gaussmix.fitting.shrinkage import Shrinkage, shrinkage_of

__all__ = ["Exploration", "Found", "Shrinkage", "flat", "held", "loss_if_held", "mended", "shrinkage_of"]
