"""The scikit-learn faces: validate, start, drive the loop, show the answer under scikit-learn's names."""

import lazy_loader

# As in the package above: a first fit waits for no estimator but its own.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
