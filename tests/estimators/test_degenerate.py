"""Whatever the rows, a fit ends with a mixture, or with an error that names the argument."""

import re
import warnings
from functools import cache

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import gaussmix
from degenerate import DEGENERATE, ERRORS
from gaussmix import GaussianMixture

cases = pytest.mark.parametrize("name", DEGENERATE)


def fit(case):
    """The fitted estimator; warnings are errors, unless about convergence, the sum of weights or constant columns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        warnings.filterwarnings("always", "The weights sum to", UserWarning)
        warnings.filterwarnings("always", r"Columns? .* (is|are) constant", UserWarning)
        model = GaussianMixture(random_state=0, **case.options).fit(case.rows, **case.fit)
    return model, caught


@cache
def fitted(name):
    case = DEGENERATE[name]()
    return case, *fit(case)


@cases
def test_the_mixture_is_one(name):
    mixture = fitted(name)[1].mixture_
    assert mixture.weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert (mixture.weights >= 0).all()
    assert np.isfinite(mixture.means).all()
    assert np.isfinite(mixture.covariances.covariances).all()
    type(mixture.covariances)(mixture.covariances.factors)  # which checks that they are factors
    assert np.isfinite(mixture.covariances.whitening).all()


@cases
def test_every_answer_is_finite(name):
    case, model, _ = fitted(name)
    assert np.isfinite(model.score(case.rows, **case.fit))
    assert np.isfinite(model.score_samples(case.rows)).all()
    assert np.isfinite(model.lower_bound_)
    assert np.isfinite(model.lower_bounds_).all()
    rows, labels = model.sample(5)
    assert np.isfinite(rows).all()
    assert set(labels) <= set(range(model.mixture_.n_components))


@cases
def test_every_row_belongs_somewhere(name):
    case, model, _ = fitted(name)
    size = model.mixture_.n_components
    assert set(model.predict(case.rows)) <= set(range(size))
    shares = model.predict_proba(case.rows)
    assert shares.shape[1] == size
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5 if shares.dtype == np.float32 else 1e-9)


@cases
def test_a_fit_warns_with_its_message_unless_it_converged_or_made_no_step(name):
    _, model, caught = fitted(name)
    warned = [str(warning.message) for warning in caught if warning.category is ConvergenceWarning]
    assert isinstance(model.status_, gaussmix.Status)
    silent = model.status_ is gaussmix.Status.CONVERGED or model.max_iter == 0
    assert warned == ([] if silent else [model.message_])
    assert re.search(r"\d.*[.!?)]$", model.message_)


@cases
def test_its_diagnosis_is_finite(name):
    case, model, _ = fitted(name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The weights sum to", UserWarning)
        diagnosis = model.diagnose(case.rows, **case.fit)
    assert np.isfinite(diagnosis.masses).all()
    assert np.isfinite(diagnosis.tightness).all()
    assert np.isfinite(diagnosis.additions).all() or diagnosis.weights.max() == 1.0
    assert diagnosis.advice in str(diagnosis)


@pytest.mark.parametrize("name", [name for name in DEGENERATE if "all rows equal" in name and "but one" not in name])
def test_all_rows_equal_is_said(name):
    case, model, caught = fitted(name)
    assert model.status_ in {gaussmix.Status.FLAT, gaussmix.Status.REGULARIZED}
    assert f"All {len(case.rows)} rows are equal" in model.message_
    assert model.message_ in [str(warning.message) for warning in caught]


@pytest.mark.parametrize("options", [{"n_components": 1}, {"algorithm": "truncated"}, {"prior": "weak"}])
def test_all_rows_equal_is_said_of_any_fit(options):
    with pytest.warns(ConvergenceWarning, match="All 50 rows are equal"):
        model = GaussianMixture(**{"n_components": 2, "random_state": 0, **options}).fit(np.ones((50, 2)))
    assert model.status_ is gaussmix.Status.FLAT


@pytest.mark.parametrize(
    "model",
    [
        gaussmix.GaussianMixtureSearch([1, 2], random_state=0),
        gaussmix.GaussianMixtureOutlierDetector([1, 2], random_state=0),
        gaussmix.GaussianMixtureRegressor([1, 2], random_state=0),
        gaussmix.GaussianMixtureClassifier.lda(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_all_rows_equal_is_said_by_every_estimator(model):
    with pytest.warns(ConvergenceWarning, match="All 50 rows are equal"):
        model.fit(np.ones((50, 2)), np.ones(50) if hasattr(model, "predict_quantiles") else np.arange(50) % 2)


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_named(name):
    case = ERRORS[name]()
    with pytest.raises((ValueError, TypeError), match=case.error):
        fit(case)


def test_every_case_is_the_same_twice():
    assert len(DEGENERATE) > 100
    for make in (*DEGENERATE.values(), *ERRORS.values()):
        one, other = make(), make()
        assert repr(one) == repr(other)
