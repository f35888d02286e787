"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

import lazy_loader

# The names and where they are stand in __init__.pyi; each module is loaded when one of its names is first asked for.
# They point at modules: by way of another lazy package, imports are nested deeper, and take some 30 ms longer.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
