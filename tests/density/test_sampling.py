import itertools
import tracemalloc

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cases import FORMS, mixture
from gaussmix import Mixture
from gaussmix.density import sampling

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@forms
@pytest.mark.parametrize("stratified", [False, True], ids=["random", "stratified"])
def test_samples_have_the_moments_of_the_mixture(form, stratified):
    model = mixture(np.random.default_rng(6), form)
    rows, components = model.sample(200_000, random_state=1, return_components=True, stratified=stratified)
    standard_error = np.sqrt(np.diag(model.covariance) / len(rows))
    assert (np.abs(rows.mean(axis=0) - model.mean) < 5 * standard_error).all()
    np.testing.assert_allclose(np.cov(rows.T), model.covariance, atol=0.05 * model.covariance.max())
    np.testing.assert_allclose(np.bincount(components) / len(rows), model.weights, atol=0.01)
    for k in range(3):
        own = rows[components == k]
        np.testing.assert_allclose(np.cov(own.T), model.covariances.dense(3, 2)[k], atol=0.05)
        assert (np.abs(own.mean(axis=0) - model.means[k]) < 5 * own.std(axis=0) / np.sqrt(len(own))).all()


@forms
def test_samples_follow_the_density(form):
    """Compare the contents of the density levels of two samples, which are uniform for any mixture."""
    model = mixture(np.random.default_rng(2), form)
    one, other = (model.logpdf(model.sample(20_000, random_state=seed)) for seed in (1, 2))
    assert stats.ks_2samp(one, other).pvalue > 1e-4
    line = model.marginal(0)
    assert stats.kstest(line.cdf(line.sample(20_000, random_state=3)[:, 0]), "uniform").pvalue > 1e-4


@forms
def test_the_mean_density_of_samples_is_its_integral(form):
    model = mixture(np.random.default_rng(3), form, spread=1.0)
    densities = model.pdf(model.sample(100_000, random_state=1))
    dense = model.covariances.dense(3, 2)
    pairs = itertools.product(range(3), range(3))
    whole = sum(
        model.weights[i]
        * model.weights[j]
        * stats.multivariate_normal(model.means[i], dense[i] + dense[j]).pdf(model.means[j])
        for i, j in pairs
    )
    assert abs(densities.mean() - whole) < 5 * densities.std() / np.sqrt(len(densities))


def test_samples_follow_the_seed_and_a_generator_advances():
    model = mixture(np.random.default_rng(0))
    np.testing.assert_array_equal(model.sample(5, random_state=1), model.sample(5, random_state=1))
    rng = np.random.default_rng(1)
    assert not np.array_equal(model.sample(5, random_state=rng), model.sample(5, random_state=rng))
    assert model.sample(0).shape == (0, 2)
    assert model.sample().shape == (1, 2)


@forms
def test_the_number_of_threads_changes_no_bit(form):
    model = mixture(np.random.default_rng(0), form, n_features=16)
    assert 4 * sampling._NUMBERS < 100_000 * 16  # there is work for several
    drawn = []
    for n_jobs in (1, 2, 3):
        with joblib.parallel_config(backend="threading", n_jobs=n_jobs):
            drawn.append(model.sample(100_000, random_state=1, return_components=True))
    for rows, components in drawn[1:]:
        np.testing.assert_array_equal(rows, drawn[0][0])
        np.testing.assert_array_equal(components, drawn[0][1])


@forms
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
def test_what_is_drawn_piece_by_piece_belongs_to_its_components(form, shuffle, monkeypatch):
    monkeypatch.setattr(sampling, "_NUMBERS", 200)
    monkeypatch.setattr(sampling, "_NUMBERS_PER_COMPONENT", 1)
    model = mixture(np.random.default_rng(6), form, n_components=4)
    model = Mixture([0.5, 0.0, 0.3, 0.2], model.means, model.covariances)
    rows, components = model.sample(20_000, random_state=1, return_components=True, shuffle=shuffle)
    assert len(np.unique(rows, axis=0)) == 20_000
    for k in (0, 2, 3):
        white = np.linalg.solve(model.covariances.cholesky(4, 2)[k], (rows[components == k] - model.means[k]).T).T
        assert all(stats.kstest(column, "norm").pvalue > 1e-4 for column in white.T)
        assert abs(np.corrcoef(white.T)[0, 1]) < 5 / np.sqrt(len(white))
        assert abs(np.corrcoef(white[:-1].ravel(), white[1:].ravel())[0, 1]) < 5 / np.sqrt(white.size)
    assert not (components == 1).any()


