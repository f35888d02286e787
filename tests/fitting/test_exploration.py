from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters, vector
from gaussmix.em import Status, run
from gaussmix.em.batch import BatchEM
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting import Exploration, Problem, Stopping, exploration, rare_groups, runs, split_merge, starts
from gaussmix.fitting.penalty import spike_penalty, underpopulated
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.schedule import SCHEDULE
from gaussmix.fitting.split_merge import split_and_merge
from gaussmix.fitting.starts import candidate_starts
from gaussmix.initialization import relative_ridge, start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

MUCH_TO_DO = replace(SCHEDULE, work=1)
ONE_BY_ONE = replace(SCHEDULE, n_side_by_side=0)

seeds = st.integers(0, 2**32 - 1)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
some_structures = pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "VEV", "EVE"])


def exploration_of(rows, n_components, *, structure="full", ridge=None, tol=1e-4, max_iter=100, **options):
    source = ArraySource(rows)
    model = MStep(named(structure), relative_ridge(source) if ridge is None else np.full(rows.shape[1], ridge))
    watch = options.pop("watch", lambda _state, _gain: None)
    return Exploration(Problem.of(source, n_components, model), Stopping(tol, max_iter, watch), **options)


def runs_of(exploring):
    return Runs(exploring.problem, exploring.stopping, exploring.schedule)


def explored(rows, n_components, seed=0, **options):
    return exploration_of(rows, n_components, **options).explore(np.random.default_rng(seed))


def from_truth(exploring, labels):
    """The fit from a start of the true labels."""
    first = start_from(
        exploring.problem.source,
        from_labels(labels, exploring.problem.n_components),
        exploring.problem.n_components,
        exploring.problem.m_step,
    )
    return run(exploring.problem.source, first, exploring.problem.m_step, tol=1e-7, max_iter=1000)


def apart(rng, n=450, centres=((0.0, 0.0), (12.0, 0.0), (0.0, 12.0))):
    """Rows of round clusters with nothing between, and their labels."""
    labels = np.arange(n) % len(centres)
    return rng.normal(size=(n, len(centres[0]))) + np.array(centres)[labels], labels


@pytest.fixture
def whitened():
    """Two clusters apart by six deviations in one of thirty directions, then whitened and rotated; and their labels."""
    rng = np.random.default_rng(1)
    labels = np.arange(2000) % 2
    rows = rng.normal(size=(2000, 30))
    rows[:, 0] += 6.0 * labels
    white = (rows - rows.mean(axis=0)) @ np.linalg.cholesky(np.linalg.inv(np.cov(rows.T)))
    return white @ np.linalg.qr(rng.normal(size=(30, 30)))[0], labels


# --- What it finds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [5.0, 10.0, 100.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stretched_clusters_are_found(wide, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(1000) % 2
    rows = rng.normal(size=(1000, 2)) * [1.0, wide] + np.outer(labels, [6.0, 0.0])
    exploring = exploration_of(rows, 2)
    fit = exploring.explore(rng).fit
    assert fit.state.log_posterior > from_truth(exploring, labels).state.log_posterior - 1e-3
    agree = (fit.state.mixture.predict(rows) == labels).mean()
    assert max(agree, 1.0 - agree) > 0.99


def test_clusters_that_only_one_of_thirty_directions_tells_apart_are_found(whitened):
    rows, labels = whitened
    exploring = exploration_of(rows, 2)
    fit = exploring.explore(np.random.default_rng(0)).fit
    assert fit.state.log_posterior > from_truth(exploring, labels).state.log_posterior - 1e-3


@settings(max_examples=5)
@given(seed=seeds)
def test_clusters_far_apart_are_found(seed):
    rng = np.random.default_rng(seed)
    rows, labels = apart(rng, centres=np.eye(5) * 15.0)
    exploring = exploration_of(rows, 5)
    fit = exploring.explore(rng).fit
    assert fit.state.log_posterior > from_truth(exploring, labels).state.log_posterior - 1e-3


