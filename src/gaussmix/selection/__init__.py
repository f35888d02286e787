"""Choosing a model: criteria, the search over structures and numbers of components, and its table."""

import lazy_loader

# As of the estimators: who asks for a criterion waits for no search.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
