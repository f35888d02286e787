import re
import warnings
from functools import cache

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from cases import mixture
from degenerate import DEGENERATE
from gaussmix import Diagonal, GaussianMixture, Mixture, Status

COVARIANCE_TYPES = ("spherical", "diag", "tied", "full")


@cache
def rows(n_components=100, n_features=3, n=4000):
    rng = np.random.default_rng(0)
    return mixture(rng, Diagonal, n_components, n_features, spread=6.0).sample(n, random_state=rng)


def truncated(n_components=100, **options):
    return GaussianMixture(n_components, **{"algorithm": "truncated", "max_iter": 400, "random_state": 0, **options})


def quietly(model, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", r"The weights sum to|Columns? .* (is|are) constant", UserWarning)
        return model.fit(*arguments, **options)


def assert_same_fit(one, other):
    for field in ("weights_", "means_", "covariances_"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)
    assert one.history_ == other.history_


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("prior", ["weak", None])
def test_what_is_reported_is_the_log_likelihood_and_not_the_bound(covariance_type, prior):
    model = quietly(truncated(100, covariance_type=covariance_type, prior=prior, max_iter=30), rows())
    assert model.log_likelihood_ == pytest.approx(model.score(rows()), rel=1e-12)
    assert model.lower_bound_ == model.log_posterior_
    assert model.log_posterior_ >= model.history_[-1] - 1e-9
    assert len(model.history_) == model.n_iter_ + 1 == len(model.lower_bounds_) + 1
    if prior is None:
        assert model.lower_bound_ == model.log_likelihood_


def test_the_message_tells_the_bound_from_the_log_likelihood():
    model = truncated(covariance_type="diag", tol=1e-3).fit(rows())
    assert model.status_ is Status.CONVERGED
    assert re.fullmatch(
        r"Converged after \d+ iterations: the bound is estimated to be \S+ per row from its limit\. "
        r"The log-likelihood of all rows is \S+ per row above the bound\.",
        model.message_,
    )


def test_few_components_have_all_for_candidates_and_end_where_em_does():
    start = Mixture(np.full(3, 1 / 3), rows()[:3], Diagonal(np.full((3, 3), 6.0)))
    ends = [
        GaussianMixture(3, covariance_type="diag", init_params=start, algorithm=algorithm, tol=1e-9, max_iter=1000)
        .fit(rows())
        .lower_bound_
        for algorithm in ("em", "truncated")
    ]
    assert ends[0] == pytest.approx(ends[1], abs=1e-7)


def test_it_ends_near_where_em_does_from_the_same_start():
    first = quietly(truncated(covariance_type="diag", max_iter=0), rows()).mixture_
    ends = [
        quietly(truncated(covariance_type="diag", init_params=first, algorithm=algorithm), rows()).lower_bound_
        for algorithm in ("em", "truncated")
    ]
    assert ends[1] > ends[0] - 0.02


def test_most_rows_look_at_few_components():
    many = quietly(truncated(800, covariance_type="spherical", max_iter=45, prior="weak"), rows())
    assert many.n_passes_ < 0.6 * many.n_iter_


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_a_seed_gives_one_answer_whatever_the_number_of_threads(engine):
    fits = [
        quietly(truncated(30, covariance_type="diag", max_iter=9, engine=engine, n_jobs=n_jobs), rows())
        for n_jobs in (1, 2, 5)
    ]
    assert_same_fit(fits[0], fits[1])
    assert_same_fit(fits[0], fits[2])


def test_the_engines_agree():
    fits = [
        quietly(truncated(covariance_type="diag", max_iter=9, engine=one), rows()) for one in ("reference", "fused")
    ]
    np.testing.assert_allclose(fits[0].history_, fits[1].history_, rtol=1e-9)
    np.testing.assert_allclose(fits[0].means_, fits[1].means_, rtol=1e-6, atol=1e-6)


def test_weights_count_and_rows_without_weight_do_not():
    first = quietly(truncated(30, covariance_type="diag", max_iter=0), rows()).mixture_
    times = np.random.default_rng(0).integers(0, 3, len(rows()))
    model = truncated(30, covariance_type="diag", init_params=first, max_iter=12)
    weighted = quietly(model, rows(), sample_weight=times).means_
    repeated = quietly(model, np.repeat(rows(), times, axis=0)).means_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4, atol=1e-4)


def test_a_warm_start_goes_on():
    model = quietly(truncated(covariance_type="diag", max_iter=20, warm_start=True), rows())
    before = model.lower_bound_
    assert quietly(model, rows()).lower_bound_ >= before


def test_given_parameters_are_started_from():
    means = rows()[:50]
    model = quietly(truncated(50, covariance_type="diag", means_init=means, max_iter=0), rows())
    np.testing.assert_array_equal(model.means_, means)


def test_several_starts_are_told_apart():
    model = quietly(truncated(covariance_type="diag", n_init=3, max_iter=10), rows())
    assert len(model.optima_) == 3


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_components_of_too_few_rows_are_held_open(engine):
    lonely = 100.0 + 10.0 * np.arange(9.0)[:, None] ** 2 * [1.0, 2.0, 3.0]
    model = quietly(truncated(120, covariance_type="diag", engine=engine), np.concatenate([rows(), lonely]))
    assert model.status_ in {Status.REGULARIZED, Status.ITERATION_LIMIT}
    assert "holds each open" in model.message_
    assert np.isfinite(model.covariances_).all()


def test_without_a_ridge_it_ends_with_a_mixture_too():
    repeated = np.repeat(rows()[:40] + 50.0, 3, axis=0)
    model = quietly(truncated(120, covariance_type="full", reg_covar=0.0), np.concatenate([rows(), repeated]))
    assert model.status_ is not Status.COLLAPSED
    assert np.isfinite(model.lower_bound_)
    assert np.isfinite(model.covariances_).all()


def test_random_responsibilities_are_no_start_for_it():
    with pytest.raises(ValueError, match=r"init_params='random' assigns each row to all components.* set 'kmeans'"):
        truncated(init_params="random").fit(rows())


def test_an_unknown_algorithm_is_named():
    with pytest.raises(ValueError, match="The 'algorithm' parameter of GaussianMixture must be a str among"):
        truncated(algorithm="lloyd").fit(rows())


@pytest.mark.parametrize("name", DEGENERATE)
def test_whatever_the_rows_it_ends_with_a_mixture(name):
    case = DEGENERATE[name]()
    options = {**case.options, "algorithm": "truncated"}
    if isinstance(options.get("init_params"), str) and options["init_params"] == "random":
        options["init_params"] = "random_from_data"
    if any(word in name for word in ("holes", "misses", "observed")):
        with pytest.raises(ValueError, match="algorithm='truncated' needs complete rows"):
            quietly(GaussianMixture(random_state=0, **options), case.rows, **case.fit)
        return
    model = quietly(GaussianMixture(random_state=0, **options), case.rows, **case.fit)
    assert model.log_likelihood_ == pytest.approx(model.score(case.rows, **case.fit), rel=1e-6)
    assert model.history_[-1] <= model.lower_bound_ + 1e-9 * abs(model.lower_bound_)
    assert np.isfinite(model.means_).all()
    assert np.isfinite(model.covariances_).all()
