"""What the loop and the starts ask of a place where rows live."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.mixture import Mixture
from gaussmix.statistics import Moments, Statistics

__all__ = ["Assignment", "Source"]

Assignment = Callable[[slice, Rows], Floats]
"""Responsibilities ``(b, K)`` of one block, from its place among the rows and the rows themselves."""


class Source(Protocol):
    """Weighted rows that can be passed over again and again, block by block."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_features(self) -> int:
        """Number of columns."""

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Statistics of all rows under `mixture`: one pass of the E-step."""

    def summarize(self, assignment: Assignment, origin: Floats, moments: Moments) -> Statistics:
        """Statistics of all rows under given responsibilities, about `origin`."""

    def map(self, function: Callable[[Rows], AnyArray]) -> AnyArray:
        """Results of a function of each block, one after the other."""

    def total(self, function: Callable[[Rows, Floats], Floats]) -> Floats:
        """Sum over the blocks of a function of a block's rows and weights, added in the order of the blocks."""

    def sample(self, rng: np.random.Generator, n_rows: int) -> tuple[Rows, Floats]:
        """Rows and weights of a random sample, or all rows where there are no more."""