@settings(max_examples=5)
@given(seed=seeds)
def test_a_start_with_components_in_the_wrong_places_is_escaped(seed):
    rng = np.random.default_rng(seed)
    rows, labels = apart(rng)
    exploring = exploration_of(rows, 3)
    wrong = np.where(labels == 2, 1 + (rows[:, 0] > 0), 0)  # one over two clusters, two in the third
    first = start_from(exploring.problem.source, from_labels(wrong, 3), 3, exploring.problem.m_step)
    before = runs_of(exploring).run(exploring.problem.source, first, 60)
    after = split_and_merge(runs_of(exploring), exploring.problem.source, before, rng, 60.0)
    target = from_truth(exploring, labels).state.log_posterior
    assert before.state.log_posterior < target - 0.3
    assert after.state.log_posterior > target - 1e-3


def test_a_fit_that_is_best_stays():
    rng = np.random.default_rng(0)
    rows, labels = apart(rng)
    exploring = exploration_of(rows, 3)
    first = start_from(exploring.problem.source, from_labels(labels, 3), 3, exploring.problem.m_step)
    best = runs_of(exploring).run(exploring.problem.source, first, 100)
    assert split_and_merge(runs_of(exploring), exploring.problem.source, best, rng, 60.0) is best


@some_structures
@settings(max_examples=2)
@given(seed=seeds)
def test_it_is_no_worse_than_the_best_of_its_optima(name, seed):
    rng = np.random.default_rng(seed)
    found = explored(clusters(rng, 300, 4), 4, seed, structure=name)
    if found.fit.status is Status.CONVERGED:
        assert found.fit.state.log_posterior >= max(found.optima) - 1e-4
    assert list(found.optima) == sorted(found.optima, reverse=True)
    assert 1 <= len(found.optima) <= 5  # four finalists, and plain k-means


def test_a_leader_that_moves_improved_is_a_runner_up():
    rows = clusters(np.random.default_rng(4), 400, 6, spread=1.5)
    exploring = exploration_of(rows, 6, schedule=ONE_BY_ONE)
    running = runs_of(exploring)
    found = exploring.explore(np.random.default_rng(0), running)
    scores = [running.score(other) for other in found.runners_up]
    assert scores == sorted(scores, reverse=True)
    assert all(other is not found.fit for other in found.runners_up)
    leader = exploration_of(rows, 6, schedule=replace(ONE_BY_ONE, n_moves=0)).explore(np.random.default_rng(0)).fit
    assert running.score(found.fit) > running.score(leader) + 1e-3  # the moves found something
    assert leader.history in [other.history for other in found.runners_up]


@some_structures
@settings(max_examples=2)
@given(seed=seeds)
def test_the_same_seed_gives_the_same_fit(name, seed):
    rows = clusters(np.random.default_rng(seed), 200)
    one, other = (explored(rows, 3, seed, structure=name) for _ in range(2))
    np.testing.assert_array_equal(vector(one.fit.state.mixture), vector(other.fit.state.mixture))
    assert one.fit.history == other.fit.history
    assert one.optima == other.optima
    assert one.n_passes == other.n_passes


@some_structures
@settings(max_examples=3)
@given(seed=seeds)
def test_the_history_never_falls_without_a_ridge(name, seed):
    rows = clusters(np.random.default_rng(seed), 200)
    try:
        fit = explored(rows, 3, seed, structure=name, ridge=0.0).fit
    except IllDefinedCovarianceError:  # every start collapses
        return
    assert (np.diff(fit.history) >= -1e-10).all()
    assert fit.history[-1] == fit.state.log_posterior
    assert fit.state.log_likelihood == pytest.approx(fit.state.mixture.logpdf(rows).mean())


@pytest.mark.parametrize(("name", "seed"), [("spherical", 46), ("diag", 55), ("VEV", 64)])
def test_the_history_does_not_fall_after_a_move(name, seed):
    rows = clusters(np.random.default_rng(seed), 200)
    fit = explored(rows, 3, seed, structure=name, ridge=0.0).fit
    assert (np.diff(fit.history) >= -1e-10).all()


