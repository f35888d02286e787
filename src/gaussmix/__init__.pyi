from .covariances import Covariances, Diagonal, Full, Spherical, Tied
from .density.conditioning import ConditionalMixtures
from .density.estimate import Bounds, Estimate
from .density.modes import Modes
from .diagnosis import Diagnosis, diagnose
from .em import Status
from .estimators.classifier import GaussianMixtureClassifier
from .estimators.gaussian_mixture import GaussianMixture
from .estimators.imputer import GaussianMixtureImputer
from .estimators.outliers import GaussianMixtureOutlierDetector
from .estimators.regressor import GaussianMixtureRegressor
from .estimators.search import GaussianMixtureSearch
from .hierarchy import Hierarchy
from .missingness import MissingSummary, missing_summary
from .mixture import Mixture
from .persist import ModelFileError, load, save
from .priors import NormalInverseWishart
from .selection.results import SearchResults

__version__: str

__all__ = [
    "Bounds",
    "ConditionalMixtures",
    "Covariances",
    "Diagnosis",
    "Diagonal",
    "Estimate",
    "Full",
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureImputer",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Hierarchy",
    "MissingSummary",
    "Mixture",
    "ModelFileError",
    "Modes",
    "NormalInverseWishart",
    "SearchResults",
    "Spherical",
    "Status",
    "Tied",
    "diagnose",
    "load",
    "missing_summary",
    "save",
]
