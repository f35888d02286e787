"""The starts of one evaluation; tests/selection/test_sweeps.py tests what searches make of them."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from cases import clusters
from gaussmix.density.reduction import cheapest_merges
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.initialization.assignments import from_labels
from gaussmix.selection import Candidate, Search, starts
from gaussmix.sources import ArraySource
from gaussmix.structures import named

ROWS = clusters(np.random.default_rng(5), n=240, n_components=4)
LABELS = np.random.default_rng(0).integers(4, size=len(ROWS))
RIDGE = np.full(2, 1e-6)
MODELS = tuple(MStep(named(name), RIDGE) for name in ("EII", "VII", "VVI", "EEE", "VVV"))


@dataclass(frozen=True, eq=False)
class Counted(ArraySource):
    """Rows that count the sums under given responsibilities."""

    summed: list[int] = field(default_factory=list)

    def summarize(self, assignment, origin, moments):
        self.summed.append(len(origin))
        return super().summarize(assignment, origin, moments)


def search(rows=ROWS, n_components=(1, 2, 3, 4), m_steps=MODELS, **options):
    source = rows if isinstance(rows, ArraySource) else ArraySource(rows)
    return Search(source, n_components, m_steps, **options)


def partition(k):
    return from_labels(LABELS % k, k)


def fitted(m_step, k, *, seed=0, max_iter=30):
    resp = np.random.default_rng(seed).dirichlet(np.full(k, 0.1), size=len(ROWS))
    sums = ArraySource(ROWS).summarize(lambda span, _: resp[span], np.zeros((k, 2)), m_step.moments)
    return Candidate(m_step, k, fit=run(ArraySource(ROWS), m_step.maximize(sums), m_step, tol=1e-6, max_iter=max_iter))


def table(structures=MODELS, numbers=(2, 3, 4)):
    return {(m_step.structure, k): fitted(m_step, k) for m_step in structures for k in numbers}


TABLE = table()
VVV = MODELS[-1]


def made(found, m_step=VVV):
    return [start(m_step) for start in found]


def mixtures_of(found):
    return [start.mixture for start in found]


def same(one, other):
    return np.array_equal(one.means, other.means) and np.array_equal(one.factors, other.factors)


# --- Partitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("n_init", [0, 2])
def test_there_is_a_start_from_the_tree_and_one_for_each_run_of_k_means(k, n_init):
    found = starts.partition_starts(search(n_init=n_init), k, partition, None, np.random.default_rng(0))
    assert len(found) == 1 + n_init * (k > 1)
    for m_step in MODELS:
        for mixture in made(found, m_step):
            assert mixture.n_components == k
            assert isinstance(mixture.covariances, m_step.structure.form)


def test_the_start_from_the_tree_has_the_moments_of_its_clusters():
    (first,) = starts.partition_starts(search(n_init=0), 3, partition, None, np.random.default_rng(0))
    mixture = first(VVV)
    for k in range(3):
        members = ROWS[k == LABELS % 3]
        assert mixture.weights[k] == pytest.approx(len(members) / len(ROWS))
        np.testing.assert_allclose(mixture.means[k], members.mean(axis=0))
        covariance = np.cov(members.T, bias=True) + np.diag(RIDGE)
        np.testing.assert_allclose(mixture.covariances.covariances[k], covariance)


def test_a_partition_is_summed_once_for_all_structures_with_the_same_moments():
    source = Counted(ROWS)
    found = starts.partition_starts(search(source, n_init=0), 3, partition, None, np.random.default_rng(0))
    before = len(source.summed)
    for m_step in MODELS:
        made(found, m_step)
    assert len(source.summed) == before
    fewer = Counted(ROWS)
    starts.partition_starts(search(fewer, n_init=0, m_steps=MODELS[-1:]), 3, partition, None, np.random.default_rng(0))
    n_moments = len({m_step.moments for m_step in MODELS})
    assert before - len(fewer.summed) == n_moments - 1


def test_the_pooled_covariance_is_that_of_all_rows():
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(ROWS))
    pooled = starts.pooled_covariance(search(ArraySource(ROWS, weights)))
    expected = np.cov(ROWS.T, aweights=weights, bias=True) + np.diag(RIDGE)
    np.testing.assert_allclose(pooled.covariances, expected)


def test_rows_in_a_plane_have_no_pooled_covariance():
    flat = np.column_stack([ROWS[:, 0], np.zeros(len(ROWS))])
    bare = tuple(MStep(m_step.structure, np.zeros(2)) for m_step in MODELS)
    assert starts.pooled_covariance(search(flat, m_steps=bare)) is None


# --- Merges and splits -----------------------------------------------------------------------------------------------


def test_a_sweep_down_merges_the_fit_of_the_next_larger_model():
    candidate = replace(TABLE[VVV.structure, 3], fit=None)
    found = mixtures_of(starts.starts_after_merges(search(), TABLE, candidate))
    above = TABLE[VVV.structure, 4].mixture
    expected = cheapest_merges(above, 2)
    assert all(same(one, other) for one, other in zip(found, expected, strict=False))
    for mixture in found[:2]:
        assert mixture.n_components == 3
        np.testing.assert_allclose(mixture.mean, above.mean)
        np.testing.assert_allclose(mixture.covariance, above.covariance)


def test_more_walks_try_more_merges():
    candidate = TABLE[VVV.structure, 3]
    counts = [len(starts.starts_after_merges(search(n_walks=n_walks), TABLE, candidate)) for n_walks in (1, 2)]
    assert counts[1] == counts[0] + 2


def test_gaps_in_the_numbers_of_components_are_bridged():
    sparse = search(n_components=(2, 4))
    found = mixtures_of(starts.starts_after_merges(sparse, TABLE, replace(TABLE[VVV.structure, 2], fit=None)))
    assert {mixture.n_components for mixture in found} == {2}
    found = mixtures_of(starts.starts_after_splits(sparse, TABLE, replace(TABLE[VVV.structure, 4], fit=None)))
    assert {mixture.n_components for mixture in found} == {4}


def test_a_sweep_up_splits_the_fit_of_the_next_smaller_model_the_most_likely_first():
    candidate = TABLE[VVV.structure, 4]
    found = mixtures_of(starts.starts_after_splits(search(), TABLE, candidate))
    below = TABLE[VVV.structure, 3].mixture
    for mixture in found[:3]:
        assert mixture.n_components == 4
        np.testing.assert_allclose(mixture.mean, below.mean)
        np.testing.assert_allclose(mixture.covariance, below.covariance)
    likelihoods = [mixture.logpdf(ROWS).sum() for mixture in found[:3]]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_a_sweep_up_takes_the_fits_of_neighbouring_structures_alone():
    candidate = TABLE[VVV.structure, 4]
    found = mixtures_of(starts.starts_after_splits(search(), TABLE, candidate))[3:]
    neighbours = [one for (structure, k), one in TABLE.items() if k == 4 and VVV.structure.is_neighbour(structure)]
    assert [id(mixture) for mixture in found] == [id(one.mixture) for one in neighbours]


def test_the_best_smaller_mixture_of_any_structure_is_split():
    plan = search()
    (start,) = starts.split_starts(plan, TABLE, 4)
    best = min((one for (_, k), one in TABLE.items() if k == 3), key=lambda one: one.criterion(plan.criterion))
    assert start.mixture.n_components == 4
    np.testing.assert_allclose(start.mixture.covariance, best.mixture.covariance)


def test_there_is_nothing_to_split_below_the_smallest_model():
    assert starts.split_starts(search(), TABLE, 2) == []
    unfitted = {key: replace(one, fit=None) for key, one in TABLE.items()}
    assert starts.split_starts(search(), unfitted, 4) == []


def test_a_fit_that_is_missing_gives_no_starts():
    unfitted = {key: replace(one, fit=None) for key, one in TABLE.items()}
    candidate = unfitted[VVV.structure, 3]
    assert starts.starts_after_merges(search(), unfitted, candidate) == []
    assert starts.starts_after_splits(search(), unfitted, candidate) == []


# --- Nested structures -----------------------------------------------------------------------------------------------


def test_a_better_fit_of_a_nested_structure_is_a_start():
    poor = fitted(VVV, 3, max_iter=0)
    candidates = {**TABLE, (VVV.structure, 3): poor}
    nested = [one for (structure, k), one in TABLE.items() if k == 3 and structure != VVV.structure]
    best = max(nested, key=lambda one: one.log_likelihood)
    assert best.log_likelihood > poor.log_likelihood
    (start,) = starts.nested_starts(search(), candidates, poor)
    assert start.mixture is best.mixture


def test_a_worse_fit_of_a_nested_structure_is_no_start():
    spherical = fitted(MODELS[0], 3)
    better = max((fitted(VVV, 3, seed=seed) for seed in range(4)), key=lambda one: one.log_likelihood)
    assert better.log_likelihood > spherical.log_likelihood
    candidates = {(MODELS[0].structure, 3): spherical, (VVV.structure, 3): better}
    assert starts.nested_starts(search(), candidates, better) == []


def test_a_better_fit_of_a_larger_structure_is_no_start():
    smaller = fitted(MODELS[0], 3, max_iter=0)
    candidates = {(MODELS[0].structure, 3): smaller, (VVV.structure, 3): TABLE[VVV.structure, 3]}
    assert starts.nested_starts(search(), candidates, smaller) == []


def test_a_collapsed_nested_fit_is_no_start_for_a_sound_model():
    sound = fitted(VVV, 3, max_iter=0)
    nested = {
        key: replace(one, collapsed=(0,)) for key, one in TABLE.items() if key[1] == 3 and key[0] != VVV.structure
    }
    assert starts.nested_starts(search(), {**nested, (VVV.structure, 3): sound}, sound) == []


def test_a_start_from_a_mixture_is_the_mixture_of_each_model_after_one_step():
    (start,) = starts.split_starts(search(), TABLE, 4)
    resp = start.mixture.responsibilities(ROWS)
    for m_step in MODELS:
        sums = ArraySource(ROWS).summarize(lambda span, _: resp[span], start.mixture.means, m_step.moments)
        expected, mixture = m_step.maximize(sums), start(m_step)
        assert isinstance(mixture.covariances, m_step.structure.form)
        np.testing.assert_allclose(mixture.means, expected.means, rtol=1e-10)
        np.testing.assert_allclose(mixture.covariances.dense(4, 2), expected.covariances.dense(4, 2), rtol=1e-8)
