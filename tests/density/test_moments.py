import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, integral, mixture
from gaussmix import Mixture

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@forms
@given(seed=seeds)
def test_moments_are_integrals_of_the_density(form, seed):
    model = mixture(np.random.default_rng(seed), form, spread=1.0)
    for feature in range(2):
        line = model.marginal(feature)
        mean, deviation = line.mean[0], np.sqrt(line.covariance[0, 0])

        def moment(power, line=line, mean=mean, deviation=deviation):
            return integral(lambda z: z**power * deviation * line.pdf(mean + deviation * z[:, None]), -30, 30)

        assert moment(1) == pytest.approx(0.0, abs=1e-7)
        assert moment(2) == pytest.approx(1.0, rel=1e-7)
        assert model.skewness[feature] == pytest.approx(moment(3), rel=1e-6, abs=1e-7)
        assert model.kurtosis[feature] == pytest.approx(moment(4) - 3.0, rel=1e-6, abs=1e-7)


@forms
@given(seed=seeds, scale=st.sampled_from([1e-100, -1e-6, 1e100]))
def test_units_and_offsets_do_not_matter(form, seed, scale):
    model = mixture(np.random.default_rng(seed), form)
    mapped = model.transform(scale * np.eye(2), 3.0 * scale)
    np.testing.assert_allclose(mapped.skewness, np.sign(scale) * model.skewness, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mapped.kurtosis, model.kurtosis, rtol=1e-8, atol=1e-10)


def test_one_gaussian_has_neither():
    model = Mixture([1.0], [[5.0, 1.0]], [[[2.0, 1.0], [1.0, 4.0]]])
    np.testing.assert_allclose(model.skewness, 0.0)
    np.testing.assert_allclose(model.kurtosis, 0.0, atol=1e-15)
