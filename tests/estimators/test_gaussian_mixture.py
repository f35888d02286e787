import contextlib
import io
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import mixture as sklearn_mixture
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import clusters
from gaussmix import GaussianMixture, Mixture, Status
from gaussmix.fitting.order import weight_order
from gaussmix.structures import STRUCTURES

TYPES = ("full", "tied", "diag", "spherical")
types = pytest.mark.parametrize("covariance_type", TYPES)


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), n=300, spread=6.0)


@pytest.fixture
def overlapping():
    return clusters(np.random.default_rng(1), n=300, spread=1.0)


@parametrize_with_checks([GaussianMixture(), GaussianMixture(covariance_type="tied", engine="reference")])
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves use what warns
        check(estimator)


@types
def test_the_same_optimum_as_scikit_learn_from_the_same_start(covariance_type, rows):
    precisions = {"full": np.repeat(np.eye(2)[None], 3, axis=0), "tied": np.eye(2), "diag": np.ones((3, 2))}
    options = {
        "covariance_type": covariance_type,
        "weights_init": np.full(3, 1 / 3),
        "means_init": rows[:3],
        "precisions_init": precisions.get(covariance_type, np.ones(3)),
        "max_iter": 500,
    }
    ours = GaussianMixture(3, tol=1e-9, reg_covar=1e-6, **options).fit(rows)
    theirs = sklearn_mixture.GaussianMixture(3, tol=1e-12, **options).fit(rows)
    assert ours.score(rows) == pytest.approx(theirs.score(rows), rel=1e-7)
    order = [np.argsort(model.means_[:, 0]) for model in (ours, theirs)]
    np.testing.assert_allclose(ours.means_[order[0]], theirs.means_[order[1]], atol=1e-3)
    assert ours.bic(rows) == pytest.approx(theirs.bic(rows), rel=1e-7)
    assert ours.aic(rows) == pytest.approx(theirs.aic(rows), rel=1e-7)
    for name in ("covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape


@types
def test_scikit_learns_parameters_give_scikit_learns_answers(covariance_type, rows):
    theirs = sklearn_mixture.GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(rows)
    ours = GaussianMixture(
        3,
        covariance_type=covariance_type,
        weights_init=theirs.weights_,
        means_init=theirs.means_,
        precisions_init=theirs.precisions_,
        max_iter=0,
    ).fit(rows)
    np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), atol=1e-9)
    np.testing.assert_allclose(ours.score_samples(rows), theirs.score_samples(rows), rtol=1e-8)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-7, atol=1e-10)
    assert ours._n_parameters() == theirs._n_parameters()


def test_every_parameter_of_scikit_learn_is_there_with_its_default():
    theirs = sklearn_mixture.GaussianMixture().get_params()
    ours = GaussianMixture().get_params()
    on_purpose = {"reg_covar": (1e-6, "auto"), "tol": (1e-3, 1e-4), "init_params": ("kmeans", "explore")}
    assert {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]} == on_purpose
    assert set(ours) - set(theirs) == {
        "weights",
        "prior",
        "eigenvalue_ratio",
        "accelerate",
        "algorithm",
        "effort",
        "weights_are",
        "engine",
        "n_jobs",
    }


def test_everything_public_in_scikit_learns_is_here():
    def public(model):
        return {name for name in dir(model) if not name.startswith("_")}

    data = np.random.default_rng(0).normal(size=(50, 2))
    missing = public(sklearn_mixture.GaussianMixture().fit(data)) - public(GaussianMixture().fit(data))
    assert not missing


@pytest.mark.parametrize("covariance_type", [structure.public_name for structure in STRUCTURES])
def test_lower_bound_is_the_score(covariance_type, rows):
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(rows)
    assert model.lower_bound_ == pytest.approx(model.score(rows), rel=1e-14)
    assert model.lower_bounds_[-1] == model.lower_bound_
    assert len(model.lower_bounds_) == model.n_iter_
    np.testing.assert_array_equal(model.fit_predict(rows), model.predict(rows))
    np.testing.assert_array_equal(model.predict(rows), model.predict_proba(rows).argmax(axis=1))