@pytest.mark.parametrize("name", ["spherical", "diag", "tied"])
def test_a_move_without_steps_has_the_covariances_of_the_structure(name):
    rng = np.random.default_rng(0)
    rows, labels = apart(rng)
    exploring = exploration_of(rows, 3, structure=name, max_iter=0)
    wrong = np.where(labels == 2, 1 + (rows[:, 0] > 0), 0)
    first = start_from(exploring.problem.source, from_labels(wrong, 3), 3, exploring.problem.m_step)
    running = runs_of(exploring)
    begun = running.run(exploring.problem.source, first, 0)
    moved = split_and_merge(running, exploring.problem.source, begun, rng, 60.0)
    assert isinstance(moved.state.mixture.covariances, named(name).form)


@every_structure
def test_the_fit_has_the_covariances_of_the_structure(structure):
    rows = clusters(np.random.default_rng(0), 200)
    fit = explored(rows, 3, structure=structure.name).fit
    assert isinstance(fit.state.mixture.covariances, structure.form)
    assert len(fit.history) == 1 + fit.state.n_iter


def test_the_limit_is_near():
    rows = clusters(np.random.default_rng(0), 400)
    exploring = exploration_of(rows, 3, tol=1e-5, max_iter=1000)
    fit = exploring.explore(np.random.default_rng(0)).fit
    limit = run(exploring.problem.source, fit.state.mixture, exploring.problem.m_step, tol=1e-13, max_iter=5000)
    assert fit.status is Status.CONVERGED
    assert limit.state.log_posterior - fit.state.log_posterior < 1e-5


def test_units_and_offsets_change_no_label():
    rows, _ = apart(np.random.default_rng(0))
    labels = [explored(some, 3).fit.state.mixture.predict(some) for some in (rows, rows * [1e-4, 1e3] + [5.0, -1e6])]
    assert len(set(zip(*labels, strict=True))) == 3


# --- What it costs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """How many rows each pass was over, but for those that find the sizes of the columns: these have one component."""
    rows_of_passes = []
    reduce = ArraySource.reduce

    def counting(self, mixture, moments):
        rows_of_passes.extend([self.n_rows] * (mixture.n_components > 1))
        return reduce(self, mixture, moments)

    monkeypatch.setattr(ArraySource, "reduce", counting)
    look = rare_groups._find_worst

    def looking(source, mixture):
        rows_of_passes.append(source.n_rows)
        return look(source, mixture)

    monkeypatch.setattr(rare_groups, "_find_worst", looking)
    expect = BatchEM.expect

    def expecting(self, batch):
        rows_of_passes.extend([len(self.rows)] * len(batch))
        return expect(self, batch)

    monkeypatch.setattr(BatchEM, "expect", expecting)
    return rows_of_passes


@some_structures
@pytest.mark.parametrize("n", [400, 6000])
def test_every_pass_is_counted(name, n, counted):
    rows = clusters(np.random.default_rng(0), n, 2)
    found = explored(rows, 2, structure=name)
    assert found.n_passes == pytest.approx(sum(counted) / n, rel=1e-12)
    assert min(counted) == (n if n <= 3000 else 2000)


@pytest.mark.parametrize("n", [600, 8000])
def test_what_halves_cost_is_estimated_from_above(n, counted):
    rows = clusters(np.random.default_rng(0), n, 5, spread=6.0)
    found = explored(rows, 5, schedule=ONE_BY_ONE)
    assert sum(counted) / n <= found.n_passes * 1.2
    assert found.n_passes < 200


def test_a_large_table_is_explored_by_a_sample_and_fitted_whole(counted):
    rows, labels = apart(np.random.default_rng(0), 12000)
    exploring = exploration_of(rows, 3)
    found = exploring.explore(np.random.default_rng(0))
    assert found.fit.state.statistics.weight == pytest.approx(12000)
    assert found.fit.state.log_likelihood == pytest.approx(found.fit.state.mixture.logpdf(rows).mean())
    assert {2000, 12000} <= set(counted)
    assert counted[-1] == 12000
    assert found.fit.state.log_posterior > from_truth(exploring, labels).state.log_posterior - 1e-3


