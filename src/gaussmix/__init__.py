"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
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
    "Covariances",
    "Diagnosis",
    "Diagonal",
    "Full",
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Hierarchy",
    "Mixture",
    "ModelFileError",
    "NormalInverseWishart",
    "SearchResults",
    "Spherical",
    "Status",
    "Tied",
    "diagnose",
    "load",
    "save",
]