@types
@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e3, np.float32)])
def test_an_offset_changes_no_label(covariance_type, offset, dtype):
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(200, 2)), rng.normal(loc=[12.0, 3.0], size=(200, 2))])
    near = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(rows.astype(dtype))
    far = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit((rows + offset).astype(dtype))
    assert adjusted_rand_score(far.predict((rows + offset).astype(dtype)), near.predict(rows.astype(dtype))) == 1.0
    dense = [
        model.mixture_.covariances.dense(2, 2)[np.argsort(model.means_[:, 0])]  # the order of components means nothing
        for model in (far, near)
    ]
    np.testing.assert_allclose(*dense, rtol=1e-3, atol=1e-3)


@types
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_change_no_label_and_shift_the_log_likelihood(covariance_type, scale, rows):
    plain = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(rows)
    scaled = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(scale * rows)
    assert adjusted_rand_score(scaled.predict(scale * rows), plain.predict(rows)) == 1.0
    assert scaled.score(scale * rows) == pytest.approx(plain.score(rows) - 2 * np.log(scale), abs=1e-9)


@types
def test_one_row_far_out_changes_no_other_label(covariance_type):
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(500, 2)), rng.normal(loc=[6.0, 0.0], size=(500, 2))])
    labels = np.repeat([0, 1], 500)
    plain = GaussianMixture(2, covariance_type=covariance_type, init_params=labels).fit(rows)
    with_far = GaussianMixture(3, covariance_type=covariance_type, init_params=np.append(labels, 2))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Converged .* Component 2 would have collapsed", ConvergenceWarning)
        with_far.fit(np.concatenate([rows, [[-999_999.0, -999_999.0]]]))
    np.testing.assert_array_equal(with_far.predict(rows), plain.predict(rows))


@types
@pytest.mark.parametrize("far", [1e4, 1e6, 1e8])
def test_a_start_far_from_all_rows_keeps_the_digits(covariance_type, far, rows):
    near = GaussianMixture(1, covariance_type=covariance_type, reg_covar=0).fit(rows)
    moved = GaussianMixture(
        1, covariance_type=covariance_type, reg_covar=0, init_params=Mixture([1.0], [[-far, far]], [1.0])
    ).fit(rows)
    np.testing.assert_allclose(moved.covariances_, near.covariances_, rtol=1e-9)


def test_a_given_start_is_run_once(rows):
    calls = []
    GaussianMixture(2, n_init=5, init_params=lambda *_: calls.append(1) or np.arange(300) % 2).fit(rows)
    assert len(calls) == 5
    model = GaussianMixture(2, n_init=5, init_params=np.arange(300) % 2, verbose=1)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        model.fit(rows)
    assert printed.getvalue().count("converged") == 1


def test_float32_log_densities_of_far_rows_are_finite(rows):
    model = GaussianMixture(2, random_state=0).fit(rows.astype(np.float32))
    assert np.isfinite(model.score_samples(np.array([[1e30, 0.0]], dtype=np.float32))).all()


def test_a_number_for_reg_covar_means_what_it_means_in_scikit_learn(rows):
    for covariance_type in TYPES:
        ours, theirs = (
            kind(1, covariance_type=covariance_type, reg_covar=0.5).fit(rows)
            for kind in (GaussianMixture, sklearn_mixture.GaussianMixture)
        )
        np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-10)