def sample_sizes(rows, numbers, **options):
    return [
        exploration_of(rows, k, ridge=1.0, **options).explored_rows(np.random.default_rng(0)).n_rows for k in numbers
    ]


def test_a_sample_is_as_large_as_its_parameters_need():
    rows = np.zeros((100_000, 10))
    assert sample_sizes(rows, (1, 10, 30)) == [2000, 8 * 659, 8 * 1979]
    assert sample_sizes(rows, (1, 10, 30), structure="diag") == [2000, 2000, 6000]
    exploring = exploration_of(rows[:3000], 2, ridge=1.0)
    assert exploring.explored_rows(np.random.default_rng(0)) is exploring.problem.source


def test_a_sample_is_never_much_larger_than_is_enough_for_any_model():
    assert sample_sizes(np.zeros((100_000, 64)), (16, 64)) == [40_000, 40_000]
    assert sample_sizes(np.zeros((100_000, 64)), (180,)) == [4 * 66 * 180]


def test_samples_of_many_rows_grow_on_the_way_to_all(counted):
    rows, _ = apart(np.random.default_rng(0), 100_000, centres=((0.0, 0.0), (12.0, 0.0)))
    found = explored(rows, 2)
    assert [n for i, n in enumerate(counted) if i == 0 or n != counted[i - 1]] == [2000, 8000, 32_000, 100_000]
    assert found.fit.status is Status.CONVERGED
    assert found.n_passes == pytest.approx(sum(counted) / 100_000, rel=1e-12)


def test_a_run_over_a_sample_ends_where_the_sample_tells_no_more():
    rows = clusters(np.random.default_rng(0), 9000, 3, 8)
    exploring = exploration_of(rows, 3)
    sample = exploring.explored_rows(np.random.default_rng(0))
    assert runs_of(exploring).tol(exploring.problem.source) == 1e-4
    assert runs_of(exploring).tol(sample) == pytest.approx(0.01 * 134 / (2 * sample.n_rows))
    assert Runs(exploring.problem, Stopping(1e-3, 100)).tol(sample) == 1e-3


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "VEV", "EVE"])
def test_where_there_is_much_to_do_starts_have_too_many_components_first(counted, name):
    rows = clusters(np.random.default_rng(2), 900, 5, spread=1.5)
    exploring = exploration_of(rows, 5, structure=name)
    running = runs_of(exploring)
    made = candidate_starts(running, exploring.problem.source, np.random.default_rng(0), effort=0.01, most=10)
    firsts = list(made)
    assert len(firsts) == 4  # in three kinds of coordinates, and along the directions in which rows fall apart
    assert running.ledger.n_passes == sum(counted) / 900
    for first in firsts:
        assert first.means.shape == (5, 2)
        assert isinstance(first.covariances, named(name).form)


def ten_clusters(spread):
    """Rows of ten clusters, of which a sample is more than starts need."""
    return clusters(np.random.default_rng(0), 12_000, 10, 8, spread=spread)


@pytest.mark.parametrize("name", ["full", "VEV"])
def test_where_there_is_much_to_do_starts_are_tried_on_some_rows_of_a_sample(counted, name):
    found = explored(ten_clusters(4.0), 10, structure=name, schedule=MUCH_TO_DO)
    size = exploration_of(ten_clusters(4.0), 10, structure=name).explored_rows(np.random.default_rng(0)).n_rows
    assert size > 2000
    assert set(counted) == {2000, size, 12_000}
    assert counted.index(2000) < counted.index(size)  # to begin with, some rows; in the end all
    assert set(counted[counted.index(12_000) :]) == {12_000}
    assert found.n_passes == pytest.approx(sum(counted) / 12_000, rel=1e-12)
    assert len(found.optima) == 1


@pytest.fixture
def sampled():
    """An exploration of ten clusters, a sample of its rows, and starts: near the truth, and three bad ones."""
    exploring = exploration_of(ten_clusters(4.0), 10)
    rng = np.random.default_rng(0)
    sample = exploring.explored_rows(rng)
    good = next(candidate_starts(runs_of(exploring), sample, rng, effort=1.0, most=10))
    bad = [
        Mixture(good.weights, sample.rows[rng.choice(sample.n_rows, 10, replace=False)], good.covariances)
        for _ in range(3)
    ]
    return exploring, sample, good, bad


