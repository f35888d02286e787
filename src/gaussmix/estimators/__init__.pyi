from .classifier import GaussianMixtureClassifier
from .gaussian_mixture import GaussianMixture
from .imputer import GaussianMixtureImputer
from .outliers import GaussianMixtureOutlierDetector
from .regressor import GaussianMixtureRegressor
from .search import GaussianMixtureSearch

__all__ = [
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureImputer",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
]
