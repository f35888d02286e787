from .classifier import GaussianMixtureClassifier
from .gaussian_mixture import GaussianMixture
from .outliers import GaussianMixtureOutlierDetector
from .regressor import GaussianMixtureRegressor
from .search import GaussianMixtureSearch

__all__ = [
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
]
