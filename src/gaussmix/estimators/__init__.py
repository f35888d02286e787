"""The scikit-learn faces: validate, start, drive the loop, show the answer under scikit-learn's names."""

from gaussmix.estimators.classifier import GaussianMixtureClassifier
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.outliers import GaussianMixtureOutlierDetector
from gaussmix.estimators.regressor import GaussianMixtureRegressor
from gaussmix.estimators.search import GaussianMixtureSearch

__all__ = [
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
]
