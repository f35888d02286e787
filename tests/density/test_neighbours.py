import numpy as np
import pytest

from cases import FORMS, mixture
from gaussmix.density.gaussian_pairs import CentredGaussians, kl_divergences
from gaussmix.density.neighbours import expected_log_joint, neighbours

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


@forms
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_expected_log_joint_densities_are_what_divergences_say(form, offset):
    model = mixture(np.random.default_rng(0), form, n_components=7, n_features=3, offset=offset)
    of_all = CentredGaussians.from_mixture(model)
    entropies = 0.5 * (3 * np.log(2 * np.pi * np.e) + of_all.log_dets)
    expected = np.log(model.weights) - kl_divergences(of_all, of_all) - entropies[:, None]
    np.testing.assert_allclose(expected_log_joint(model, slice(None)), expected, rtol=1e-9)
    np.testing.assert_allclose(expected_log_joint(model, slice(2, 5)), expected[2:5], rtol=1e-9)


@forms
def test_neighbours_are_the_likeliest(form):
    model = mixture(np.random.default_rng(1), form, n_components=20, n_features=4)
    found = neighbours(model, 5)
    expected = np.argsort(-expected_log_joint(model, slice(None)), axis=1)[:, :5]
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))


def test_there_are_no_more_neighbours_than_components():
    model = mixture(np.random.default_rng(1), n_components=4)
    np.testing.assert_array_equal(neighbours(model, 9), np.tile(np.arange(4), (4, 1)))
