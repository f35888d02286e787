"""The ways to fit a mixture, by name."""

from gaussmix.estimators.fitting import Fitting
from gaussmix.estimators.truncated import TruncatedFitting

__all__ = ["ALGORITHMS"]

ALGORITHMS: dict[str, type[Fitting]] = {"em": Fitting, "truncated": TruncatedFitting}
