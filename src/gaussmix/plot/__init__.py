"""Pictures of mixtures, drawn with matplotlib: most functions draw on the axes they are given, and return them."""

from importlib.util import find_spec

if find_spec("matplotlib") is None:
    msg = "gaussmix.plot needs matplotlib; install it with: pip install 'gaussmix[plot]'"
    raise ModuleNotFoundError(msg, name="matplotlib")

from gaussmix.plot.balls import kmeans
from gaussmix.plot.certainty import uncertainty
from gaussmix.plot.contour import contours, surface
from gaussmix.plot.convergence import history
from gaussmix.plot.criterion import criteria
from gaussmix.plot.ellipse import ellipses
from gaussmix.plot.frames import animation, steps
from gaussmix.plot.image import images
from gaussmix.plot.line import curve
from gaussmix.plot.matrix import pairs
from gaussmix.plot.points import clusters
from gaussmix.plot.tree import merge_tree

__all__ = [
    "animation",
    "clusters",
    "contours",
    "criteria",
    "curve",
    "ellipses",
    "history",
    "images",
    "kmeans",
    "merge_tree",
    "pairs",
    "steps",
    "surface",
    "uncertainty",
]