def test_components_do_not_change_the_rows():
    model = mixture(np.random.default_rng(0))
    rows, components = model.sample(50, random_state=1, return_components=True)
    np.testing.assert_array_equal(rows, model.sample(50, random_state=1))
    assert components.shape == (50,)


@given(seed=seeds, n=st.integers(0, 300), n_components=st.integers(1, 6))
def test_strata_are_to_the_nearest_whole_number(seed, n, n_components):
    model = mixture(np.random.default_rng(seed), n_components=n_components)
    _, components = model.sample(n, random_state=seed, return_components=True, stratified=True)
    counts = np.bincount(components, minlength=n_components)
    assert counts.sum() == n
    assert (np.abs(counts - n * model.weights) < 1 + 1e-9).all()


def test_strata_are_right_on_average():
    model = Mixture([0.25, 0.75], [[0.0], [1.0]], [1.0, 1.0])
    rng = np.random.default_rng(0)
    drawn = [model.sample(1, random_state=rng, return_components=True, stratified=True)[1][0] for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.035)


def test_components_without_weight_are_never_drawn():
    model = Mixture([0.0, 1.0 - 1e-9, 0.0, 1e-9, 0.0], np.zeros((5, 1)), np.ones(5))
    for options in ({}, {"stratified": True}):
        _, components = model.sample(50_000, random_state=0, return_components=True, **options)
        assert set(components.tolist()) <= {1, 3}


def test_without_shuffling_components_come_one_after_the_other():
    model = mixture(np.random.default_rng(0))
    _, components = model.sample(1000, random_state=1, return_components=True, shuffle=False)
    assert (np.diff(components) >= 0).all()
    _, components = model.sample(1000, random_state=1, return_components=True)
    assert (np.diff(components) < 0).any()


@forms
def test_blocks_are_samples_too(form):
    model = mixture(np.random.default_rng(6), form)
    blocks = list(model.sample_blocks(100_001, n_rows=30_000, random_state=1))
    assert [len(rows) for rows, _ in blocks] == [30_000, 30_000, 30_000, 10_001]
    rows, components = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    assert (np.abs(rows.mean(axis=0) - model.mean) < 5 * np.sqrt(np.diag(model.covariance) / len(rows))).all()
    np.testing.assert_allclose(np.bincount(components) / len(rows), model.weights, atol=0.01)
    assert not np.array_equal(blocks[0][0], blocks[1][0])


def test_a_sample_is_one_block():
    model = mixture(np.random.default_rng(6))
    rows, components = model.sample(1000, random_state=1, return_components=True)
    ((block, own),) = model.sample_blocks(1000, n_rows=1000, random_state=1)
    np.testing.assert_array_equal(block, rows)
    np.testing.assert_array_equal(own, components)


def test_ten_million_rows_take_the_memory_of_a_block():
    model = mixture(np.random.default_rng(0), n_components=4, n_features=1)
    tracemalloc.start()
    total = sum(len(rows) for rows, _ in model.sample_blocks(10_000_000, random_state=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 10_000_000
    assert peak < 20e6


def test_a_large_sample_takes_little_more_than_itself():
    model = mixture(np.random.default_rng(0), n_components=4, n_features=8)
    tracemalloc.start()
    rows = model.sample(500_000, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * rows.nbytes


def test_wrong_numbers_of_rows_are_refused():
    model = mixture(np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_samples must be at least 0, got -1"):
        model.sample(-1)
    with pytest.raises(ValueError, match="n_samples must be at least 0, got -2"):
        model.sample_blocks(-2)
    with pytest.raises(ValueError, match=r"n_samples must be a whole number, at least 0, got 2\.5"):
        model.sample(2.5)
    with pytest.raises(ValueError, match="n_rows must be at least 1, got 0"):
        model.sample_blocks(5, n_rows=0)
