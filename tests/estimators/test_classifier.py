"""GaussianMixtureClassifier: Bayes' rule over mixtures, apart or across classes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import estimator_checks_generator

from gaussmix import GaussianMixtureClassifier, GaussianMixtureSearch
from gaussmix.em import Fit, Status
from gaussmix.em.m_step import MStep
from gaussmix.fitting import Exploration, Problem, Stopping, fit
from gaussmix.fitting.fit import fit_from
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.split_merge import split_and_merge
from gaussmix.initialization import relative_ridge, responsibilities_from, start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.sources import ArraySource, LabelledSource
from gaussmix.structures import STRUCTURES, named

NAMED = {
    "lda": LinearDiscriminantAnalysis(solver="lsqr"),
    "qda": QuadraticDiscriminantAnalysis(solver="eigen"),
    "naive_bayes": GaussianNB(var_smoothing=0),
}

BOTH = pytest.mark.parametrize("across_classes", [False, True])
few_rows = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def checkers():
    """Two classes of two clusters each, that no line tells apart."""
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 4, 400)
    rows = 6.0 * np.column_stack([corner // 2, corner % 2]) + rng.normal(size=(400, 2))
    return rows, (corner // 2 + corner) % 2


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pair
        for one in (
            GaussianMixtureClassifier(1),  # the structure is chosen by cross-validation
            GaussianMixtureClassifier((1, 2), covariance_type=("diag", "tied")),
            GaussianMixtureClassifier.lda(),
        )
        for pair in estimator_checks_generator(one)
    ],
    ids=lambda part: getattr(getattr(part, "func", None), "__name__", ""),
)
@few_rows
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("name", NAMED)
def test_the_named_cases_are_those_of_scikit_learn(name, load):
    rows, labels = load(return_X_y=True)
    ours = getattr(GaussianMixtureClassifier, name)(reg_covar=0).fit(rows, labels)
    theirs = NAMED[name].fit(rows, labels)
    np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["qda", "naive_bayes"])
def test_priors_are_those_of_scikit_learn(name):
    rows, labels = load_iris(return_X_y=True)
    priors = [0.6, 0.1, 0.3]
    ours = getattr(GaussianMixtureClassifier, name)(reg_covar=0, priors=priors).fit(rows, labels)
    theirs = clone(NAMED[name]).set_params(priors=priors).fit(rows, labels)
    np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(ours.priors_, priors)


@BOTH
def test_probabilities_are_by_bayes_rule(checkers, across_classes):
    rows, labels = checkers
    model = GaussianMixtureClassifier(2, across_classes=across_classes, random_state=0).fit(rows, labels)
    mixture = model.mixture_
    dense = mixture.covariances.dense(mixture.n_components, 2)
    joint = np.zeros((len(rows), 2))
    for weight, mean, covariance, label in zip(
        mixture.weights, mixture.means, dense, model.component_classes_, strict=True
    ):
        joint[:, label] += weight * multivariate_normal(mean, covariance).pdf(rows)
    np.testing.assert_allclose(model.predict_proba(rows), joint / joint.sum(axis=1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(rows), np.log(model.predict_proba(rows)))
    np.testing.assert_allclose(model.score_samples(rows), np.log(joint.sum(axis=1)), rtol=1e-9)
    assert model.score(rows, labels) > 0.97
    np.testing.assert_allclose(model.priors_, np.bincount(labels) / len(labels))
    np.testing.assert_allclose([mixture.weights[model.component_classes_ == c].sum() for c in (0, 1)], model.priors_)


def test_apart_each_class_is_what_a_search_makes_of_it():
    rows, labels = load_iris(return_X_y=True)
    options = {"n_components": [1, 2], "covariance_type": ["EII", "tied"]}
    model = GaussianMixtureClassifier(**options, random_state=0).fit(rows, labels)
    for c, params in enumerate(model.best_params_):
        search = GaussianMixtureSearch([1, 2], structures=["EII", "tied"], random_state=0).fit(rows[labels == c])
        assert search.best_params_["n_components"] == params["n_components"] == sum(model.component_classes_ == c)
        assert search.best_params_["covariance_type"] == params["covariance_type"]


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_across_classes_one_component_each_is_the_m_step_of_the_labels(structure):
    rows, labels = load_iris(return_X_y=True)
    model = GaussianMixtureClassifier(1, covariance_type=structure.name, across_classes=True, reg_covar=0)
    mixture = model.fit(rows, labels).mixture_
    plain = start_from(ArraySource(rows), responsibilities_from(labels, 150, 3), 3, MStep(structure, np.zeros(4)))
    assert mixture.logpdf(rows).sum() == pytest.approx(plain.logpdf(rows).sum(), rel=1e-9)
    np.testing.assert_allclose(mixture.weights, 1 / 3)


def test_without_anything_to_share_across_classes_is_apart(checkers):
    rows, labels = checkers
    model = GaussianMixtureClassifier(2, reg_covar=0, random_state=0)
    apart = model.fit(rows, labels).predict_proba(rows)
    together = clone(model).set_params(across_classes=True).fit(rows, labels).predict_proba(rows)
    np.testing.assert_allclose(together, apart, atol=1e-3)  # both within tol of the same optimum


def test_across_classes_all_components_share_one_covariance(checkers):
    rows, labels = checkers
    model = GaussianMixtureClassifier(2, covariance_type="tied", across_classes=True, reg_covar=0, random_state=0)
    mixture = model.fit(rows, labels).mixture_
    resp = mixture.responsibilities(rows) * (model.component_classes_ == labels[:, None])
    resp /= resp.sum(axis=1, keepdims=True)
    centred = rows[:, None] - mixture.means
    pooled = np.einsum("nk,nki,nkj->ij", resp, centred, centred) / len(rows)
    np.testing.assert_allclose(mixture.covariances.covariances, pooled, rtol=1e-3)
    assert model.score(rows, labels) > 0.97
    assert GaussianMixtureClassifier.lda().fit(rows, labels).score(rows, labels) < 0.6


def test_across_classes_structure_and_number_are_chosen_once(checkers):
    rows, labels = checkers
    model = GaussianMixtureClassifier(
        range(1, 4), covariance_type=["EII", "tied", "full"], across_classes=True, random_state=0
    ).fit(rows, labels)
    assert model.best_params_ == 2 * [{"n_components": 2, "covariance_type": "EII"}]


@BOTH
def test_weights_count_as_rows(checkers, across_classes):
    rows, labels = checkers
    counts = np.random.default_rng(0).integers(0, 3, len(rows))
    model = GaussianMixtureClassifier(2, across_classes=across_classes, random_state=0)
    weighted = model.fit(rows, labels, sample_weight=counts).predict_proba(rows)
    repeated = model.fit(np.repeat(rows, counts, axis=0), np.repeat(labels, counts)).predict_proba(rows)
    np.testing.assert_allclose(weighted, repeated, atol=1e-3)  # both within tol of the same optimum


@BOTH
@few_rows
def test_weights_count_as_rows_also_in_how_many_components_there_may_be(checkers, across_classes):
    rows, labels = (part[:12] for part in checkers)
    counts = np.full(12, 3)
    model = GaussianMixtureClassifier(3, across_classes=across_classes, random_state=0)
    weighted = model.fit(rows, labels, sample_weight=counts).component_classes_
    repeated = model.fit(np.repeat(rows, counts, axis=0), np.repeat(labels, counts)).component_classes_
    np.testing.assert_array_equal(weighted, repeated)


@BOTH
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_and_labels_of_any_kind(frame, across_classes):
    rows, labels = load_iris(return_X_y=True)
    named = frame(dict(zip("abcd", rows.T, strict=True)))
    model = GaussianMixtureClassifier(1, covariance_type="full", across_classes=across_classes, random_state=0)
    for some in (labels > 0, np.array(["s", "v", "w"])[labels], pd.Series(labels).astype("category")):
        told = model.fit(named, some).predict(named)
        assert np.mean(told == np.asarray(some)) > 0.95
        assert model.mixture_.feature_names == ("a", "b", "c", "d")


@BOTH
@pytest.mark.parametrize(("unit", "offset"), [(1e-6, 0.0), (1.0, 1e8)])
def test_units_do_not_matter(across_classes, unit, offset):
    rows, labels = load_iris(return_X_y=True)
    model = GaussianMixtureClassifier(1, across_classes=across_classes, covariance_type="VEV")
    plain = model.fit(rows, labels).predict_proba(rows)
    moved = unit * rows + offset
    np.testing.assert_allclose(model.fit(moved, labels).predict_proba(moved), plain, atol=1e-5)


def test_new_rows_come_with_their_classes():
    rows, labels = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[labels]
    model = GaussianMixtureClassifier(1, priors=[0.5, 0.5, 0.0], random_state=0).fit(rows, names)
    drawn, classes = model.sample(2000)
    assert drawn.shape == (2000, 4)
    assert set(classes) == {"setosa", "versicolor"}
    assert model.score(drawn, classes) > 0.99
    assert not np.array_equal(model.sample(5)[0], model.sample(5)[0])
    np.testing.assert_array_equal(model.sample(5, random_state=1)[0], model.sample(5, random_state=1)[0])


def test_names_travel_with_the_mixture():
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    assert GaussianMixtureClassifier.qda().fit(rows, labels).mixture_.feature_names == tuple(rows.columns)


def test_forms_are_kept_where_they_can_be():
    rows, labels = load_iris(return_X_y=True)
    forms = [
        GaussianMixtureClassifier(1, covariance_type=kind).fit(rows, labels).mixture_.covariances.form
        for kind in ("spherical", "diag", "tied", "full")
    ]
    assert forms == ["spherical", "diag", "full", "full"]


# --- Few rows --------------------------------------------------------------------------------------------------------


@BOTH
@few_rows
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.parametrize("n_components", [2, (1, 2)])
@pytest.mark.parametrize("n_of_last", [1, 4])
def test_a_class_of_few_rows_breaks_no_cross_validation(across_classes, n_components, n_of_last):
    rows, labels = load_iris(return_X_y=True)
    few = [*range(25), *range(50, 75), *range(100, 100 + n_of_last)]
    model = GaussianMixtureClassifier(n_components, across_classes=across_classes, random_state=0)
    assert cross_val_score(model, rows[few, :3], labels[few], cv=2, error_score="raise").min() > 0.9


def test_a_single_row_is_a_class_of_common_spread():
    rows, labels = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="Class 2: its rows are all alike"):
        model = GaussianMixtureClassifier(1, covariance_type="full", random_state=0).fit(rows[:101], labels[:101])
    (lone,) = np.flatnonzero(model.component_classes_ == 2)
    covariance = model.mixture_.covariances.dense(3, 4)[lone]
    np.testing.assert_allclose(np.diagonal(covariance), rows[:101].var(axis=0, ddof=1) / 2, rtol=1e-4)
    np.testing.assert_array_equal(model.predict(rows[100:101]), [2])


@BOTH
@few_rows
def test_a_warning_says_which_class_gets_fewer_components(across_classes):
    rows, labels = load_iris(return_X_y=True)
    model = GaussianMixtureClassifier(3, covariance_type="full", across_classes=across_classes, random_state=0)
    with pytest.warns(
        ConvergenceWarning, match="Class 2 has 13 distinct rows, which are enough for 2 of the 3 components"
    ) as warned:
        model.fit(rows[:113], labels[:113])
    assert {one.filename for one in warned} == {__file__}
    assert np.bincount(model.component_classes_).tolist() == [3, 3, 2]
    with (
        pytest.warns(UserWarning, match=r"The weights sum to 106\.5, less than the effective number of rows, 109\.9"),
        pytest.warns(
            ConvergenceWarning, match=r"Class 2 has rows that weigh 6\.5, which are enough for 1 of the 3 components"
        ),
    ):
        model.fit(rows[:113], labels[:113], sample_weight=np.repeat([1.0, 0.5], [100, 13]))


def test_a_warning_says_which_class_it_is_about():
    rows = np.random.default_rng(0).normal(size=(90, 2))
    rows[60:] = 10 + rows[60:, :1]  # on a line
    model = GaussianMixtureClassifier(2, covariance_type="full", random_state=0)
    with pytest.warns(
        ConvergenceWarning, match="Class b: .*spread in some direction is from reg_covar alone"
    ) as warned:
        model.fit(rows, np.repeat(["a", "b"], [30, 60]))
    assert {one.filename for one in warned} == {__file__}


def test_across_classes_flat_rows_are_held_open_without_a_ridge():
    rows, labels = load_iris(return_X_y=True)
    rows = rows + np.random.default_rng(0).uniform(-0.05, 0.05, rows.shape)  # measured to a tenth
    model = GaussianMixtureClassifier(1, covariance_type="full", across_classes=True, reg_covar=0)
    with pytest.warns(ConvergenceWarning, match="would have collapsed"):
        model.fit(rows[:103], labels[:103])
    assert model.score(rows[:103], labels[:103]) > 0.98


# --- Errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"priors": [0.5, 0.5]},
            r"priors must be 3 probabilities that sum to 1, .* order \[0, 1, 2\], got \[0.5, 0.5\]",
        ),
        ({"priors": [0.5, 0.6, -0.1]}, "priors must be"),
        ({"priors": [0.5, 0.6, 0.1]}, "priors must be"),
        ({"criterion": "cv", "across_classes": True}, "criterion='cv' requires separate fits of the classes"),
        ({"covariance_type": "round"}, "covariance_type must be"),
        ({"across_classes": "yes"}, "across_classes"),
    ],
)
def test_errors_say_what_is_wrong(parameters, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureClassifier(**parameters).fit(*load_iris(return_X_y=True))


@BOTH
def test_rows_whose_squares_overflow_are_an_error(across_classes):
    rows, labels = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"X is too large: it must be at most 1e\+150"):
        GaussianMixtureClassifier(1, across_classes=across_classes).fit(1e160 * rows, labels)


def test_before_a_fit_there_is_nothing_to_say():
    for method in ("predict", "predict_proba", "predict_log_proba", "score_samples"):
        with pytest.raises(NotFittedError):
            getattr(GaussianMixtureClassifier(), method)([[0.0]])
    with pytest.raises(NotFittedError):
        GaussianMixtureClassifier().sample()


def test_ctrl_c_across_classes_is_not_swallowed(monkeypatch):
    real = fit.run_to_limit

    def interrupted(*arguments, **options):
        ended = real(*arguments, **options)
        return Fit(ended.state, ended.history, Status.INTERRUPTED)

    monkeypatch.setattr(fit, "run_to_limit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        GaussianMixtureClassifier.lda().fit(*load_iris(return_X_y=True))


def nested_classes(rng, n=240):
    """Two classes of three clusters each, in which plain k-means within a class often ends wrongly."""
    centres = np.array([[0.0, 0.0], [1.2, 9.0], [9.0, 0.5], [4.0, 4.0], [5.0, -6.0], [-6.0, 5.0]])
    labels = rng.integers(0, 6, n)
    rows = centres[labels] + rng.normal(size=(n, 2)) * [0.7, 1.4]
    return rows, labels // 3


def test_classes_that_share_a_structure_are_explored():
    rows, y = nested_classes(np.random.default_rng(3))
    m_step = MStep(named("EEE"), relative_ridge(ArraySource(rows)))
    source = LabelledSource(rows, labels=y, sizes=(3, 3))
    problem = Problem(source, 6, m_step, rows.var(axis=0))
    found = Exploration(problem, Stopping(1e-6, 500)).explore(np.random.default_rng(0))
    runs = [
        fit_from(problem, Stopping(1e-6, 500), within_classes(source, seed), np.random.default_rng(seed))
        for seed in range(6)
    ]
    assert found.fit.state.log_posterior >= max(one.fit.state.log_posterior for one in runs) - 1e-4
    assert found.fit.state.log_posterior > min(one.fit.state.log_posterior for one in runs) + 1e-3


def within_classes(source, seed):
    """A start of random labels within each class."""
    labels = 3 * source.labels + np.random.default_rng(seed).integers(0, 3, source.n_rows)
    return lambda problem, _rng: start_from(source, from_labels(labels, 6), 6, problem.m_step)


def test_moves_keep_the_components_of_each_class():
    rows, y = nested_classes(np.random.default_rng(4))
    source = LabelledSource(rows, labels=y, sizes=(3, 3))
    problem = Problem(source, 6, MStep(named("VVV"), relative_ridge(ArraySource(rows))), rows.var(axis=0))
    runs = Runs(problem, Stopping(1e-4, 100))
    wrong = 3 * y + np.where(rows[:, 0] > 0, np.where(rows[:, 1] > 0, 0, 1), 2)
    begun = runs.run(source, start_from(source, from_labels(wrong, 6), 6, problem.m_step), 60)
    moved = split_and_merge(runs, source, begun, np.random.default_rng(0), 500.0)
    assert moved.state.log_posterior >= begun.state.log_posterior
    for label, place in enumerate((slice(0, 3), slice(3, 6))):
        share = (y == label).mean()
        assert moved.state.mixture.weights[place].sum() == pytest.approx(share, rel=1e-9)
        means = moved.state.mixture.means[place]
        own = rows[y == label]
        assert (means >= own.min(axis=0)).all()
        assert (means <= own.max(axis=0)).all()
