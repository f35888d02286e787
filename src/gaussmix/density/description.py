"""A mixture in a few lines: a table of weights, means and standard deviations."""

from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["component_table", "describe"]

_COMPONENTS = 8
"""The number of components that a table shows."""
_FEATURES = 5
"""The number of features that a table shows; with more, a line would be longer than a screen is wide."""


def describe(mixture: "Mixture") -> str:
    """Return the sizes and the form of a mixture, and a table of its components, as text.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    Mixture of 2 components in 2 dimensions, spherical covariances
    component  weight             x             y
            0   0.300     0 ± 1     0 ± 1
            1   0.700  4 ± 1.41  1 ± 1.41
    """
    sizes = f"{_count(mixture.n_components, 'component')} in {_count(mixture.n_features, 'dimension')}"
    return "\n".join([f"Mixture of {sizes}, {mixture.covariances.form} covariances", *component_table(mixture)])


def component_table(mixture: "Mixture", masses: Floats | None = None) -> list[str]:
    """Return the lines of a table: the weight of each component, and the mean ± standard deviation of each feature.

    Parameters
    ----------
    mixture : Mixture
    masses : (K,) ndarray, optional
        Expected number of rows of each component, for a column.
    """
    deviations = np.sqrt(mixture.covariances.variances(*mixture.means.shape))
    names = mixture.feature_names or [f"feature {j}" for j in range(mixture.n_features)]
    columns = {
        "component": [str(k) for k in range(mixture.n_components)],
        "weight": [f"{weight:.3f}" for weight in mixture.weights],
        **({} if masses is None else {"rows": [f"{mass:.1f}" for mass in masses]}),
        **{
            name: [f"{mean:.4g} ± {spread:.3g}" for mean, spread in zip(*each, strict=True)]
            for name, *each in list(zip(names, mixture.means.T, deviations.T, strict=True))[:_FEATURES]
        },
    }
    more = f"... and {mixture.n_features - _FEATURES} more" if mixture.n_features > _FEATURES else ""
    shown = {name: values[:_COMPONENTS] for name, values in columns.items()}
    widths = {name: max(len(name), *map(len, values)) for name, values in shown.items()}
    lines = ["  ".join(name.rjust(widths[name]) for name in shown) + f"  {more}".rstrip()]
    lines += ["  ".join(map(str.rjust, row, widths.values())) for row in zip(*shown.values(), strict=True)]
    left = mixture.n_components - _COMPONENTS
    return [*lines, *([f"... and {_count(left, 'more component')}"] if left > 0 else [])]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
