"""The protocol of an engine, the registry of engines, and the choice of an engine for a problem.

An engine does the arithmetic of a pass over the rows.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["AUTO", "ENGINES", "Arithmetic", "Engine", "engine_for"]

AUTO = "auto"

# Rows times components times features: below this, a pass in NumPy ends before a compiled kernel is loaded from disk.
_SMALL = 200_000


class Arithmetic(Protocol):
    """The arithmetic of a pass over one block of rows. A module with these functions satisfies the protocol."""

    def expect(self, mixture: Components, rows: Rows, weights: Floats, moments: Moments) -> Statistics:
        """Return the statistics of the rows under a mixture, about its means."""

    def assess(
        self, mixture: Components, rows: Rows, *, responsibilities: bool = False
    ) -> tuple[Floats, Labels, Floats]:
        """Return log-densities, most probable components and, if requested, responsibilities."""


@dataclass(frozen=True)
class Engine:
    """An implementation of the arithmetic, imported when the implementation is first used.

    Attributes
    ----------
    module : str
        Name of the module that holds the arithmetic.
    truncated : str
        Name of the module that holds the arithmetic of rows with candidate components.
    side_by_side : bool
        True if the arithmetic releases the interpreter's lock, so that several threads are faster than a single thread.
    """

    module: str
    truncated: str
    side_by_side: bool = False

    @property
    def obstacle(self) -> str:
        """The reason why the engine cannot be used here, or an empty string."""
        return _find_obstacle(self.module)

    @property
    def arithmetic(self) -> Arithmetic:
        """The functions that work on a block of rows."""
        return cast("Arithmetic", import_module(self.module))

    @property
    def among_candidates(self) -> Any:  # noqa: ANN401 - a module: its functions are those of `reference_truncated`
        """The functions that work on rows with candidate components."""
        return import_module(self.truncated)


ENGINES: dict[str, Engine] = {
    "reference": Engine("gaussmix.engines.reference", "gaussmix.engines.reference_truncated"),
    "fused": Engine("gaussmix.engines.fused.engine", "gaussmix.engines.fused.truncated", side_by_side=True),
}
"""The engines by name. To add an engine, write a module and add a line here."""


def engine_for(name: str, *, n_rows: int, n_components: int, n_features: int) -> Engine:
    """Return the engine with a name; for ``"auto"``, the compiled engine if a pass is large and Numba works.

    Parameters
    ----------
    name : str
        A name from :data:`ENGINES`, or ``"auto"``.
    n_rows, n_components, n_features : int
        The size of a pass.

    Raises
    ------
    ValueError
        If no engine has the name.
    ImportError
        If the engine cannot be imported.

    Warns
    -----
    RuntimeWarning
        If ``"auto"`` would be the compiled engine, which cannot be imported: once in a process.
    """
    if name == AUTO:
        small = n_rows * n_components * n_features < _SMALL
        return ENGINES["reference"] if small else _compiled_engine()
    if name not in ENGINES:
        msg = f"engine must be one of {', '.join((AUTO, *ENGINES))}, got {name!r}."
        raise ValueError(msg)
    engine = ENGINES[name]
    if engine.obstacle:
        raise ImportError(f"engine={name!r} cannot be used: {engine.obstacle}. Use engine='reference'.")
    return engine


def _compiled_engine() -> Engine:
    """Return the compiled engine, or NumPy's with a warning if the compiled engine cannot be imported."""
    engine = ENGINES["fused"]
    if engine.obstacle:
        _warn_of_slow_fits(engine.obstacle)
        return ENGINES["reference"]
    return engine


@cache
def _find_obstacle(module: str) -> str:
    """Return the reason why a module cannot be imported, or an empty string."""
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001 - Numba and llvmlite raise errors of many kinds if they are damaged or too old
        return str(error) or type(error).__name__
    return ""


@cache
def _warn_of_slow_fits(obstacle: str) -> None:
    """Warn that large fits are slow: once, as each pass over the rows asks for its engine."""
    msg = f"Large fits are computed by NumPy, several times slower, as the compiled engine cannot be used: {obstacle}."
    warnings.warn(msg, RuntimeWarning, stacklevel=2)