@types
def test_integer_weights_are_repeated_rows(covariance_type, rows):
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, size=len(rows))
    repeated = np.repeat(rows, counts, axis=0)
    options = {"covariance_type": covariance_type, "means_init": [[0, 0], [5, 5], [-5, 5]]}
    labels = np.arange(len(rows)) % 3
    weighted = GaussianMixture(3, init_params=labels, **options).fit(rows, sample_weight=counts)
    plain = GaussianMixture(3, init_params=np.repeat(labels, counts), **options).fit(repeated)
    np.testing.assert_allclose(weighted.means_, plain.means_, rtol=1e-9)
    assert weighted.n_iter_ == plain.n_iter_
    for name in ("score", "aic", "bic", "icl"):
        value = getattr(weighted, name)(rows, sample_weight=counts)
        assert value == pytest.approx(getattr(plain, name)(repeated), rel=1e-9)


def test_score_averages_with_weights(rows):
    model = GaussianMixture(2, random_state=0).fit(rows)
    weights = np.random.default_rng(0).uniform(size=len(rows))
    expected = np.average(model.score_samples(rows), weights=weights)
    assert model.score(rows, sample_weight=weights) == pytest.approx(expected)


def test_icl_is_bic_and_the_log_probabilities_of_the_labels(rows):
    model = GaussianMixture(3, random_state=0).fit(rows)
    certainty = np.log(model.predict_proba(rows).max(axis=1)).sum()
    assert model.icl(rows) == pytest.approx(model.bic(rows) - 2 * certainty)


def test_samples_advance_and_repeat_with_the_seed(rows):
    model = GaussianMixture(3, random_state=0).fit(rows)
    first, labels = model.sample(10)
    assert first.shape == (10, 2)
    assert labels.dtype.kind == "i"
    assert not np.array_equal(first, model.sample(10)[0])
    np.testing.assert_array_equal(first, GaussianMixture(3, random_state=0).fit(rows).sample(10)[0])
    np.testing.assert_array_equal(model.sample(5, random_state=7)[0], model.sample(5, random_state=7)[0])
    with pytest.raises(ValueError, match="Invalid value for 'n_samples': 0 "):
        model.sample(0)


def test_float32_in_float32_out(rows):
    model = GaussianMixture(3, random_state=0).fit(rows.astype(np.float32))
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(model, name).dtype == np.float32
    for answer in (model.score_samples, model.predict_proba):
        assert answer(rows.astype(np.float32)).dtype == np.float32
    assert model.sample(3)[0].dtype == np.float32


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames_bring_their_names(frame):
    table = frame({"a": [0.0, 1.0, 5.0, 6.0, 5.5], "b": [0.0, 1.0, 7.0, 6.0, 6.5]})
    model = GaussianMixture(random_state=0).fit(table)
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b"])
    assert model.mixture_.feature_names == ("a", "b")
    assert model.predict(table).shape == (5,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["b", "a"]])


def test_it_lives_in_pipelines_and_searches(rows):
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)).fit(rows)
    assert pipeline.predict(rows).shape == (300,)
    search = GridSearchCV(GaussianMixture(random_state=0), {"n_components": [1, 3]}, cv=3).fit(rows)
    assert search.best_params_ == {"n_components": 3}


def test_clone_and_pickle(rows):
    model = GaussianMixture(3, random_state=0, init_params=np.arange(300) % 3).fit(rows)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))
    np.testing.assert_array_equal(again.sample(3)[0], model.sample(3)[0])
    assert not hasattr(clone(model), "mixture_")


