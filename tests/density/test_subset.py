import numpy as np
import pytest

from cases import FORMS, mixture
from gaussmix.density.subset import subset


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("components", [slice(1, 4), np.array([False, True, True, True, False])])
def test_a_part_is_made_of_the_components_that_were_named(form, components):
    whole = mixture(np.random.default_rng(0), form, n_components=5, n_features=3)
    some = subset(whole, components)
    assert type(some.covariances) is form
    np.testing.assert_allclose(some.weights, whole.weights[1:4] / whole.weights[1:4].sum())
    np.testing.assert_array_equal(some.means, whole.means[1:4])
    np.testing.assert_array_equal(some.covariances.dense(3, 3), whole.covariances.dense(5, 3)[1:4])
