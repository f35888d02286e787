"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.estimators import GaussianMixture
from gaussmix.mixture import Mixture
from gaussmix.persist import ModelFileError, load, save

__all__ = [
    "Covariances",
    "Diagonal",
    "Full",
    "GaussianMixture",
    "Mixture",
    "ModelFileError",
    "Spherical",
    "Tied",
    "load",
    "save",
]
