"""Draw mixtures with matplotlib. Most functions draw on given axes, and return these axes."""

from importlib.util import find_spec

if find_spec("matplotlib") is None:
    msg = "gaussmix.plot needs matplotlib; install it with: pip install 'gaussmix[plot]'"
    raise ModuleNotFoundError(msg, name="matplotlib")

from gaussmix.plot.clusters import clusters
from gaussmix.plot.contours import contours, surface
from gaussmix.plot.criteria import criteria
from gaussmix.plot.curve import curve
from gaussmix.plot.ellipses import ellipses
from gaussmix.plot.history import history
from gaussmix.plot.images import images
from gaussmix.plot.kmeans import kmeans
from gaussmix.plot.merge_tree import merge_tree
from gaussmix.plot.missing import missing
from gaussmix.plot.pairs import pairs
from gaussmix.plot.steps import animation, steps
from gaussmix.plot.uncertainty import uncertainty

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
    "missing",
    "pairs",
    "steps",
    "surface",
    "uncertainty",
]
