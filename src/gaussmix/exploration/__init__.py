"""The search for a good optimum: many starts, short runs that race, moves from the best, one long run."""

from gaussmix.exploration.explore import Exploration, Found
from gaussmix.exploration.mending import flat, held, mended

__all__ = ["Exploration", "Found", "flat", "held", "mended"]
