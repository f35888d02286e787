"""The protocol of an engine, the registry of engines, and the choice of an engine for a problem.

An engine does the arithmetic of a pass over the rows.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
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
    needs : tuple of str
        Names of the packages that the engine imports besides the requirements of gaussmix.
    """

    module: str
    truncated: str
    side_by_side: bool = False
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The needed packages that are not installed."""
        return tuple(package for package in self.needs if find_spec(package) is None)

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
    "fused": Engine(
        "gaussmix.engines.fused.engine", "gaussmix.engines.fused.truncated", side_by_side=True, needs=("numba",)
    ),
}
"""The engines by name. To add an engine, write a module and add a line here."""


def engine_for(name: str, *, n_rows: int, n_components: int, n_features: int) -> Engine:
    """Return the engine with a name; for ``"auto"``, the compiled engine if a pass is large and Numba is installed.

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
        If a package that the engine needs is not installed.
    """
    if name == AUTO:
        small = n_rows * n_components * n_features < _SMALL
        return ENGINES["reference" if small or ENGINES["fused"].missing else "fused"]
    if name not in ENGINES:
        msg = f"engine must be one of {', '.join((AUTO, *ENGINES))}, got {name!r}."
        raise ValueError(msg)
    engine = ENGINES[name]
    if engine.missing:
        msg = f"engine={name!r} needs {' and '.join(engine.missing)}, which cannot be imported; use engine='reference'."
        raise ImportError(msg)
    return engine
