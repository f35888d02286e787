"""The engines: ways to do the arithmetic of a pass, by name, and which of them serves a problem."""

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

_SMALL = 200_000  # row-component-features of a pass, below which NumPy is done before a compiled kernel is loaded


class Arithmetic(Protocol):
    """The arithmetic of a pass over one block of rows. A module that has these functions will do."""

    def expect(self, mixture: Components, rows: Rows, weights: Floats, moments: Moments) -> Statistics:
        """Return the statistics of the rows under a mixture, about its means."""

    def assess(
        self, mixture: Components, rows: Rows, *, responsibilities: bool = False
    ) -> tuple[Floats, Labels, Floats]:
        """Return log-densities, most probable components and, where they are wanted, responsibilities."""


@dataclass(frozen=True)
class Engine:
    """A way to do the arithmetic, imported when it is first used.

    Attributes
    ----------
    module : str
        The module that holds the arithmetic.
    truncated : str
        The module that holds the arithmetic of rows that look at some of the components.
    side_by_side : bool
        Whether blocks gain by being worked on in threads: whether the arithmetic releases the interpreter's lock.
    needs : tuple of str
        Packages without which the engine cannot be used.
    """

    module: str
    truncated: str
    side_by_side: bool = False
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are needed and not installed."""
        return tuple(package for package in self.needs if find_spec(package) is None)

    @property
    def arithmetic(self) -> Arithmetic:
        """The functions that work on a block of rows."""
        return cast("Arithmetic", import_module(self.module))

    @property
    def among_candidates(self) -> Any:  # noqa: ANN401 - a module: its functions are those of `expectation.truncated`
        """The functions that work on rows with candidates."""
        return import_module(self.truncated)


ENGINES: dict[str, Engine] = {
    "reference": Engine("gaussmix.engines.reference", "gaussmix.engines.reference_truncated"),
    "fused": Engine(
        "gaussmix.engines.fused.engine", "gaussmix.engines.fused.truncated", side_by_side=True, needs=("numba",)
    ),
}
"""The engines by name. A new engine is one line here, and a module."""


def engine_for(name: str, *, n_rows: int, n_components: int, n_features: int) -> Engine:
    """Return the engine of a name; of ``"auto"``, the compiled one where it pays and can be used.

    Parameters
    ----------
    name : str
        A name from :data:`ENGINES`, or ``"auto"``.
    n_rows, n_components, n_features : int
        The size of a pass.

    Raises
    ------
    ValueError
        If there is no engine of that name.
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
