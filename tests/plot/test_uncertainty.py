import numpy as np
import pytest

import cases
from gaussmix import Mixture, plot


def field(ax):
    """Return the places ``(n, 2)`` and the values ``(n,)`` of the map."""
    mesh = ax.collections[0]
    return mesh.get_coordinates().reshape(-1, 2), np.asarray(mesh.get_array()).ravel()


@pytest.mark.parametrize("form", cases.FORMS)
def test_the_map_is_one_less_the_largest_responsibility(form, ax):
    mixture = cases.mixture(np.random.default_rng(0), form, n_features=3)
    plot.uncertainty(mixture, features=(1, 2), ax=ax)
    places, values = field(ax)
    expected = 1.0 - mixture.marginal([1, 2]).responsibilities(places).max(axis=1)
    np.testing.assert_allclose(values, expected, atol=1e-12)


def test_rows_are_drawn_and_covered(ax):
    mixture = cases.mixture(np.random.default_rng(0))
    rows = np.array([[0.0, 0.0], [70.0, -80.0]])
    plot.uncertainty(mixture, rows, ax=ax)
    assert sorted(map(tuple, ax.collections[1].get_offsets())) == [(0.0, 0.0), (70.0, -80.0)]
    places, _ = field(ax)
    assert places[:, 0].max() > 70.0
    assert places[:, 1].min() < -80.0


def test_the_scale_goes_to_the_largest_uncertainty_there_is(ax):
    plot.uncertainty(cases.mixture(np.random.default_rng(0), n_components=4), ax=ax)
    assert ax.collections[0].get_clim() == (0.0, 0.75)
    scale = ax.figure.axes[1]
    assert scale.get_ylabel().startswith("1 ")


def test_one_component_is_certain_everywhere(ax):
    plot.uncertainty(Mixture([1.0], [[0.0, 0.0]], [1.0]), ax=ax)
    assert not field(ax)[1].any()
