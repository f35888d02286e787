import numpy as np
import pytest

from cases import FORMS, mixture
from gaussmix import Diagonal, Full, Spherical, Tied
from gaussmix.density.mix import mix
from gaussmix.density.subset import subset


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("other", FORMS, ids=lambda form: form.__name__)
def test_the_density_is_the_sum_of_the_densities(form, other):
    rng = np.random.default_rng(0)
    parts, points = [mixture(rng, form, 2, 3), mixture(rng, other, 3, 3)], rng.normal(size=(20, 3))
    joined = mix(parts, np.array([0.3, 0.7]))
    expected = np.logaddexp(np.log(0.3) + parts[0].logpdf(points), np.log(0.7) + parts[1].logpdf(points))
    np.testing.assert_allclose(joined.logpdf(points), expected, rtol=1e-10)
    for part, place in zip(parts, (slice(0, 2), slice(2, 5)), strict=True):
        np.testing.assert_allclose(subset(joined, place).logpdf(points), part.logpdf(points), rtol=1e-10)


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        ((Spherical, Spherical), Spherical),
        ((Spherical, Diagonal), Diagonal),
        ((Tied, Tied), Full),
        ((Diagonal, Full), Full),
    ],
)
def test_no_matrix_is_made_of_diagonals_alone(forms, expected):
    rng = np.random.default_rng(0)
    parts = [mixture(rng, form, 2, 3) for form in forms]
    assert type(mix(parts, np.array([0.5, 0.5])).covariances) is expected
