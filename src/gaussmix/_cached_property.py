"""Cached properties without a lock."""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

__all__ = ["cached_property"]

_Value = TypeVar("_Value")


class cached_property(functools.cached_property[_Value]):  # noqa: N801 - the name in functools
    """The cached property of Python 3.12, which two threads may compute at once.

    In Python 3.11 all instances share a lock: threads wait for each other, and a forked process waits for ever if
    another thread computed the property of any instance when it was forked.
    """

    def __init__(self, func: Callable[[Any], _Value]) -> None:
        super().__init__(func)
        self.lock = nullcontext()
