import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, mixture
from gaussmix import Mixture
from gaussmix.density.monte_carlo import MonteCarlo, _mean_and_error

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@every_form
@given(seed=seeds, n_features=st.integers(1, 4), n_components=st.integers(1, 5))
def test_means_are_the_mixtures_within_their_error(form, seed, n_features, n_components):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    value, error = MonteCarlo.from_seed(5000, seed).mean(model, lambda rows: rows[:, 0] ** 2)
    assert abs(value - model.covariance[0, 0] - model.mean[0] ** 2) < 5 * error


@every_form
def test_the_standard_error_is_that_of_repeated_draws(form):
    model = mixture(np.random.default_rng(0), form)
    monte_carlo = MonteCarlo.from_seed(500, 1)
    values, errors = np.transpose([monte_carlo.mean(model, lambda rows: rows.sum(axis=1) ** 2) for _ in range(1000)])
    assert np.std(values) == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.12)  # 5 of its own deviations


def test_a_component_is_drawn_from_however_rare_it_is():
    model = Mixture([1.0 - 1e-12, 1e-12], [[0.0], [1e9]], [1.0, 1.0])
    value, error = MonteCarlo.from_seed(100, 0).mean(model, lambda rows: rows[:, 0] ** 2)
    assert value == pytest.approx(1e6, rel=1e-6)
    assert error < 1.0


def test_components_without_weight_are_left_out():
    model = Mixture([0.0, 1.0], [[0.0], [5.0]], [1.0, 1.0])
    assert MonteCarlo.from_seed(100, 0).mean(model, lambda rows: np.floor(rows[:, 0] / 1e3)) == (0.0, 0.0)


def test_no_block_is_large():
    model, sizes = mixture(np.random.default_rng(0)), []
    MonteCarlo.from_seed(50_000, 0).mean(model, lambda rows: sizes.append(len(rows)) or rows[:, 0])
    assert 50_000 <= sum(sizes) <= 50_003
    assert max(sizes) <= 4096


@given(seed=seeds, sizes=st.lists(st.integers(1, 50), min_size=2, max_size=6), offset=st.sampled_from([0.0, 1e8]))
def test_blocks_have_the_moments_of_all_their_values(seed, sizes, offset):
    rng = np.random.default_rng(seed)
    blocks = [offset + rng.normal(loc=rng.normal(), size=size) for size in sizes]
    every = np.concatenate(blocks)
    mean, error = _mean_and_error(blocks)
    assert mean == pytest.approx(every.mean(), rel=1e-14, abs=1e-14)
    assert error == pytest.approx(every.std(ddof=1) / np.sqrt(len(every)), rel=1e-6)


def test_values_that_are_all_alike_have_no_error():
    assert _mean_and_error([np.full(3, 0.25), np.full(5, 0.25)]) == (0.25, 0.0)


@pytest.mark.parametrize("n_samples", [1, 0, -5])
def test_too_few_rows_are_refused(n_samples):
    with pytest.raises(ValueError, match=f"n_samples must be at least 2, got {n_samples}"):
        MonteCarlo.from_seed(n_samples, None)
