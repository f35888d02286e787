import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import cases
from gaussmix import GaussianMixture, GaussianMixtureSearch, plot
from gaussmix.em import distance_to_limit

ROWS = cases.clusters(np.random.default_rng(0), n=200, spread=2.0)


def fitted(**parameters):
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return GaussianMixture(**{"n_components": 3, "init_params": "random", "random_state": 0, **parameters}).fit(
            ROWS
        )


def test_the_line_is_the_distance_to_the_limit(ax):
    model = fitted(max_iter=1000)
    plot.history(model, ax=ax)
    steps, to_go = ax.lines[0].get_data()
    np.testing.assert_array_equal(steps, np.arange(len(model.history_)))
    np.testing.assert_allclose(to_go[0] - to_go, np.array(model.history_) - model.history_[0], atol=1e-12)
    estimate = distance_to_limit(model.history_)
    assert to_go[-1] == pytest.approx(max(estimate, model.tol / 100) if np.isfinite(estimate) else model.tol)


def test_it_rises_on_a_logarithmic_axis(ax):
    plot.history(fitted(max_iter=1000), ax=ax)
    assert ax.get_yscale() == "log"
    bottom, top = ax.get_ylim()
    assert bottom > top > 0
    shown = ax.lines[0].get_ydata()
    assert bottom > shown.max()
    assert top < shown.min()


def test_tol_is_marked(ax):
    plot.history(fitted(tol=1e-3), ax=ax)
    assert set(ax.lines[1].get_ydata()) == {1e-3}
    assert "tol" in [text.get_text() for text in ax.texts]


def test_the_end_says_the_log_likelihood(ax):
    model = fitted()
    plot.history(model, ax=ax)
    end = f"ends at {model.log_likelihood_:.6g} per row".replace("-", "\N{MINUS SIGN}")
    assert end in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    "parameters", [{"max_iter": 0}, {"max_iter": 1}, {"max_iter": 2}, {"n_components": 1}, {"tol": 0.0}]
)
def test_short_and_long_histories_can_be_drawn(parameters, ax):
    model = fitted(**parameters)
    plot.history(model, ax=ax)
    to_go = ax.lines[0].get_ydata()
    assert len(to_go) == len(model.history_)
    assert np.isfinite(to_go).all()
    assert (to_go > 0).all()
    ax.figure.draw_without_rendering()  # and matplotlib has nothing to warn of


def test_the_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        plot.history(GaussianMixture(2))


def test_of_a_search_the_best_fit_is_drawn():
    search = GaussianMixtureSearch([1, 2], structures="EII", random_state=0).fit(ROWS)
    ax = plot.history(search)
    assert len(ax.lines[0].get_xdata()) == len(search.best_estimator_.history_)