def test_warm_start_goes_on(overlapping):
    whole = GaussianMixture(3, init_params="kmeans", random_state=0, max_iter=2, tol=0)
    steps = GaussianMixture(3, init_params="kmeans", random_state=0, max_iter=1, tol=0, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        whole.fit(overlapping)
    for _ in range(2):
        with pytest.warns(ConvergenceWarning):
            steps.fit(overlapping)
    assert steps.n_iter_ == 1
    np.testing.assert_array_equal(steps.means_, whole.means_)


def test_warm_start_begins_anew_where_the_shape_has_changed(rows):
    model = GaussianMixture(2, random_state=0, warm_start=True).fit(rows)
    model.set_params(n_components=3).fit(rows)
    fresh, order = GaussianMixture(3, random_state=0).fit(rows), weight_order(model.mixture_)
    np.testing.assert_array_equal(model.means_[order], fresh.means_)  # components of a warm start keep their places


def test_warm_start_still_detects_convergence(overlapping):
    model = GaussianMixture(3, tol=1e-3, init_params="kmeans", random_state=0, max_iter=1, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [model.fit(overlapping).converged_ for _ in range(100)]
    assert fits.index(True) > 2


def test_more_starts_are_never_worse(rows):
    few, many = (GaussianMixture(4, n_init=n, init_params="random_from_data", random_state=1).fit(rows) for n in (1, 8))
    assert many.lower_bound_ >= few.lower_bound_


def test_no_iterations_keep_the_start(rows):
    model = GaussianMixture(2, means_init=[[0.0, 0.0], [1.0, 1.0]], max_iter=0).fit(rows)
    np.testing.assert_array_equal(model.means_, [[0.0, 0.0], [1.0, 1.0]])
    assert model.n_iter_ == 0
    assert model.lower_bounds_ == []
    assert model.lower_bound_ == pytest.approx(model.score(rows))


def test_parameters_are_not_changed_by_a_fit(rows):
    means = [[0.0, 0.0], [1.0, 1.0]]
    model = GaussianMixture(2, means_init=means).fit(rows)
    assert model.means_init is means


def test_a_start_from_a_known_mixture_or_a_callable(rows):
    known = Mixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0])
    for origin in (known, lambda *_: known):
        model = GaussianMixture(2, init_params=origin, max_iter=0).fit(rows)
        np.testing.assert_array_equal(model.means_, known.means)


DISTINCT = [[0.0, 0.0], [1.0, 1.0], [2.0, 5.0]]


def spiked():
    """Two clusters, and twenty equal rows beside them; and the cluster of each row."""
    rng = np.random.default_rng(0)
    rows = np.concatenate(
        [rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 9.0, np.tile([[20.1, -7.3]], (20, 1))]
    )
    return rows, np.repeat([0, 1, 2], [100, 100, 20])


def test_equal_rows_are_held_open_by_the_ridge():
    rows, labels = spiked()
    with pytest.warns(
        ConvergenceWarning, match=r"Component 2 with 20 rows: spread in some direction is from reg_covar"
    ):
        model = GaussianMixture(3, init_params=labels).fit(rows)
    assert model.status_ is Status.FLAT
    assert model.converged_
    np.testing.assert_allclose(model.means_[2], [20.1, -7.3], atol=1e-9)


def test_equal_rows_without_a_ridge_are_held_open_by_a_prior():
    rows, labels = spiked()
    with pytest.warns(ConvergenceWarning, match=r"would have collapsed, with .*20.* rows; a prior worth one row"):
        model = GaussianMixture(3, reg_covar=0, init_params=labels).fit(rows)
    assert model.status_ is Status.REGULARIZED
    np.testing.assert_allclose(model.means_[2], [20.1, -7.3], atol=0.1)


def test_more_components_than_distinct_rows_stay_finite():
    rows = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="2 of 4 components are empty"):
        model = GaussianMixture(4, random_state=0).fit(rows)
    assert np.isfinite(model.score(rows))
    assert np.isfinite(model.predict_proba(rows)).all()


