import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import FORMS, integral, mixture, vector
from gaussmix import Mixture
from gaussmix.density import conditioning

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@forms
@given(seed=seeds)
def test_a_conditional_density_is_joint_over_marginal(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=4)
    point = rng.normal(scale=3.0, size=4)
    order = rng.permutation(4)
    known, unknown = sorted(order[:2].tolist()), sorted(order[2:].tolist())
    conditional = model.condition({feature: point[feature] for feature in order[:2].tolist()})
    expected = model.logpdf([point])[0] - model.marginal(known).logpdf([point[known]])[0]
    assert conditional.logpdf([point[unknown]])[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@forms
@given(seed=seeds)
def test_conditional_moments_are_integrals_of_the_joint_density(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, spread=1.0)
    x = float(rng.normal())

    def moment(power):
        return integral(lambda y: y**power * model.pdf(np.stack([np.full_like(y, x), y], axis=1)), -40, 40)

    total, mean = moment(0), moment(1) / moment(0)
    conditional = model.condition({0: x})
    assert model.marginal(0).pdf([[x]])[0] == pytest.approx(total, rel=1e-8)
    assert conditional.mean[0] == pytest.approx(mean, rel=1e-8, abs=1e-8)
    assert conditional.covariance[0, 0] == pytest.approx(moment(2) / total - mean**2, rel=1e-7)


@forms
@given(seed=seeds, n=st.integers(1, 7))
def test_many_rows_are_each_row_alone(form, seed, n):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=4)
    x, z = rng.normal(scale=3.0, size=(2, n))
    batch = model.condition({2: z, 0: x})
    assert len(batch) == n
    values = rng.normal(size=(n, 2))
    for i, one in enumerate(batch):
        alone = model.condition({0: x[i], 2: z[i]})
        np.testing.assert_allclose(vector(one), vector(alone), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(batch.mean[i], alone.mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(batch.covariance[i], alone.covariance, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(batch.logpdf(values)[i], alone.logpdf(values[[i]])[0], rtol=1e-10)


@forms
@settings(max_examples=10)
@given(seed=seeds, n=st.integers(1, 5))
def test_quantiles_of_many_rows_are_those_of_each(form, seed, n):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form)
    batch, q = model.condition({0: rng.normal(scale=4.0, size=n)}), np.array([0.0, 1e-9, 0.3, 0.9, 1.0])
    for i, one in enumerate(batch):
        np.testing.assert_allclose(batch.ppf(q)[i], one.ppf(q), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(batch.interval(0.9)[i], one.interval(0.9), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(batch.interval([0.5, 0.9])[i], one.interval([0.5, 0.9]), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(batch.cdf(batch.ppf(0.3)), 0.3)
    assert batch.ppf(0.3).shape == (n,)


@forms
def test_blocks_change_nothing(form, monkeypatch):
    rng = np.random.default_rng(0)
    model, x, y = mixture(rng, form), rng.normal(size=50), rng.normal(size=50)
    batch = model.condition({0: x})

    def answers():
        return batch.mean, batch.covariance, batch.logpdf(y), batch.cdf(y), batch.ppf([0.1, 0.9])

    whole = answers()
    monkeypatch.setattr(conditioning, "_NUMBERS_AT_ONCE", 42)
    for one, other in zip(whole, answers(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@forms
@given(seed=seeds)
def test_forms_stay_and_what_is_independent_says_nothing(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=3)
    conditional = model.condition({1: 0.5})
    assert conditional.covariances.form == form.form
    if form.form in {"spherical", "diag"}:
        np.testing.assert_array_equal(conditional.means, model.means[:, [0, 2]])


@forms
@given(seed=seeds, scale=st.sampled_from([1e-6, 1e6]), offset=st.sampled_from([0.0, 1e8]))
def test_units_do_not_matter(form, seed, scale, offset):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=3)
    mapped = model.transform(scale * np.eye(3), scale * offset)
    plain, other = model.condition({0: 1.5}), mapped.condition({0: scale * (1.5 + offset)})
    tolerance = 1e-9 if offset == 0 else 1e-5  # digits that the offset leaves
    np.testing.assert_allclose(other.weights, plain.weights, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(other.means / scale - offset, plain.means, rtol=tolerance, atol=tolerance)
    dense = [one.covariances.dense(3, 2) for one in (other, plain)]
    np.testing.assert_allclose(dense[0] / scale**2, dense[1], rtol=1e-9, atol=1e-12)


def test_names_may_be_given_and_travel():
    some = mixture(np.random.default_rng(0), n_features=3)
    model = Mixture(some.weights, some.means, some.covariances, feature_names=["a", "b", "c"])
    by_name, by_index = model.condition({"c": 1.0, "a": 2.0}), model.condition({0: 2.0, 2: 1.0})
    np.testing.assert_allclose(vector(by_name), vector(by_index))
    assert by_name.feature_names == ("b",)
    assert model.condition({"b": [1.0, 2.0]})[1].feature_names == ("a", "c")


def test_a_number_goes_with_every_value_of_an_array():
    model = mixture(np.random.default_rng(0), n_features=3)
    mixed, spelt = model.condition({0: [1.0, 2.0], 1: 3.0}), model.condition({0: [1.0, 2.0], 1: [3.0, 3.0]})
    np.testing.assert_array_equal(mixed.mean, spelt.mean)


@forms
def test_far_rows_have_finite_answers(form):
    model = mixture(np.random.default_rng(0), form)
    batch = model.condition({0: [1e200, -1e9]})
    for one in (batch.mean, batch.covariance, batch.logpdf([0.0, 0.0])):
        assert np.isfinite(one).all()


def test_tables_are_read_by_their_columns_and_rows():
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [2.0, 3.0]})
    some = mixture(np.random.default_rng(0))
    model = Mixture(some.weights, some.means, some.covariances, feature_names=["x", "y"])
    np.testing.assert_array_equal(model.condition(table[["x"]]).mean, model.condition({"x": [0.0, 1.0]}).mean)
    np.testing.assert_array_equal(model.condition(table.loc[1, ["x"]]).mean, model.condition({"x": 1.0}).mean)


@forms
def test_no_rows_have_empty_answers(form):
    batch = mixture(np.random.default_rng(0), form).condition({0: []})
    assert len(batch) == len(list(batch)) == len(batch.modes()) == 0
    assert batch.mean.shape == (0, 1)
    assert batch.covariance.shape == (0, 1, 1)
    assert batch.logpdf([]).shape == batch.cdf([]).shape == batch.ppf(0.5).shape == (0,)
    assert batch.interval([0.5, 0.9]).shape == (0, 2, 2)
    assert batch.sample(3).shape == (0, 3, 1)


@forms
def test_samples_given_a_row_have_its_moments(form):
    model = mixture(np.random.default_rng(0), form, n_features=3)
    batch = model.condition({1: [0.0, 2.0]})
    drawn = batch.sample(40_000, random_state=1)
    assert drawn.shape == (2, 40_000, 2)
    for i in range(2):
        apart = drawn[i] - batch.mean[i]
        products = apart[:, :, None] * apart[:, None, :]
        for one, expected in ((apart, np.zeros(2)), (products, batch.covariance[i])):
            assert (np.abs(one.mean(axis=0) - expected) < 5 * one.std(axis=0) / np.sqrt(40_000)).all()


def test_the_regression_of_one_component_is_linear():
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    model = Mixture([1.0], [[1.0, -1.0]], [covariance])
    x = np.array([-2.0, 0.0, 5.0])
    batch = model.condition({0: x})
    np.testing.assert_allclose(batch.mean[:, 0], -1.0 + 0.3 * (x - 1.0))
    np.testing.assert_allclose(batch.covariance[:, 0, 0], 1.0 - 0.6**2 / 2.0)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({}, r"given must be one or several different features, got \[\]"),
        ({0: 1.0, 1: 2.0, 2: 0.0}, "leave at least one of the 3 features unknown"),
        ({3: 1.0}, "given must be from 0 to 2"),
        ({0: [1.0, 2.0], 1: [1.0]}, r"got shapes 0: \(2,\), 1: \(1,\)"),
        ({0: [[1.0]]}, r"got shapes 0: \(1, 1\)"),
        ({0: np.inf}, "given must hold finite values, got infinity"),
    ],
)
def test_what_cannot_be_given_is_refused(given_, message):
    with pytest.raises(ValueError, match=message):
        mixture(np.random.default_rng(0), n_features=3).condition(given_)


def test_quantiles_are_for_one_feature_and_values_for_each_row():
    batch = mixture(np.random.default_rng(0), n_features=3).condition({0: [1.0, 2.0]})
    with pytest.raises(ValueError, match="exactly one unknown feature, got 2"):
        batch.ppf(0.5)
    with pytest.raises(ValueError, match=r"values must have shape \(2, 2\), with a point for each row, got \(3, 2\)"):
        batch.logpdf(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="values must be finite, got NaN or infinity"):
        batch.logpdf([[0.0, 0.0], [np.inf, 0.0]])
    with pytest.raises(TypeError, match="an index is such a number, got slice"):
        batch[:1]
    one = mixture(np.random.default_rng(0)).condition({0: [1.0]})
    with pytest.raises(ValueError, match=r"q must be from 0 to 1, got 1\.5"):
        one.ppf(1.5)
    with pytest.raises(ValueError, match="values must be numbers, got NaN"):
        one.cdf([np.nan])
    np.testing.assert_array_equal([one.cdf([-np.inf]), one.cdf([np.inf])], [[0.0], [1.0]])


@forms
@given(seed=seeds)
def test_a_missing_value_is_integrated_out(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=5)
    rows = rng.normal(scale=3.0, size=(9, 3))
    rows[rng.random(rows.shape) < 0.4] = np.nan
    batch, values = model.condition(dict(zip([3, 0, 4], rows.T, strict=True))), rng.normal(size=(9, 2))
    draws = batch.sample(400, random_state=0)
    for i, row in enumerate(rows):
        known = {feature: value for feature, value in zip([3, 0, 4], row, strict=True) if not np.isnan(value)}
        of_interest = model.marginal([*known, 1, 2])
        alone = of_interest.condition(dict(enumerate(known.values()))) if known else of_interest
        np.testing.assert_allclose(batch.mean[i], alone.mean, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(batch.covariance[i], alone.covariance, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(batch.logpdf(values)[i], alone.logpdf(values[[i]])[0], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(vector(batch[i]), vector(alone), rtol=1e-8, atol=1e-9)
        error = np.sqrt(np.diag(alone.covariance) / 400)
        assert (np.abs(draws[i].mean(axis=0) - alone.mean) < 6 * error).all()


@forms
def test_quantiles_of_rows_with_missing_values_are_those_of_each(form):
    rng = np.random.default_rng(0)
    model = mixture(rng, form, n_features=3)
    batch = model.condition({0: [np.nan, 1.0, np.nan, 2.0], 2: [0.5, np.nan, np.nan, -1.0]})
    for i, one in enumerate(batch):
        np.testing.assert_allclose(batch.ppf([0.1, 0.5])[i], one.ppf([0.1, 0.5]), rtol=1e-9)
        assert batch.cdf([0.3, 0.3, 0.3, 0.3])[i] == pytest.approx(one.cdf([0.3])[0], rel=1e-9)


def test_a_number_that_is_missing_leaves_one_mixture():
    model = mixture(np.random.default_rng(0), n_features=3)
    np.testing.assert_allclose(
        vector(model.condition({0: np.nan, 1: 2.0})), vector(model.marginal([1, 2]).condition({0: 2.0}))
    )
    np.testing.assert_allclose(vector(model.condition({0: np.nan})), vector(model.marginal([1, 2])))
