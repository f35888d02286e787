"""The order of components: by decreasing weight, for each seed, with all that belongs to a component."""

import numpy as np
import pytest

from gaussmix import GaussianMixture, GaussianMixtureSearch, Mixture
from gaussmix.em import Fit, Status
from gaussmix.em.loop import State
from gaussmix.em.m_step import MStep
from gaussmix.fitting.order import is_exchangeable, order_components, weight_order
from gaussmix.fitting.recovery import regularize
from gaussmix.sources import ArraySource
from gaussmix.sources.labelled import LabelledSource
from gaussmix.structures import named

SIZES, PLACES = (100, 200, 100, 50), (0.0, 8.0, 16.0, 24.0)
ROWS = np.concatenate(
    [np.random.default_rng(0).normal(place, 1, size=(n, 2)) for n, place in zip(SIZES, PLACES, strict=True)]
)
FORMS = ["full", "tied", "diag", "spherical", "VEE"]


@pytest.mark.parametrize("covariance_type", FORMS)
@pytest.mark.parametrize("init_params", ["explore", "kmeans"])
def test_the_order_does_not_depend_on_the_seed(covariance_type, init_params):
    for seed in range(4):
        model = GaussianMixture(4, covariance_type=covariance_type, init_params=init_params, random_state=seed).fit(
            ROWS
        )
        np.testing.assert_allclose(model.means_[:, 0], [8, 0, 16, 24], atol=0.5)
        np.testing.assert_allclose(model.weights_, [4 / 9, 2 / 9, 2 / 9, 1 / 9], atol=0.01)
        assert model.lower_bound_ == pytest.approx(model.score(ROWS), rel=1e-12)


def test_equal_weights_are_ordered_by_the_means():
    means = GaussianMixture(4, weights="equal", random_state=0).fit(ROWS).means_
    assert (np.diff(means[:, 0]) > 0).all()
    ties = Mixture([0.25] * 4, [[1.0, 2.0], [1.0, 0.0], [0.0, 5.0], [2.0, 0.0]], [1.0] * 4)
    assert weight_order(ties).tolist() == [2, 1, 0, 3]


def test_the_models_of_a_search_are_ordered():
    search = GaussianMixtureSearch([3, 4], structures=["full", "tied"], random_state=0).fit(ROWS)
    for one in search.results_.candidates:
        assert (np.diff(np.round(one.mixture.weights, 6)) <= 0).all()
    np.testing.assert_array_equal(search.weights_, search.results_.best.mixture.weights)


def test_a_start_of_the_user_keeps_its_order():
    means = np.array([[24.0, 24.0], [16.0, 16.0], [8.0, 8.0], [0.0, 0.0]])
    start = Mixture([0.25] * 4, means, np.ones(4))
    labels = np.repeat([3, 2, 1, 0], SIZES)
    for options in ({"init_params": start}, {"means_init": means}, {"init_params": labels}):
        model = GaussianMixture(4, random_state=0, **options).fit(ROWS)
        np.testing.assert_allclose(model.means_[:, 0], means[:, 0], atol=0.5)


def test_a_warm_start_keeps_the_order_of_the_first_fit():
    model = GaussianMixture(4, random_state=0, warm_start=True).fit(ROWS)
    before = model.means_
    np.testing.assert_allclose(model.fit(ROWS).means_, before, atol=1e-3)


@pytest.mark.parametrize("covariance_type", FORMS)
def test_all_that_belongs_to_a_component_moves_with_it(covariance_type):
    source, structure = ArraySource(ROWS), named(covariance_type)
    m_step = regularize(MStep(structure, np.full(2, 1e-3)), (1, 3), 4, np.ones(2))
    means = [[0.0, 0.0], [8.0, 8.0], [16.0, 16.0], [24.0, 24.0]]
    mixture = m_step.maximize(source.reduce(Mixture([0.25] * 4, means, np.ones(4)), structure.moments))
    fit = Fit(State(mixture, source.reduce(mixture, structure.moments), 1), (0.0,), Status.CONVERGED)
    ordered, model, order = order_components(fit, m_step)
    assert order.tolist() == weight_order(mixture).tolist()
    assert model.regularized == tuple(sorted(order.tolist().index(k) for k in (1, 3)))
    again = source.reduce(ordered.state.mixture, structure.moments)
    for name in ("origin", "mass", "first", "second"):
        found, wanted = getattr(ordered.state.statistics, name), getattr(again, name)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-7, err_msg=name)


def test_components_of_classes_keep_their_places():
    labels = np.repeat([0, 0, 1, 1], SIZES)
    source = LabelledSource(ROWS, labels=labels, sizes=(2, 2))
    assert not is_exchangeable(source, 4)
    assert is_exchangeable(ArraySource(ROWS), 4)


def test_a_message_names_the_component_in_its_place():
    rows = np.concatenate([ROWS, np.full((20, 2), 40.0)])
    with pytest.warns(match="Component 4 with 20 rows"):
        model = GaussianMixture(5, random_state=0).fit(rows)
    assert model.weights_.argmin() == 4
    assert model.diagnose(rows).spurious == (4,)
