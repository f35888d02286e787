"""The search for a good optimum: many starts, short runs that race, moves from the best, one long run."""

from gaussmix.exploration.explore import Exploration, Found
from gaussmix.exploration.mending import flat, held, loss_if_held, mended
from gaussmix.exploration.shrinkage import Shrinkage, shrinkage_of

__all__ = ["Exploration", "Found", "Shrinkage", "flat", "held", "loss_if_held", "mended", "shrinkage_of"]
