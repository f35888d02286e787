"""Array types, named once. In every signature K is components, D features, n rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float64] | NDArray[np.float32]
Labels = NDArray[np.intp]
Flags = NDArray[np.bool_]
AnyArray = NDArray[Any]
Seed = int | np.random.Generator | None

__all__ = ["AnyArray", "ArrayLike", "Flags", "Floats", "Labels", "Rows", "Seed"]
