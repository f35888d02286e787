"""Estimators in the style of scikit-learn: they validate the input, fit, and store the fit under its names."""

import lazy_loader

# Modules are imported when they are first used, so that a fit does not wait for the imports of other estimators.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
