"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.estimators import GaussianMixture, GaussianMixtureSearch
from gaussmix.hierarchy import Hierarchy
from gaussmix.mixture import Mixture
from gaussmix.persist import ModelFileError, load, save
from gaussmix.selection import SearchResults

__all__ = [
    "Covariances",
    "Diagonal",
    "Full",
    "GaussianMixture",
    "GaussianMixtureSearch",
    "Hierarchy",
    "Mixture",
    "ModelFileError",
    "SearchResults",
    "Spherical",
    "Tied",
    "load",
    "save",
]
