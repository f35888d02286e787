import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import mixture as theirs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from cases import FORMS, mixture, vector
from gaussmix import GaussianMixture, Mixture

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


@forms
@pytest.mark.parametrize("square", [False, True], ids=["K > D", "K = D"])
def test_scikit_learn_takes_the_mixture_as_its_own(form, square):
    rng = np.random.default_rng(0)
    model = mixture(rng, form, 3, 3 if square else 2)
    rows = rng.normal(scale=4.0, size=(50, model.n_features))
    exported = model.to_sklearn()
    assert exported.covariance_type == form.form
    np.testing.assert_allclose(exported.predict_proba(rows), model.responsibilities(rows), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(exported.score_samples(rows), model.logpdf(rows), rtol=1e-9)
    np.testing.assert_array_equal(exported.predict(rows), model.predict(rows))
    assert exported.sample(7)[0].shape == (7, model.n_features)
    np.testing.assert_allclose(vector(Mixture.from_sklearn(exported)), vector(model), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "tied", "full"])
@pytest.mark.parametrize("kind", [theirs.GaussianMixture, theirs.BayesianGaussianMixture])
def test_what_scikit_learn_fitted_comes_over(covariance_type, kind):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    fitted = kind(n_components=2, covariance_type=covariance_type, max_iter=1000, random_state=0).fit(frame)
    ours = Mixture.from_sklearn(fitted)
    assert ours.feature_names == ("a", "b")
    assert ours.covariances.form == covariance_type
    if kind is theirs.GaussianMixture:
        np.testing.assert_allclose(ours.responsibilities(frame), fitted.predict_proba(frame), rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(ours.logpdf(frame), fitted.score_samples(frame), rtol=1e-9)


def test_our_own_estimator_has_the_same_face():
    rows = np.random.default_rng(0).normal(size=(200, 2))
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(rows)
    np.testing.assert_allclose(Mixture.from_sklearn(model).logpdf(rows), model.mixture_.logpdf(rows))


def test_an_exported_model_is_an_estimator_like_any_other():
    some = mixture(np.random.default_rng(0))
    model = Mixture(some.weights, some.means, some.covariances, feature_names=["a", "b"]).to_sklearn()
    frame = pd.DataFrame(np.zeros((3, 2)), columns=["a", "b"])
    assert pickle.loads(pickle.dumps(model)).predict(frame).shape == (3,)  # noqa: S301 - our own bytes
    assert clone(model).n_components == 3
    model.means_ += 1.0  # the mixture is not touched
    assert not np.shares_memory(model.means_, some.means)


def test_a_model_that_was_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        Mixture.from_sklearn(theirs.GaussianMixture(2))


@forms
def test_a_dictionary_holds_everything(form):
    some = mixture(np.random.default_rng(0), form, 2, 2)
    model = Mixture(some.weights, some.means, some.covariances, feature_names=["a", "b"])
    again = Mixture.from_dict(model.to_dict())
    np.testing.assert_allclose(vector(again), vector(model), rtol=1e-15)
    assert again.covariances.form == form.form
    assert again.feature_names == ("a", "b")
    lists = json.loads(json.dumps({name: np.asarray(one).tolist() for name, one in model.to_dict().items()}))
    np.testing.assert_allclose(vector(Mixture.from_dict(lists)), vector(model), rtol=1e-15)
    model.to_dict()["means"][:] = 0.0
    np.testing.assert_array_equal(model.means, some.means)


def test_a_dictionary_with_a_gap_is_refused():
    arrays = mixture(np.random.default_rng(0)).to_dict()
    with pytest.raises(ValueError, match="covariance_type must be one of spherical, diag, tied, full, got 'round'"):
        Mixture.from_dict(arrays | {"covariance_type": "round"})
    del arrays["means"]
    with pytest.raises(ValueError, match="arrays must also hold means"):
        Mixture.from_dict(arrays)
