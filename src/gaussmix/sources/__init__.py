"""Where rows live."""

from gaussmix.sources.array import ArraySource
from gaussmix.sources.base import Assignment, Source
from gaussmix.sources.labelled import LabelledSource

__all__ = ["ArraySource", "Assignment", "LabelledSource", "Source"]