def shifted(one, by):
    """The mixture with each mean so many standard deviations away."""
    return Mixture(one.weights, one.means + by * one.factors[:, :, 0], one.covariances)


def test_a_start_that_is_like_the_likeliest_run_is_not_run_and_no_other_is_asked_for(sampled):
    exploring, sample, good, bad = sampled
    running = runs_of(exploring)
    asked = iter([good, good, *bad])
    (fit,), agreed = exploring.run_until_same(running, sample, asked)
    assert agreed
    assert list(asked) == bad
    assert running.ledger.n_passes == pytest.approx((1 + fit.state.n_passes) * sample.n_rows / 12_000)


def test_no_other_start_is_asked_for_once_two_runs_come_to_the_same(sampled):
    exploring, sample, good, bad = sampled
    running = runs_of(exploring)
    asked = iter([good, shifted(good, 1.0), *bad])
    fits, agreed = exploring.run_until_same(running, sample, asked)
    assert agreed
    assert len(fits) == 1
    assert list(asked) == bad


def test_after_three_starts_one_that_begins_less_likely_does_not_go(monkeypatch, sampled):
    exploring, sample, good, bad = sampled
    running = runs_of(exploring)
    monkeypatch.setattr(exploration, "same_solution", lambda *_: False)
    far = Mixture(good.weights, bad[0].means + 100.0, good.covariances)
    fits, agreed = exploring.run_until_same(running, sample, [*bad, far, good])
    assert not agreed
    assert len(fits) == 3
    one = sample.n_rows / 12_000
    assert sum(round(steps / one) == 1 for steps in running.ledger.passes) == 5  # to see how each begins
    assert sum(round(steps / one) > 1 for steps in running.ledger.passes) == 4  # to go on: all but the one that is far
    assert fits[0].state.log_posterior > runs_of(exploring).run(sample, good, 0).state.log_posterior


