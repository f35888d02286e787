"""Judge whether a table has enough values for the parameters of a mixture."""

import numpy as np

from gaussmix.statistics import Statistics

__all__ = ["is_short_of_values"]

_FEW, _VERY_FEW = 10.0, 5.0
"""Values of the table, rows times features, for each free parameter, below which a mixture needs more evidence than a
lower BIC, and below which BIC's penalty is too small besides. With 4, 5 and 6 in place of 5, and no other rule, a
search chose several components for 12, 5 and 5 % of 43 single Gaussians of 20 rows in two dimensions, and two
components for 84, 81 and 70 % of 43 pairs of round clusters of 10 rows at a distance of four standard deviations."""

_BARE_MENTION = 2.0
"""The difference in BIC up to which evidence is "not worth more than a bare mention" (Kass & Raftery 1995)."""


def is_short_of_values(statistics: Statistics, n_parameters: int, bic: float, single_bic: float) -> bool:
    r"""Return True if a table has too few values for a mixture that a single Gaussian could replace.

    With n rows, D features and p parameters, a mixture with less than ten values for each parameter is short of values
    if its BIC is not lower by more than 2 than that of a single Gaussian. With less than five, also if its BIC with a
    corrected penalty is not lower: BIC's penalty :math:`p \log n` is too small if n D is not much larger than p. With
    the second-order correction of Hurvich & Tsai (1989) for n D values, it is
    :math:`p \log n \cdot n D / (n D - p - 1)`.

    Parameters
    ----------
    statistics : Statistics
        The statistics of all rows under the mixture.
    n_parameters : int
        Number of free parameters of the mixture.
    bic : float
        The BIC of the mixture, as it is compared with that of other models.
    single_bic : float
        The lowest BIC of a single Gaussian; infinite if there is none to choose.

    References
    ----------
    Hurvich & Tsai (1989), Biometrika 76. Kass & Raftery (1995), Journal of the American Statistical Association 90.
    """
    n_rows, (n_components, n_features) = statistics.weight, statistics.origin.shape
    n_values = n_rows * n_features
    if n_components == 1 or n_values >= _FEW * n_parameters or np.isinf(single_bic):
        return False
    needed = _BARE_MENTION
    if n_values < _VERY_FEW * n_parameters:
        left = n_values - n_parameters - 1.0
        needed = max(needed, n_parameters * np.log(n_rows) * (n_values / left - 1.0)) if left > 0.0 else np.inf
    return bool(bic + needed >= single_bic)
