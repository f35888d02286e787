"""Make the start that a user describes."""

from typing import Any

import numpy as np

from gaussmix.em.m_step import MStep
from gaussmix.initialization.assignments import responsibilities_from, start_from
from gaussmix.initialization.named import NAMED_STARTS
from gaussmix.mixture import Mixture
from gaussmix.sources import Source
from gaussmix.values import real

__all__ = ["make_user_start"]


def make_user_start(
    origin: Any,  # noqa: ANN401 - a name, an array, a Mixture or a callable, distinguished only here
    source: Source,
    n_components: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Mixture:
    """Return the start that a user describes.

    Parameters
    ----------
    origin : str, array_like, Mixture or callable
        A name from :data:`NAMED_STARTS`; labels ``(n,)``; responsibilities ``(n, K)``; a mixture, which is
        returned unchanged; or a callable ``f(source, n_components, rng)`` that returns any of these.
    source, n_components, m_step
        The fit that begins with the start.
    rng : numpy.random.Generator
        The generator of starts that are random.
    """
    if callable(origin):
        origin = origin(source, n_components, rng)
    if isinstance(origin, Mixture):
        return _check_size(origin, source, n_components)
    if isinstance(origin, str):
        if origin not in NAMED_STARTS:
            raise ValueError(f"A named start must be one of {', '.join(NAMED_STARTS)}, got {origin!r}.")
        assignment = NAMED_STARTS[origin](source, n_components, rng)
    else:
        assignment = responsibilities_from(real("init_params", origin), source.n_rows, n_components)
    return start_from(source, assignment, n_components, m_step, quickly=True)


def _check_size(mixture: Mixture, source: Source, n_components: int) -> Mixture:
    if (mixture.n_components, mixture.n_features) != (n_components, source.n_features):
        msg = (
            f"A mixture given as a start must have {n_components} components in {source.n_features} dimensions, "
            f"got {mixture.n_components} in {mixture.n_features}."
        )
        raise ValueError(msg)
    return mixture
