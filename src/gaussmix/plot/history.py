"""Draw the convergence of EM."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gaussmix.arguments import check_fitted
from gaussmix.em import distance_to_limit
from gaussmix.plot.style import PALETTE, current_axes, text_colour

if TYPE_CHECKING:
    from gaussmix.estimators import GaussianMixture, GaussianMixtureSearch

__all__ = ["history"]

_ROUNDING = float(np.finfo(np.float64).eps)
# The distance of the last step to the limit is drawn as at least this fraction of tol.
_NEAREST = 0.01
# The vertical axis has a margin of this share of its height.
_MARGIN = 0.12
# A line of constant height gets limits that are this factor above and below.
_DECADE = 10.0


def history(model: "GaussianMixture | GaussianMixtureSearch", *, ax: Axes | None = None) -> Axes:
    r"""Draw the distance of each EM step to the limit of the log-likelihood, on a logarithmic axis.

    The axis points downwards, so that the curve rises. EM converges at a constant rate in the end, which is a straight
    line here; a plateau is a flat piece. The distance of the last step to the limit is estimated by the stopping rule:
    see :func:`gaussmix.em.distance_to_limit`. It is drawn as `tol` if there is no estimate, and as at least a hundredth
    of `tol`.

    Parameters
    ----------
    model : GaussianMixture or GaussianMixtureSearch
        A fitted model; of a search, the fit of its best model is drawn.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with a line for the distances in nats per row, beginning with the start's, and a dashed line for
        `tol`. The number at the end of the line is the final log-likelihood per row (with a prior, the log-posterior).

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If the model has no history.

    Examples
    --------
    >>> from gaussmix import GaussianMixture, plot
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = GaussianMixture(2, init_params="random", random_state=0).fit(X)
    >>> ax = plot.history(model)
    >>> len(ax.lines[0].get_xdata()) == len(model.history_)
    True
    """
    fitted: Any = getattr(model, "best_estimator_", model)
    check_fitted("model", fitted, "history_", "a fitted GaussianMixture or GaussianMixtureSearch")
    ax, values = current_axes(ax), np.array(fitted.history_)
    ax.set_yscale("log")
    ax.yaxis.set_inverted(True)
    to_go = values.max() - values + _distance_of_last_step(fitted)
    ax.plot(np.arange(len(values)), to_go, "o-", color=PALETTE[0], markersize=4.0)
    ax.axhline(fitted.tol, color=text_colour(), linewidth=0.8, linestyle="--")
    ax.annotate("tol", (0.0, fitted.tol), (4, 3), ("axes fraction", "data"), "offset points")
    end = f"ends at {values[-1]:.6g} per row".replace("-", "\N{MINUS SIGN}")
    ax.annotate(end, (len(values) - 1, to_go[-1]), (0, 6), textcoords="offset points", ha="right")
    ax.set(xlabel="EM step", ylabel="nats per row below the limit")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(y=_MARGIN)
    if np.ptp(to_go) == 0:  # matplotlib extends the limits of a constant on linear axes only
        ax.update_datalim([(0.0, to_go[0] * _DECADE), (0.0, to_go[0] / _DECADE)], updatex=False)
    return ax


def _distance_of_last_step(model: "GaussianMixture") -> float:
    """Return the estimated distance of the last step to the limit, or `tol` without an estimate."""
    distance = distance_to_limit(model.history_)
    nearest = max(model.tol * _NEAREST, _ROUNDING * abs(model.history_[-1]))
    return max(distance, nearest) if np.isfinite(distance) else max(model.tol, nearest)
