"""EM on its way to the limit."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn.utils.validation import check_is_fitted

from gaussmix.em import distance_to_limit
from gaussmix.plot.style import PALETTE, current, ink

if TYPE_CHECKING:
    from gaussmix.estimators import GaussianMixture

__all__ = ["history"]

_ROUNDING = float(np.finfo(np.float64).eps)
_NEAREST = 0.01  # of tol
_MARGIN = 0.12
_DECADE = 10.0


def history(model: "GaussianMixture", *, ax: Axes | None = None) -> Axes:
    r"""Draw how far each EM step was below the limit of the log-likelihood, on a logarithmic axis that rises to it.

    EM converges at a steady rate, which is a straight line here; a plateau is where the line lies flat. How far
    the last step is below the limit is estimated, as for the stopping rule: see :func:`gaussmix.em.distance_to_limit`.
    It is taken to be `tol` where there is no estimate, and a hundredth of `tol` where it is less than that.

    Parameters
    ----------
    model : GaussianMixture
        A fitted one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        With a line for the way, in nats per row, the start's own value first, and a dashed one for `tol`. The number
        at the end is the log-likelihood per row that the run ended with (with a prior, the log-posterior).

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AttributeError
        If it has no history, as a search has none of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import GaussianMixture, plot
    >>> X = np.loadtxt("examples/data/faithful.csv", delimiter=",", skiprows=1)
    >>> model = GaussianMixture(2, init_params="random", random_state=0).fit(X)
    >>> ax = plot.history(model)
    >>> len(ax.lines[0].get_xdata()) == len(model.history_)
    True
    """
    check_is_fitted(model, "mixture_")
    ax, values = current(ax), np.array(model.history_)
    ax.set_yscale("log")
    ax.yaxis.set_inverted(True)
    to_go = values.max() - values + _left(model)
    ax.plot(np.arange(len(values)), to_go, "o-", color=PALETTE[0], markersize=4.0)
    ax.axhline(model.tol, color=ink(), linewidth=0.8, linestyle="--")
    ax.annotate("tol", (0.0, model.tol), (4, 3), ("axes fraction", "data"), "offset points")
    end = f"{values[-1]:.6g}".replace("-", "\N{MINUS SIGN}")
    ax.annotate(end, (len(values) - 1, to_go[-1]), (0, 6), textcoords="offset points", ha="right")
    ax.set(xlabel="EM step", ylabel="nats per row below the limit")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(y=_MARGIN)
    if np.ptp(to_go) == 0:  # a point has no extent, which matplotlib makes up for on an ordinary axis alone
        ax.update_datalim([(0.0, to_go[0] * _DECADE), (0.0, to_go[0] / _DECADE)], updatex=False)
    return ax


def _left(model: "GaussianMixture") -> float:
    """How far the end is below the limit, as far as is known."""
    left = distance_to_limit(model.history_)
    nearest = max(model.tol * _NEAREST, _ROUNDING * abs(model.history_[-1]))
    return max(left, nearest) if np.isfinite(left) else max(model.tol, nearest)