def test_an_interruption_where_starts_are_tried_one_after_the_other_keeps_the_best(monkeypatch):
    rows, calls = ten_clusters(4.0), iter(range(100))

    def interrupted(*arguments, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(runs, "run", interrupted)
    monkeypatch.setattr(runs, "run_to_limit", interrupted)
    found = explored(rows, 10, schedule=MUCH_TO_DO)
    assert found.fit.status is Status.INTERRUPTED
    assert found.fit.state.statistics.weight == pytest.approx(len(rows))


def test_of_starts_that_race_two_are_enough_if_they_are_alike(sampled):
    *_, good, (bad, *_) = sampled
    assert exploration.until_same([good, good, bad]) == [good, good]
    assert exploration.until_same([good, bad, bad]) == [good, bad, bad]
    assert exploration.until_same([]) == []


@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_starts_tried_on_some_rows_end_as_high_as_starts_tried_on_a_sample(spread):
    rows = ten_clusters(spread)
    found = [explored(rows, 10, schedule=replace(SCHEDULE, work=work)) for work in (2**30, 1)]
    values = [one.fit.state.log_posterior for one in found]
    assert values[1] > values[0] - 1e-3


def test_runs_are_on_the_same_way_if_they_are_near_to_each_other_in_place_and_height():
    rows, labels = apart(np.random.default_rng(0))
    exploring = exploration_of(rows, 3)
    first = start_from(exploring.problem.source, from_labels(labels, 3), 3, exploring.problem.m_step)
    wrong = np.where(labels == 2, 1 + (rows[:, 0] > 0), 0)
    other = start_from(exploring.problem.source, from_labels(wrong, 3), 3, exploring.problem.m_step)
    best, worse = (runs_of(exploring).run(exploring.problem.source, one, 9) for one in (first, other))
    assert exploring._same_end(runs_of(exploring), best, runs_of(exploring).run(exploring.problem.source, first, 5))
    assert not exploring._same_end(runs_of(exploring), best, worse)


def test_where_starts_come_to_one_end_nothing_is_moved(monkeypatch):
    rows, _ = apart(np.random.default_rng(0), 6000)
    tried = []

    def nothing(_rows, model, *_):
        tried.append(1)
        return [None] * model.n_components

    monkeypatch.setattr(split_merge, "split_candidates", nothing)
    explored(rows, 3)
    assert not tried
    explored(clusters(np.random.default_rng(2), 400, 6, spread=1.5), 6)
    assert tried


def test_moves_after_a_fit_take_about_as_many_passes_as_it():
    rng = np.random.default_rng(0)
    rows = clusters(rng, 600, 8, 3)
    exploring = exploration_of(rows, 8, max_iter=2)
    spike = np.append(np.arange(597) % 7, [7, 7, 7])
    first = start_from(exploring.problem.source, from_labels(spike, 8), 8, exploring.problem.m_step)
    fit = run(exploring.problem.source, first, exploring.problem.m_step, tol=1e-9, max_iter=2)
    running = runs_of(exploring)
    exploring.without_underpopulated(running, fit, rng)
    a_try, halves = 1 + 1 + 2, 32 / 8
    assert running.ledger.n_passes <= 3 + a_try + halves


def test_a_sample_of_weighted_rows_weighs_its_part_of_them():
    rng = np.random.default_rng(0)
    rows, weights = clusters(rng, 5000), rng.uniform(0.5, 2.0, size=5000)
    model = exploration_of(rows, 2).problem.m_step
    exploring = Exploration(Problem.of(ArraySource(rows, weights), 2, model), Stopping(1e-4, 100))
    found = exploring.explore(rng)
    assert found.fit.state.statistics.weight == pytest.approx(weights.sum())
    sample = exploring.explored_rows(rng)
    assert sample.n_rows <= 2000
    assert sample.sample_weight.sum() == pytest.approx(0.4 * weights.sum())


def test_without_steps_it_is_the_best_start(counted):
    rows = clusters(np.random.default_rng(0), 300)
    found = explored(rows, 2, max_iter=0)
    assert found.fit.state.n_iter == 0
    assert len(found.fit.history) == 1
    assert found.fit.status is Status.ITERATION_LIMIT
    assert found.n_passes == len(counted)


@pytest.mark.parametrize("max_iter", [1, 3, 10])
def test_no_run_is_longer_than_is_asked(max_iter):
    rows = clusters(np.random.default_rng(0), 300, spread=1.0)
    assert explored(rows, 3, max_iter=max_iter, tol=1e-12).fit.state.n_iter <= max_iter


def test_one_component_is_fitted_at_once():
    rows = clusters(np.random.default_rng(0), 300)
    found = explored(rows, 1, ridge=0.0)
    np.testing.assert_allclose(found.fit.state.mixture.mean, rows.mean(axis=0))
    np.testing.assert_allclose(found.fit.state.mixture.covariance, np.cov(rows.T, bias=True))
    assert found.n_passes < 5


# --- Little room and nothing at all ----------------------------------------------------------------------------------


def test_as_many_rows_as_components_are_fitted():
    rows = np.random.default_rng(0).normal(size=(4, 2))
    assert np.isfinite(explored(rows, 4).fit.state.log_posterior)


def test_equal_rows_are_fitted_where_there_is_a_ridge():
    rows = np.full((20, 2), 3.0)
    found = explored(rows, 3)
    np.testing.assert_allclose(found.fit.state.mixture.mean, [3.0, 3.0])


def test_where_every_start_collapses_it_says_so():
    with pytest.raises(IllDefinedCovarianceError, match="ill-defined empirical covariance"):
        explored(np.full((20, 2), 3.0), 3, ridge=0.0)


def test_a_fit_on_few_rows_owes_what_it_gains_by_them():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 2))
    exploring = exploration_of(rows, 2, ridge=1e-9)
    needle = np.append(np.zeros(98, dtype=int), [1, 1])
    fits = [
        runs_of(exploring).run(
            exploring.problem.source,
            start_from(exploring.problem.source, from_labels(labels, 2), 2, exploring.problem.m_step),
            3,
        )
        for labels in (needle, (rows[:, 0] > 0).astype(int))
    ]
    assert underpopulated(exploring.problem, fits[0]) == (1,)
    assert spike_penalty(exploring.problem, fits[0]) > 0 == spike_penalty(exploring.problem, fits[1])
    assert runs_of(exploring).rank(fits[1]) > runs_of(exploring).rank(fits[0])


