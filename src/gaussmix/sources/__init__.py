"""Sources of rows: arrays, files and streams, passed over block by block."""

from gaussmix.sources.array import ArraySource
from gaussmix.sources.base import Assignment, Block, Chunk, Source
from gaussmix.sources.labelled import LabelledSource

__all__ = ["ArraySource", "Assignment", "Block", "Chunk", "LabelledSource", "Source"]
