"""The constants of the exploration: sizes of samples, lengths of runs, budgets."""

from dataclasses import dataclass, replace
from types import MappingProxyType

__all__ = ["SCHEDULE", "SCHEDULES", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The amount of work of an exploration at each of its stages.

    The values were chosen by ``python -m benchmarks.optimum`` (fits of simulated and public tables against the best
    known optimum), those for samples by ``python -m benchmarks fit`` (200 000 rows of 16 features, 32 components).

    Attributes
    ----------
    least_sample : int
        Rows of the smallest sample. Fewer rows are explored whole.
    sample_per_feature : int
        Rows of a sample for each feature of each component.
    sample_per_parameter : int
        Rows of a sample for each free parameter. On fewer rows, EM ends in optima that the whole table does not have.
    large_sample : int
        Rows of a sample that are enough for any model, unless the next constant asks for more.
    sample_per_component : float
        Rows of a sample, in units of the fewest rows that all components need, that are enough for any model.
    whole_instead : float
        Rows of a table, in units of a sample, up to which the table is explored whole.
    work : int
        Numbers of a sample times components above which fewer starts are made: rows times features times components.
    starts_per_parameter : int
        Rows for each free parameter from which starts are made where work is above that bound.
    growth : int
        Rows of the next larger sample on the way to all rows, in units of the one before.
    much_larger : int
        Rows of the table, in units of the next larger sample, from which that sample is used.
    chance : float
        Distance to the limit at which a run over a sample stops, as a share of what its rows gain by chance: with p
        parameters, n rows gain about ``p / 2n`` nats each.
    seconds_side_by_side : float
        Time on one core, by a rough estimate, that starts of a small table take side by side. Where a few starts take
        longer, starts race one after the other.
    n_side_by_side : int
        Starts that are compared side by side. Of 69 models with three components, on the tables of the choice, 96
        starts led to the best known optimum in 99 %, 48 starts in 94 %, and 28 starts in 88 to 93 %.
    n_finalists_side_by_side : int
        Mixtures at different solutions that then run to their limits.
    roomy_side_by_side : float
        Rows for each component, in units of the fewest that it needs, from which starts are compared side by side. With
        fewer rows, the best of so many starts is a component on a few rows by accident.
    n_candidates : int
        Starts that race.
    rungs : tuple of int
        Steps of EM after which the better half of the candidates goes on.
    n_finalists, n_finalists_of_sample : int
        Candidates that run to their limits. On the many rows of a sample, early steps tell better how runs will end.
    long_run : int
        Steps of EM in which a finalist comes to its limit.
    roomy : float
        Rows for each component, in units of the fewest that it needs, from which a better optimum is not an accident
        of a few rows. Below, the numbers for little room hold.
    n_candidates_in_little_room, n_finalists_in_little_room : int
        Candidates and finalists where components have few rows.
    budget, budget_in_little_room : float
        Passes over the explored rows after which no move of split and merge begins.
    share_of_moves : float
        Share of the budget that moves may take whatever starts have taken.
    recovery : float
        Passes that moves may take after a fit has ended with a degenerate component, in units of the fit's own passes.
    thinning_steps : int
        Steps of EM for an overfitted start, before its components are merged.
    n_moves : int
        Moves that are tried from one fit.
    n_moves_at_once : int
        Moves that are tried before components are split anew.
    trial_steps : int
        Steps of EM after which a move must be heading for a better end.
    caution : float
        Largest distance to the limit that is assumed when a run is given up, in units of the estimated distance.
    components_of_a_move : int
        Components that a move needs: two to merge and a third to split.
    most_components : int
        Components up to which moves are tried: there are K³ / 2 of them.
    better : float
        Gain, in nats per row, from which a fit counts as better than another.
    same : float
        Difference, in nats per row, up to which two runs may be on the way to the same optimum.
    least_ridge : float
        Variance that is added to the first covariance of a rare group, as a share of a column's variance.
    """

    least_sample: int = 2000
    sample_per_feature: int = 20
    sample_per_parameter: int = 8
    large_sample: int = 40_000
    sample_per_component: float = 4.0
    whole_instead: float = 1.5
    work: int = 2**20
    starts_per_parameter: int = 4
    growth: int = 4
    much_larger: int = 3
    chance: float = 0.01
    seconds_side_by_side: float = 0.1
    n_side_by_side: int = 96
    n_finalists_side_by_side: int = 4
    roomy_side_by_side: float = 8.0
    n_candidates: int = 10
    rungs: tuple[int, ...] = (2, 5)
    n_finalists: int = 3
    n_finalists_of_sample: int = 2
    long_run: int = 60
    roomy: float = 2.0
    n_candidates_in_little_room: int = 4
    n_finalists_in_little_room: int = 2
    budget: float = 60.0
    budget_in_little_room: float = 15.0
    share_of_moves: float = 0.5
    recovery: float = 1.0
    thinning_steps: int = 6
    n_moves: int = 16
    n_moves_at_once: int = 8
    trial_steps: int = 8
    caution: float = 2.0
    components_of_a_move: int = 3
    most_components: int = 128
    better: float = 1e-3
    same: float = 2e-3
    least_ridge: float = 1e-9


SCHEDULE = Schedule()
"""The schedule of fits with the default effort."""

SCHEDULES = MappingProxyType(
    {
        "quick": replace(SCHEDULE, seconds_side_by_side=0.02, n_side_by_side=24, n_finalists_side_by_side=2, n_moves=4),
        "default": SCHEDULE,
        "thorough": replace(
            SCHEDULE,
            seconds_side_by_side=1.0,
            n_side_by_side=960,
            n_finalists_side_by_side=10,
            n_candidates=40,
            n_finalists=10,
            n_finalists_of_sample=6,
            n_moves=64,
            n_moves_at_once=32,
            budget=600.0,
        ),
    }
)
"""The schedules by the name of the effort."""