def test_a_start_that_collapses_costs_nothing():
    rows = np.random.default_rng(0).normal(size=(41, 2))
    calls = iter([np.arange(41) // 40, np.arange(41) % 2])
    model = GaussianMixture(2, reg_covar=0, n_init=2, max_iter=1000, init_params=lambda *_: next(calls)).fit(rows)
    alone = GaussianMixture(2, reg_covar=0, max_iter=1000, init_params=np.arange(41) % 2).fit(rows)
    assert model.status_ is Status.CONVERGED
    assert model.lower_bound_ >= alone.lower_bound_


def test_a_constant_column_does_not_stop_a_fit(rows):
    with pytest.warns(UserWarning, match="Column 2 is constant, and cannot separate components: reg_covar or a prior"):
        model = GaussianMixture(3, random_state=0).fit(np.column_stack([rows, np.full(len(rows), 7.0)]))
    np.testing.assert_allclose(model.means_[:, 2], 7.0)


def test_columns_that_depend_on_each_other_are_named(rows):
    table = pd.DataFrame(rows[:, :2], columns=["length", "width"]).assign(half=lambda columns: 0.5 * columns["length"])
    with pytest.warns(ConvergenceWarning, match="Columns 'length' and 'half' depend on each other"):
        model = GaussianMixture(2, random_state=0).fit(table)
    assert "Columns 'length' and 'half'" in model.message_


@pytest.mark.parametrize(("container", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_probabilities_and_samples_are_frames_if_asked(rows, container, kind):
    table = kind({"length": rows[:, 0], "width": rows[:, 1]})
    model = GaussianMixture(3, random_state=0).set_output(transform=container)
    probabilities = model.fit_transform(table)
    assert isinstance(probabilities, kind)
    assert list(probabilities.columns) == ["gaussianmixture0", "gaussianmixture1", "gaussianmixture2"]
    assert list(model.get_feature_names_out()) == list(probabilities.columns)
    np.testing.assert_array_equal(probabilities.to_numpy(), model.predict_proba(table))
    drawn, components = model.sample(7, random_state=1)
    assert isinstance(drawn, kind)
    assert list(drawn.columns) == ["length", "width"]
    np.testing.assert_array_equal(drawn.to_numpy(), model.mixture_.sample(7, random_state=1))
    assert components.shape == (7,)
    assert isinstance(model.set_output(transform="default").sample(2)[0], np.ndarray)


def test_the_summary_says_how_the_model_fits_the_rows(rows):
    model = GaussianMixture(3, covariance_type="VEE", random_state=0).fit(rows)
    first, second, _, header, *table = model.summary().splitlines()
    form = (
        f"VEE (ellipses, variable volume, equal shape and axes) with 3 components, {model._n_parameters()} parameters"
    )
    assert first == f"{form}, for {len(rows)} rows of {rows.shape[1]} features"
    assert f"BIC {model.bic(rows):.2f} (lower is better)" in second
    assert header.split()[:3] == ["component", "weight", "rows"]
    held = [float(line.split()[2]) for line in table[:3]]
    np.testing.assert_allclose(held, len(rows) * model.weights_, atol=0.06)
    assert " ".join(model.message_.split()) in " ".join(model.summary().split())


def test_not_converging_warns_with_numbers(overlapping):
    with pytest.warns(ConvergenceWarning, match=r"did not converge\. .* After 1 iterations .* tol is 0\.0001"):
        GaussianMixture(3, max_iter=1, random_state=0).fit(overlapping)


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_both_engines_give_the_same_fit(engine, rows):
    model = GaussianMixture(3, random_state=0, engine=engine).fit(rows)
    expected = GaussianMixture(3, random_state=0).fit(rows)
    np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-9)


def test_verbose_prints_the_steps(rows, capsys):
    GaussianMixture(3, init_params="kmeans", random_state=0, verbose=2, verbose_interval=1).fit(rows)
    printed = capsys.readouterr().out
    assert "Initialization 0" in printed
    assert re.search(r"Iteration 1\s+log-likelihood -?\d+\.\d+\s+gain -?\d\S+\s+\d+\.\d s", printed)
    assert re.search(
        r"converged: log-likelihood -?\d+\.\d+ after \d+ iterations, in all \d+ passes over the rows", printed
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter of GaussianMixture must be an int in the range"),
        ({"covariance_type": "round"}, "'covariance_type' parameter"),
        ({"reg_covar": -1.0}, "'reg_covar' parameter"),
        ({"tol": -1.0}, "'tol' parameter"),
        ({"max_iter": -1}, "'max_iter' parameter"),
        ({"n_init": 0}, "'n_init' parameter"),
        ({"init_params": "best"}, "'init_params' parameter"),
        ({"engine": "gpu"}, "engine must be one of auto, reference, fused, got 'gpu'"),
        ({"n_components": 400}, "Expected n_samples >= n_components but got n_components = 400, n_samples = 300"),
        ({"weights_init": [1.0]}, r"The parameter 'weights' should have the shape of \(2,\), but got \(1,\)"),
        ({"weights_init": [1.5, -0.5]}, "range .0, 1., but got max value 1.50000, min value -0.50000"),
        ({"weights_init": [0.5, 0.6]}, r"should be normalized, but got sum\(weights\) = 1.10000"),
        ({"means_init": [[0.0, 0.0]]}, r"The parameter 'means' should have the shape of \(2, 2\), but got \(1, 2\)"),
        ({"means_init": [[0.0, 0.0], [np.nan, 0.0]]}, "'means' should be finite"),
        ({"precisions_init": np.eye(2)}, r"'full precision' should have the shape of \(2, 2, 2\)"),
        ({"precisions_init": [np.eye(2), -np.eye(2)]}, "'full precision' should be symmetric, positive-definite"),
        ({"precisions_init": -np.ones((2, 2)), "covariance_type": "diag"}, "'diag precision' should be positive"),
    ],
)
def test_wrong_arguments_are_named(options, message, rows):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**{"n_components": 2, **options}).fit(rows)


def test_before_a_fit():
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        GaussianMixture().predict([[0.0]])
    assert not hasattr(GaussianMixture(), "weights_")


def test_negative_or_missing_weights_are_named(rows):
    with pytest.raises(ValueError, match="sample_weight"):
        GaussianMixture().fit(rows, sample_weight=-np.ones(300))
    with pytest.raises(ValueError, match="sample_weight"):
        GaussianMixture().fit(rows, sample_weight=np.ones(299))


def test_iris_reaches_the_known_optimum():
    rows = load_iris().data
    model = GaussianMixture(3, random_state=0, n_init=10, tol=1e-7, reg_covar=0, max_iter=500).fit(rows)
    assert model.score(rows) * 150 >= -180.1858387 - 1e-3  # mclust's VVV with three components


def test_equal_weights_are_equal_and_not_counted(rows):
    free, equal = (GaussianMixture(3, weights=weights, random_state=0).fit(rows) for weights in ("free", "equal"))
    np.testing.assert_array_equal(equal.weights_, np.full(3, 1 / 3))
    assert free._n_parameters() - equal._n_parameters() == 2
    assert equal.lower_bound_ <= free.lower_bound_


def test_names_for_one_feature_are_for_one_feature(rows):
    with pytest.raises(ValueError, match="structure 'V' is for rows with one feature, got 2; use 'VII' instead"):
        GaussianMixture(2, covariance_type="V").fit(rows)
    one = rows[:, :1]
    fits = [GaussianMixture(2, covariance_type=name, random_state=0).fit(one) for name in ("V", "VII")]
    np.testing.assert_array_equal(fits[0].covariances_, fits[1].covariances_)


@pytest.mark.parametrize(("engine", "least"), [("fused", 0.5), ("reference", 0.0)])
def test_what_was_skipped_is_said_for_each_value_of_the_history(engine, least):
    rng = np.random.default_rng(0)
    centres = 20.0 * rng.normal(size=(6, 12))
    rows = centres[rng.integers(6, size=1200)] + rng.normal(size=(1200, 12))
    model = GaussianMixture(6, means_init=centres, engine=engine, random_state=0).fit(rows)
    assert len(model.skipped_) == len(model.history_)
    assert all(least <= share < 1.0 for share in model.skipped_[1:])
    assert engine == "fused" or not any(model.skipped_)
