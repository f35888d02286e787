"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.density.conditioning import ConditionalMixtures
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.modes import Modes
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.em import Status
from gaussmix.estimators import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
)
from gaussmix.hierarchy import Hierarchy
from gaussmix.mixture import Mixture
from gaussmix.persist import ModelFileError, load, save
from gaussmix.priors import NormalInverseWishart
from gaussmix.selection import SearchResults

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
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Hierarchy",
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
    "save",
]
