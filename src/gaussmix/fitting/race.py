"""The race between candidates: successive halving of runs of EM."""

from collections.abc import Callable, Sequence

from gaussmix.em import Fit

__all__ = ["race"]


def race(
    candidates: Sequence[Fit],
    rungs: Sequence[int],
    go_on: Callable[[Fit, int], Fit | None],
    in_order: Callable[[list[Fit]], list[Fit]],
    *,
    n_kept: int = 1,
    is_hopeless: Callable[[Fit], bool] = lambda _fit: False,
) -> list[Fit]:
    """Return the candidates that are left after successive halving, the best first.

    At each rung, the better half of the candidates takes more steps.

    Parameters
    ----------
    candidates : sequence of Fit
        Short runs, the best first.
    rungs : sequence of int
        Steps that the runs have taken after each rung.
    go_on : callable
        From a run and a number of steps to the longer run; None where a component collapsed.
    in_order : callable
        From runs to the same runs, the best first.
    n_kept : int
        Candidates that are never left out.
    is_hopeless : callable
        From the leader to whether its end cannot matter. The race then ends with the leader alone.

    References
    ----------
    Jamieson & Talwalkar (2016), AISTATS: successive halving.
    """
    fits = list(candidates)
    for steps in rungs:
        going = fits[: max(n_kept, (len(fits) + 1) // 2)]
        leader = [fit for fit in (go_on(fit, steps) for fit in going[:1]) if fit]
        if any(map(is_hopeless, leader)):
            return leader
        others = [fit for fit in (go_on(fit, steps) for fit in going[1:]) if fit]
        fits = in_order([*leader, *others])
    return fits
