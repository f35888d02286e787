"""Starts of several families, compared side by side."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaussmix import GaussianMixture, Mixture
from gaussmix.em import run
from gaussmix.em.batch import BatchEM
from gaussmix.em.m_step import MStep
from gaussmix.fitting import Problem
from gaussmix.fitting.diverse_starts import DiverseStarts
from gaussmix.fitting.penalty import loss_if_regularized, losses_if_regularized
from gaussmix.fitting.schedule import SCHEDULE, SCHEDULES
from gaussmix.fitting.side_by_side import compare_side_by_side, count_starts, run_side_by_side, suits_short_runs
from gaussmix.initialization import make_user_start
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, Structure, named


def problem_of(
    rows: np.ndarray, structure: Structure, n_components: int = 3, weights: np.ndarray | None = None
) -> Problem:
    source = ArraySource(rows, weights)
    return Problem.of(source, n_components, MStep(structure, 1e-6 * rows.var(axis=0)))


def clusters(n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(120, n_features)) + 5.0 * rng.integers(0, 3, 120)[:, None]


@pytest.mark.parametrize("n_features", [1, 2, 5])
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
def test_each_family_makes_mixtures_with_all_components(structure: Structure, n_features: int) -> None:
    rows = clusters(n_features)
    em = BatchEM(rows, np.ones(len(rows)), structure, 1e-6 * rows.var(axis=0))
    batch, _ = DiverseStarts(em, 3, np.random.default_rng(0)).make(24)
    assert batch.weights.shape == (len(batch), 3)
    assert 20 <= len(batch) <= 28
    assert_allclose(batch.weights.sum(axis=1), 1.0)
    for i in range(len(batch)):
        mixture = batch.mixture(i)
        assert mixture.weights.min() > 0
        assert np.isfinite(mixture.logpdf(rows)).all()


def test_a_row_of_weight_two_counts_like_two_rows() -> None:
    rows = clusters(2)
    counts = np.random.default_rng(1).integers(1, 4, len(rows))
    starts = []
    for each, weights in ((rows, counts.astype(float)), (np.repeat(rows, counts, axis=0), np.ones(counts.sum()))):
        em = BatchEM(each, weights, named("full"), np.full(2, 1e-6))
        starts.append(DiverseStarts(em, 3, np.random.default_rng(0)).make(30)[0])
    same = np.isclose(starts[0].means, starts[1].means, rtol=1e-6).all(axis=(1, 2))
    assert same.mean() > 0.9  # sums in another order can move a row across the bound of a group


@pytest.mark.parametrize("name", ["full", "diag"])
def test_losses_of_many_components_are_those_of_each(name: str) -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(4, 3, 3))
    dense = half @ half.transpose(0, 2, 1) + 0.01 * np.eye(3)
    values = dense if name == "full" else np.diagonal(dense, axis1=1, axis2=2)
    mixture = Mixture(np.full(4, 0.25), rng.normal(size=(4, 3)), values)
    mass, variances = rng.uniform(0.5, 4.0, 4), rng.uniform(0.5, 2.0, 3)
    many = losses_if_regularized(mixture.covariances.dense(4, 3), mass, variances, 4)
    each = [loss_if_regularized(mixture, k, float(mass[k]), variances) for k in range(4)]
    assert_allclose(many, each, rtol=1e-8)


def test_the_finalists_are_at_different_solutions_the_best_first() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    problem = problem_of(rows, named("full"))
    finalists = compare_side_by_side(problem, problem.source, 48, 4, np.random.default_rng(0))
    values = [mixture.logpdf(rows).sum() for mixture in finalists.mixtures]
    assert 1 < len(values) <= 4
    assert values == sorted(values, reverse=True)
    assert finalists.n_passes > 48 * 5


def test_well_separated_clusters_agree() -> None:
    rows = np.concatenate([np.random.default_rng(k).normal(size=(60, 2)) + 20 * k for k in range(3)])
    problem = problem_of(rows, named("full"))
    assert compare_side_by_side(problem, problem.source, 48, 4, np.random.default_rng(0)).agreed


@pytest.mark.parametrize("seed", range(5))
def test_a_tight_component_inside_a_wide_one_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.random(400) < 0.4
    rows = rng.normal(size=(400, 2)) * np.where(inside, 1.0, 6.0)[:, None]
    truth = GaussianMixture(2, covariance_type="spherical", init_params=inside.astype(int), tol=1e-8, max_iter=1000)
    best = truth.fit(rows).log_likelihood_
    default = GaussianMixture(2, covariance_type="spherical", random_state=seed).fit(rows)
    assert default.log_likelihood_ > best - 1e-4


def test_large_tables_and_models_with_priors_race_one_after_the_other() -> None:
    rows = clusters(2)
    problem = problem_of(rows, named("full"))
    assert count_starts(problem, problem.source, SCHEDULE) > 0
    many = problem_of(np.random.default_rng(0).normal(size=(20_000, 4)), named("full"))
    assert count_starts(many, many.source, SCHEDULE) == 0
    prior = NormalInverseWishart(np.zeros(2), 0.01, 4.0, np.eye(2))
    for options in ({"prior": prior}, {"eigenvalue_ratio": 10.0}):
        held = problem.with_model(MStep(named("full"), np.full(2, 1e-6), **options))
        assert count_starts(held, held.source, SCHEDULE) == 0


def test_more_effort_compares_more_starts_and_is_no_worse() -> None:
    rows = np.random.default_rng(2).standard_t(3, size=(150, 2))
    fits = [GaussianMixture(4, effort=effort, random_state=0).fit(rows) for effort in SCHEDULES]
    assert fits[0].n_passes_ < fits[1].n_passes_ < fits[2].n_passes_
    assert fits[2].objective_ > fits[0].objective_ - 1e-4


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(ValueError, match="effort"):
        GaussianMixture(2, effort="most").fit(np.zeros((10, 2)))


# --- Short runs ------------------------------------------------------------------------------------------------------


def starts_for(problem: Problem, n_starts: int = 4) -> list[Mixture]:
    rng = np.random.default_rng(2)
    return [make_user_start("random_from_data", problem.source, 3, problem.m_step, rng) for _ in range(n_starts)]


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII"])
def test_short_runs_are_runs_of_em_the_best_first(name: str) -> None:
    problem = problem_of(clusters(2), named(name), weights=np.random.default_rng(3).uniform(0.5, 2.0, 120))
    starts = starts_for(problem)
    fits = run_side_by_side(problem, problem.source, starts, 5, 2)
    each = [run(problem.source, start, problem.m_step, tol=0.0, max_iter=5) for start in starts]
    each.sort(key=lambda fit: -fit.history[-2])
    assert len(fits) == 2
    for found, expected in zip(fits, each, strict=False):
        assert found.state.n_iter == 5
        assert_allclose(found.history, expected.history, rtol=1e-7)
        assert_allclose(found.state.mixture.means, expected.state.mixture.means, rtol=1e-5, atol=1e-6)


def test_em_goes_on_where_a_short_run_ends() -> None:
    problem = problem_of(clusters(2), named("VVV"))
    (fit,) = run_side_by_side(problem, problem.source, starts_for(problem), 5, 1)
    ended = run(problem.source, fit, problem.m_step, tol=1e-10, max_iter=500)
    assert ended.history[: len(fit.history)] == fit.history
    assert (np.diff(ended.history) >= -1e-12).all()
    whole = run(problem.source, fit.state.mixture, problem.m_step, tol=1e-10, max_iter=500)
    assert ended.state.log_likelihood == pytest.approx(whole.state.log_likelihood, abs=1e-9)


def test_starts_that_collapse_are_left_out_of_short_runs() -> None:
    problem = problem_of(clusters(2), named("VVV"))
    good = starts_for(problem, 1)
    singular = Mixture(np.full(3, 1 / 3), np.full((3, 2), 1e300), np.full((3, 2), 1e-300))
    assert len(run_side_by_side(problem, problem.source, [*good, singular, *good], 5, 5)) == 2
    assert run_side_by_side(problem, problem.source, [singular], 5, 5) == []


def test_short_runs_are_for_small_tables_and_plain_models() -> None:
    problem = problem_of(clusters(2), named("VVV"))
    assert suits_short_runs(problem, problem.source)
    large = problem_of(np.random.default_rng(0).normal(size=(200_000, 2)), named("VVV"))
    assert not suits_short_runs(large, large.source)
    bounded = problem.with_model(replace(problem.m_step, eigenvalue_ratio=3.0))
    assert not suits_short_runs(bounded, problem.source)
