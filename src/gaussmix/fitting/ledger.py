"""The record of one fit: the passes that its runs took, and the best run so far."""

from dataclasses import dataclass, field

from gaussmix.em import Fit

__all__ = ["Ledger"]


@dataclass(eq=False)
class Ledger:
    """The passes over the rows that were made, and the best run.

    A ledger is the one object of a fit that changes: budgets and the answer after Ctrl-C are read from it.

    Attributes
    ----------
    passes : list of float
        Passes over all rows that each run took. A pass over a part of the rows counts as that part of a pass.
    best : Fit or None
        The best run so far.
    """

    passes: list[float] = field(default_factory=list)
    best: Fit | None = None

    @property
    def n_passes(self) -> float:
        """Number of passes over all rows."""
        return sum(self.passes)
