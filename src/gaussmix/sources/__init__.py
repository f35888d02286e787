"""Where rows live."""

from gaussmix.sources.array import ArraySource
from gaussmix.sources.base import Assignment, Source

__all__ = ["ArraySource", "Assignment", "Source"]
