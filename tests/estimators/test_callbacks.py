"""Callbacks of scikit-learn: they see each task of a fit, in order, and can end the fit with the best so far."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from gaussmix import GaussianMixture, GaussianMixtureSearch, Status

pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since version 1.9")


class Record:
    """A callback that keeps what it sees, and asks to stop at a number of ended tasks."""

    def __init__(self, stop_after=None):
        self.events, self.scores, self.metadata, self.n_ended, self.stop_after = [], [], [], 0, stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, metadata=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if fitted_estimator is not None:  # a grid search offers none
            self.scores.append(fitted_estimator.score(X))
        self.metadata.append(metadata)
        self.n_ended += 1
        return self.n_ended == self.stop_after


class Propagated(Record):
    """A callback that meta-estimators hand on."""

    max_propagation_depth = None


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 5])


def test_callbacks_see_the_starts_and_their_steps(rows):
    record = Record()
    model = GaussianMixture(2, init_params="kmeans", n_init=2, random_state=0).set_callbacks(record).fit(rows)
    steps = [name for name in record.events if name.endswith("EM step")]
    others = [name for name in record.events if not name.endswith("EM step")]
    start = ["begin start", "end start"]
    assert others == ["setup", "begin fit", *start, *start, "end fit", "teardown"]
    assert steps
    assert steps == ["begin EM step", "end EM step"] * (len(steps) // 2)
    assert record.scores[-1] == model.score(rows) == pytest.approx(max(record.scores), rel=1e-14)  # EM rounds


def test_a_callback_changes_no_bit_of_the_fit(rows):
    watched = GaussianMixture(3, random_state=0).set_callbacks(Record()).fit(rows)
    np.testing.assert_array_equal(watched.means_, GaussianMixture(3, random_state=0).fit(rows).means_)


def test_callbacks_get_the_weights(rows):
    record, weights = Record(), np.full(len(rows), 2.0)
    GaussianMixture(2, init_params="kmeans", random_state=0).set_callbacks(record).fit(rows, sample_weight=weights)
    assert all(metadata["sample_weight"] is weights for metadata in record.metadata)


def test_callbacks_of_few_rows_with_many_columns_see_mixtures_of_all_columns():
    record, rows = Record(), np.random.default_rng(0).normal(size=(30, 60))
    with pytest.warns(ConvergenceWarning, match="would have collapsed"):
        model = GaussianMixture(2, random_state=0, prior=None).set_callbacks(record).fit(rows)
    np.testing.assert_allclose(record.scores[-2:], model.score(rows), rtol=1e-12)


def test_callbacks_see_the_steps_of_truncated_em(rows):
    record = Record()
    GaussianMixture(8, algorithm="truncated", random_state=0).set_callbacks(record).fit(rows)
    assert "end EM step" in record.events


@pytest.mark.parametrize("options", [{}, {"init_params": "kmeans", "n_init": 3}, {"algorithm": "truncated"}])
def test_a_callback_ends_a_fit_with_the_best_so_far(rows, options):
    record = Record(stop_after=2)
    model = GaussianMixture(4, random_state=0, tol=1e-9, **options).set_callbacks(record)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model.fit(rows)
    assert model.status_ is Status.INTERRUPTED
    assert model.score(rows) >= max(record.scores[:2]) - 1e-12
    assert record.events.count("end EM step") == 2
    assert record.events.count("end start") == 1
    assert record.events[-1] == "teardown"


def test_a_callback_ends_the_starts(rows):
    model = GaussianMixture(2, init_params="kmeans", n_init=5, random_state=0, max_iter=0).set_callbacks(Record(1))
    model.fit(rows)
    assert model.status_ is Status.INTERRUPTED


def test_callbacks_see_the_models_of_a_search(rows):
    record = Record()
    search = GaussianMixtureSearch([1, 2], structures=["full", "tied"], random_state=0).set_callbacks(record).fit(rows)
    assert record.events[:3] == ["setup", "begin fit", "begin model"]
    assert record.events[-2:] == ["end fit", "teardown"]
    assert record.scores[-1] == search.score(rows)


def test_callbacks_see_the_models_of_a_cross_validation(rows):
    record = Record()
    search = GaussianMixtureSearch([1, 2], structures=["full"], criterion="cv", random_state=0)
    search.set_callbacks(record).fit(rows)
    assert record.events.count("end model") > 4


def test_a_callback_ends_a_search_with_the_best_so_far(rows):
    record = Record(stop_after=3)
    search = GaussianMixtureSearch([1, 2, 3], structures=["full", "tied"], random_state=0).set_callbacks(record)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        search.fit(rows)
    assert search.results_.interrupted
    assert record.events.count("end model") == 3
    assert record.events[-1] == "teardown"


def test_a_grid_search_hands_callbacks_on(rows):
    record = Propagated()
    model = GaussianMixture(init_params="kmeans", random_state=0)
    GridSearchCV(model, {"n_components": [1, 2]}, cv=2).set_callbacks(record).fit(rows)
    assert record.events.count("end start") == 5  # two models, two folds, and the chosen model
    assert record.events[:2] == ["setup", "begin fit"]
    assert record.events.count("setup") == record.events.count("teardown") == 1


def test_callbacks_are_torn_down_after_an_error(rows):
    record = Record()
    with pytest.raises(ValueError, match="'means' should have the shape"):
        GaussianMixture(2, means_init=[[0.0]]).set_callbacks(record).fit(rows)
    assert record.events[-1] == "teardown"
