"""The E-step: two twins with one signature, and the choice between them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gaussmix._types import Engine, Floats, Rows
from gaussmix.expectation import reference
from gaussmix.statistics import Moments, Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["ENGINES", "Expect", "choose", "compiled"]

Expect = Callable[["Mixture", Rows, Floats, Moments], Statistics]
ENGINES: tuple[Engine, ...] = ("auto", "reference", "fused")

# Work of one pass, in row-component-features, below which NumPy is done before a compiled kernel would be loaded.
_SMALL = 200_000


def choose(engine: Engine, *, n_rows: int, n_components: int, n_features: int) -> Expect:
    """The twin that runs the E-step: `engine` forces one, ``"auto"`` takes the fused one where it pays.

    Numba is imported here, and only when the fused twin is chosen.
    """
    if not compiled(engine, n_rows=n_rows, n_components=n_components, n_features=n_features):
        return reference.expect
    from gaussmix.expectation import fused  # noqa: PLC0415 - numba takes longer to import than a small fit to run

    return fused.expect


def compiled(engine: Engine, *, n_rows: int, n_components: int, n_features: int) -> bool:
    """Whether a pass of that size is to be done by compiled code."""
    if engine not in ENGINES:
        msg = f"engine must be one of {', '.join(ENGINES)}, got {engine!r}."
        raise ValueError(msg)
    small = n_rows * n_components * n_features < _SMALL
    return engine == "fused" or (engine == "auto" and not small)
