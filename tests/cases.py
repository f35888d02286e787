"""Random mixtures, rows and statistics for the laws; every structure and storage form once."""

import numpy as np

from gaussmix import Diagonal, Full, Mixture, Spherical, Tied
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR

FORMS = (Spherical, Diagonal, Tied, Full)
MOMENTS = (SCALAR, DIAGONAL, POOLED, FULL)


def matrices(rng, n, n_features):
    """Well-conditioned covariance matrices ``(n, D, D)``."""
    half = rng.normal(size=(n, n_features, n_features)) / np.sqrt(n_features)
    return half @ half.transpose(0, 2, 1) + 0.3 * np.eye(n_features)


def covariances(rng, form, n_components, n_features):
    dense = matrices(rng, n_components, n_features)
    arrays = {
        Spherical: dense[:, 0, 0],
        Diagonal: np.diagonal(dense, axis1=1, axis2=2),
        Tied: dense[0],
        Full: dense,
    }
    return form.from_covariances(arrays[form])


def mixture(rng, form=Full, n_components=3, n_features=2, *, spread=3.0, offset=0.0):
    return Mixture(
        rng.dirichlet(np.full(n_components, 5.0)),
        rng.normal(scale=spread, size=(n_components, n_features)) + offset,
        covariances(rng, form, n_components, n_features),
    )


def clusters(rng, n=300, n_components=3, n_features=2, spread=4.0):
    """Rows from a random mixture."""
    return mixture(rng, Full, n_components, n_features, spread=spread).sample(n, random_state=rng)


def vector(fitted):
    """All parameters of a mixture in one vector, covariances written out."""
    dense = fitted.covariances.dense(fitted.n_components, fitted.n_features)
    return np.concatenate([fitted.weights, fitted.means.ravel(), dense.ravel()])


def integral(function, low, high, n_pieces=400):
    """Integral of a smooth function of an array of places: Gauss and Legendre's rule of ten nodes on each piece."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    half = (high - low) / n_pieces / 2
    middles = low + half * (2 * np.arange(n_pieces) + 1)
    return half * float(function((middles[:, None] + half * nodes).ravel()) @ np.tile(weights, n_pieces))


def lattice(*models, step=0.1):
    """Points ``(n, D)`` on a lattice over all that mixtures weigh, and the volume of a cell: for integrals as sums."""
    edges = [edge for model in models for edge in (model.means - 9 * _widest(model), model.means + 9 * _widest(model))]
    low, high = np.concatenate(edges).min(axis=0), np.concatenate(edges).max(axis=0)
    axes = [np.arange(first, last, step) for first, last in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)), step ** len(axes)


def _widest(model):
    return np.sqrt(np.linalg.eigvalsh(model.covariances.dense(*model.means.shape)).max())