def test_the_place_of_a_component_of_few_rows_is_given_to_others():
    rng = np.random.default_rng(0)
    rows, labels = apart(rng)
    exploring = exploration_of(rows, 3)
    labels = np.where(labels == 1, 0, labels // 2)  # two clusters in one component
    labels[:2] = 2
    first = start_from(exploring.problem.source, from_labels(labels, 3), 3, exploring.problem.m_step)
    spike = run(exploring.problem.source, first, exploring.problem.m_step, tol=1e-4, max_iter=0)
    assert underpopulated(exploring.problem, spike) == (2,)
    fit = exploring.without_underpopulated(runs_of(exploring), spike, rng)
    assert underpopulated(exploring.problem, fit) == ()
    assert fit.state.statistics.mass.min() > 140
    assert exploring.without_underpopulated(runs_of(exploring), fit, rng) is fit


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_an_interruption_of_a_long_run_keeps_the_best_so_far():
    rows = clusters(np.random.default_rng(0), 400, spread=1.0)

    def interrupt(state, _gain):
        if state.n_iter > 12:
            raise KeyboardInterrupt

    exploring = exploration_of(rows, 3, tol=1e-9, watch=interrupt)
    running = runs_of(exploring)
    found = exploring.explore(np.random.default_rng(0), running)
    assert found.fit.status is Status.INTERRUPTED
    assert found.fit.state.statistics.weight == pytest.approx(400)
    assert found.fit.state.log_posterior == pytest.approx(running.ledger.best.state.log_posterior)


@pytest.mark.parametrize("n", [400, 9000])
@pytest.mark.parametrize("n_runs", [1, 4, 15])
def test_an_interruption_between_runs_keeps_the_best_so_far(monkeypatch, n_runs, n):
    rows, done = clusters(np.random.default_rng(0), n), []

    def interrupted(*arguments, **options):
        done.append(1)
        if len(done) == n_runs + 1:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(runs, "run", interrupted)
    monkeypatch.setattr(runs, "run_to_limit", interrupted)
    found = explored(rows, 3, schedule=ONE_BY_ONE)
    assert found.fit.status is Status.INTERRUPTED
    assert found.fit.state.statistics.weight == pytest.approx(n)
    assert found.fit.state.log_likelihood == pytest.approx(found.fit.state.mixture.logpdf(rows).mean())
    assert found.n_passes > 0
    assert found.optima == ()


def test_an_interruption_among_starts_side_by_side_keeps_the_best_so_far(monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    rows = clusters(np.random.default_rng(0), 300)
    monkeypatch.setattr(BatchEM, "run", interrupted)
    found = explored(rows, 3)
    assert found.fit.status is Status.INTERRUPTED
    assert found.fit.state.log_likelihood == pytest.approx(found.fit.state.mixture.logpdf(rows).mean())


def test_an_interruption_before_any_run_is_passed_on(monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    rows = clusters(np.random.default_rng(0), 200)
    for module, name in ((runs, "run_to_limit"), (starts, "make_user_start")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                explored(rows, 3)


def test_a_mixture_comes_from_runs_of_any_origin():
    rows = clusters(np.random.default_rng(0), 200)
    exploring = exploration_of(rows, 2)
    first = Mixture([0.5, 0.5], rows[:2], np.repeat(np.eye(2)[None], 2, axis=0))
    running = runs_of(exploring)
    fit = running.run(exploring.problem.source, first, 5)
    gone_on = running.run(exploring.problem.source, fit, 9)
    assert fit.state.n_iter == 5
    assert gone_on.history[:6] == fit.history
    assert running.ledger.n_passes == 1 + gone_on.state.n_passes
