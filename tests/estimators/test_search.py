"""GaussianMixtureSearch: the estimator is the best model, and its table says how it came to that."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from cases import clusters
from gaussmix import GaussianMixture, GaussianMixtureSearch, NormalInverseWishart, load, save
from gaussmix.selection import CRITERIA
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

COMBINED = json.loads((Path(__file__).parents[1] / "reference" / "mclust_combi.json").read_text())
FEW = {"n_components": range(1, 4), "structures": ["full", "VEV", "EEI"], "random_state": 0}


@pytest.fixture(scope="module")
def searched(faithful):
    return GaussianMixtureSearch(range(1, 6), random_state=0).fit(faithful)


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(GaussianMixtureSearch(n_components=1, structures=("full", "diag", "EII")))),
    ids=lambda part: getattr(getattr(part, "func", None), "__name__", ""),
)
@pytest.mark.filterwarnings("ignore:Columns .* depend on each other")  # those of one check do
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_old_faithful_is_chosen_as_by_mclust(searched, faithful):
    assert searched.best_params_ == {"n_components": 3, "covariance_type": "tied", "weights": "free"}
    assert searched.bic(faithful) == pytest.approx(2314.316296, abs=0.05)  # the ridge is worth a little
    assert searched.converged_
    assert searched.means_.shape == (3, 2)


def test_iris_is_chosen_as_by_mclust():
    search = GaussianMixtureSearch(random_state=0).fit(load_iris().data)
    assert search.best_params_["covariance_type"] == "VEV"
    assert search.best_params_["n_components"] == 2
    assert search.bic(load_iris().data) == pytest.approx(561.7285, abs=0.05)


def test_it_is_the_model_that_its_parameters_make(searched, faithful):
    again = GaussianMixture(**searched.best_params_, init_params=searched.mixture_, tol=1e-9).fit(faithful)
    assert again.score(faithful) == pytest.approx(searched.score(faithful), abs=1e-5)
    np.testing.assert_array_equal(again.predict(faithful), searched.predict(faithful))
    assert searched.sample(5)[0].shape == (5, 2)
    assert searched.predict_proba(faithful).shape == (272, 3)
    assert searched.score_samples(faithful).mean() == pytest.approx(searched.lower_bound_)


def test_the_table_holds_every_model_once_with_its_criteria(searched):
    table = searched.results_
    assert len(table) == 14 * 5
    assert len({(row["structure"], row["n_components"]) for row in table}) == 70
    chosen = min(table, key=lambda row: row["bic"])
    assert (chosen["structure"], chosen["n_components"]) == ("tied", 3)
    for row, cell in zip(table, table.candidates, strict=True):
        assert row["log_likelihood"] == cell.log_likelihood
        assert {name: row[name] for name in CRITERIA} == {name: cell.criterion(name) for name in CRITERIA}
        assert row["status"] in {"converged", "stopped early"}
        assert row["n_passes"] >= row["n_iter"] >= 1
    assert table[0]["n_components"] == 1


def test_the_table_is_a_frame(searched):
    frame, columns = searched.results_.to_pandas(), searched.results_.columns
    assert list(frame.columns) == list(columns) == searched.results_.to_polars().columns
    assert frame.loc[frame["bic"].idxmin(), "structure"] == "tied"
    assert searched.results_.to_polars().filter(pl.col("bic") == pl.col("bic").min())["n_components"].item() == 3


def test_the_summary_says_what_was_chosen_and_how_clearly(searched):
    text = searched.summary()
    assert text.startswith(
        "tied (ellipses, equal volume, shape and axes) with 3 components has the lowest BIC, 2314.30"
    )
    assert "59 different models" in text
    assert "The best model with another number of components is tied with 4" in text
    assert "and with another structure is VVE with 2" in text
    assert "widen the range" not in text


def test_the_summary_warns_at_the_edge(faithful):
    search = GaussianMixtureSearch([1, 2], structures=["full", "tied"], random_state=0).fit(faithful)
    assert (
        "The chosen model has 2 components, the most that were tried: widen the range to see beyond."
        in search.summary()
    )
    assert "widen" not in GaussianMixtureSearch(3, structures="tied", random_state=0).fit(faithful).summary()


def test_the_summary_warns_of_spurious_components():
    rows = np.concatenate([np.random.default_rng(0).normal(size=(200, 2)), [[9.0, 9.0], [9.1, 9.0], [9.0, 9.1]]])
    text = GaussianMixtureSearch(2, structures="full", random_state=0).fit(rows).summary()
    assert "with 3.0 rows (few rows, tight) looks spurious, and criteria reward that" in text
    assert "evidence" not in text


def test_the_summary_does_not_warn_of_a_thin_component_of_many_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2))
    rows[:60, 1] = rows[:60, 0] + 1e-4 * rng.normal(size=60)
    search = GaussianMixtureSearch(2, structures="full", random_state=0, reg_covar=1e-12).fit(rows)
    assert "spurious" not in search.summary()


def test_the_table_reads_well(searched):
    lines = repr(searched.results_).splitlines()
    assert lines[0] == "70 models, the best by bic first (lower is better)"
    assert lines[2].split()[:3] == ["tied", "3", "2314.30"]
    assert lines[-1] == "... and 60 more"


@pytest.mark.parametrize("criterion", [*CRITERIA, "cv"])
def test_each_criterion_chooses_its_lowest(criterion, faithful):
    unrounded = faithful + np.random.default_rng(0).uniform(-0.5, 0.5, faithful.shape) * [1e-3, 1.0]
    search = GaussianMixtureSearch(criterion=criterion, **FEW).fit(unrounded)
    lowest = min(search.results_, key=lambda row: row[criterion])
    assert search.best_params_["n_components"] == lowest["n_components"]
    assert search.best_params_["covariance_type"] == lowest["structure"]


def test_cross_validation_is_of_rows_that_the_fit_has_not_seen():
    """On rows of one Gaussian, more components look better on the rows themselves, and worse on others."""
    rows = np.random.default_rng(0).normal(size=(120, 3))
    search = GaussianMixtureSearch(range(1, 5), structures="full", criterion="cv", random_state=0).fit(rows)
    values = [row["cv"] for row in search.results_]
    assert search.best_params_["n_components"] == 1
    assert all(row["cv"] > -2 * row["log_likelihood"] for row in search.results_)
    assert values == sorted(values)
    direct = 0.0
    order = np.random.default_rng(1).permutation(120)
    for part in np.array_split(order, 5):
        one = GaussianMixture(reg_covar=0).fit(np.delete(rows, part, axis=0))
        direct -= 2 * one.score_samples(rows[part]).sum()
    assert values[0] == pytest.approx(direct, rel=0.02)


def test_weights_count_as_rows(faithful):
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 3, len(faithful))
    weighted = GaussianMixtureSearch(**FEW).fit(faithful, sample_weight=counts)
    repeated = GaussianMixtureSearch(**FEW).fit(np.repeat(faithful, counts, axis=0))
    assert weighted.best_params_ == repeated.best_params_
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-5)


def test_the_same_seed_gives_the_same_table(faithful):
    tables = [GaussianMixtureSearch(**FEW).fit(faithful).results_.columns for _ in range(2)]
    for table in tables:
        del table["seconds"]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale, faithful):
    plain, scaled = (GaussianMixtureSearch(**FEW).fit(rows) for rows in (faithful, scale * faithful))
    assert plain.best_params_ == scaled.best_params_
    shifted = plain.lower_bound_ - 2 * np.log(scale)
    assert scaled.lower_bound_ == pytest.approx(shifted, abs=1e-5)


def test_one_feature_has_two_structures():
    rows = np.random.default_rng(0).normal(size=(100, 1))
    rows[:40] += 8
    search = GaussianMixtureSearch(range(1, 4), random_state=0).fit(rows)
    assert {row["structure"] for row in search.results_} == {"E", "V"}
    assert search.best_params_["n_components"] == 2


def test_equal_weights(faithful):
    search = GaussianMixtureSearch(weights="equal", **FEW).fit(faithful)
    assert len(set(search.weights_)) == 1
    assert search.best_params_["weights"] == "equal"


def test_float32_rows(faithful):
    search = GaussianMixtureSearch(**FEW).fit(faithful.astype(np.float32))
    assert search.means_.dtype == np.float32
    assert search.best_params_ == GaussianMixtureSearch(**FEW).fit(faithful).best_params_


def test_more_components_than_rows_are_rows_with_a_reason():
    rows = np.random.default_rng(0).normal(size=(5, 2))
    search = GaussianMixtureSearch([1, 7], structures=["EII"], random_state=0).fit(rows)
    last = search.results_[1]
    assert (last["status"], last["bic"]) == ("failed", None)
    assert last["reason"] == "7 components need at least as many rows, got 5."
    assert "1 not to be fitted" in search.summary()


def test_nothing_that_can_be_fitted_is_an_error():
    with pytest.raises(ValueError, match="7 components need at least as many rows, got 5"):
        GaussianMixtureSearch(7, structures="EII").fit(np.random.default_rng(0).normal(size=(5, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"structures": "round"}, "structure must be one of EII, VII"),
        ({"structures": ["full", "V"]}, "structure 'V' is for rows with one feature, got 2"),
        ({"structures": []}, r"structures must be 'all', a name or several, got \[\]"),
        ({"structures": [["full"]]}, "structures must be 'all', a name or several"),
        ({"n_components": [True, 2]}, "n_components must be integers from 1 upwards, at least one, got True"),
        ({"n_components": 0}, "The 'n_components' parameter of GaussianMixtureSearch"),
        ({"n_components": [2, 0]}, "n_components must be integers from 1 upwards, at least one, got 0"),
        ({"n_components": []}, r"n_components must be integers from 1 upwards, at least one, got \[\]"),
        ({"n_components": [1.5]}, "n_components must be integers from 1 upwards, at least one, got 1.5"),
        ({"criterion": "waic"}, "The 'criterion' parameter of GaussianMixtureSearch"),
    ],
)
def test_bad_parameters_are_named(options, message, faithful):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureSearch(**options).fit(faithful)


def test_too_few_iterations_are_a_warning(faithful):
    with pytest.warns(ConvergenceWarning, match="did not converge in 2 iterations"):
        GaussianMixtureSearch(3, structures="full", max_iter=2, random_state=0).fit(faithful)


def test_it_is_a_scikit_learn_estimator(faithful, tmp_path):
    search = GaussianMixtureSearch(**FEW)
    with pytest.raises(NotFittedError):
        search.summary()
    assert clone(search).get_params() == search.get_params()
    piped = make_pipeline(StandardScaler(), search).fit(faithful)
    assert piped.predict(faithful).shape == (272,)
    path = tmp_path / "best.gmx"
    save(piped[-1].mixture_, path)
    assert load(path).n_components == piped[-1].best_params_["n_components"]


def test_verbose_says_how_far_it_is(faithful, capsys):
    GaussianMixtureSearch(verbose=1, **FEW).fit(faithful)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [str(3 * i) for i in range(1, 12)]
    assert lines[0] == "3 of 33: 1 components"


def test_components_are_merged_into_clusters():
    rng = np.random.default_rng(3)
    rows = np.concatenate([clusters(rng, 200, 1), rng.normal(size=(200, 2)) * [6, 0.5] + [0, 40]])
    model = GaussianMixture(4, covariance_type="spherical", random_state=0).fit(rows)
    hierarchy = model.merge_components(rows)
    labels = hierarchy.clusters(2)[model.predict(rows)]
    assert len(set(labels[200:])) == 1
    assert (np.diff(hierarchy.entropies) >= 0).all()
    with pytest.raises(ValueError, match="criterion must be"):
        model.merge_components(rows, criterion="demp")


def test_columns_in_very_different_units_are_searched(faithful):
    only = {**FEW, "structures": ["full", "diag", "tied"]}  # which are the same in all units
    plain, scaled = (GaussianMixtureSearch(**only).fit(faithful * units) for units in ([1, 1], [1e-9, 1e9]))
    assert {row["status"] for row in scaled.results_} <= {"converged", "stopped early"}
    assert scaled.best_params_ == plain.best_params_
    assert scaled.lower_bound_ == pytest.approx(plain.lower_bound_, abs=1e-4)


@pytest.mark.parametrize("criterion", ["bic", "aicc"])
@pytest.mark.parametrize("n", [4, 5, 9])
def test_a_handful_of_rows_is_searched_or_refused_in_words(n, criterion):
    rows = np.random.default_rng(0).normal(size=(n, 2))
    search = GaussianMixtureSearch(range(1, 4), criterion=criterion, random_state=0)
    try:
        assert search.fit(rows).summary()
    except ValueError as error:
        assert "No model has a finite aicc" in str(error)  # noqa: PT017 - either is right


def test_collapsed_models_are_counted_and_not_runners_up():
    rows = np.random.default_rng(0).normal(size=(4, 2))
    search = GaussianMixtureSearch([1, 2], structures="full", random_state=0).fit(rows)
    text = search.summary()
    assert "full (ellipses, variable volume, shape and axes) with 1 component has the lowest BIC" in text
    assert "of 2 different models (1 passed over for a collapsed component)" in text
    assert "more)" not in text


def test_one_row_far_out_takes_no_age():
    rows = np.random.default_rng(0).normal(size=(200, 3))
    rows[0] = 1e8
    search = GaussianMixtureSearch([1, 2], structures=["tied", "VEE", "EVE"], random_state=0).fit(rows)
    assert max(row["n_passes"] for row in search.results_ if row["n_components"] == 1) < 30


def test_with_one_component_the_name_is_scikit_learns():
    rng = np.random.default_rng(0)
    for _ in range(3):
        rows = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
        search = GaussianMixtureSearch(1, random_state=0).fit(rows)
        assert search.best_params_["covariance_type"] == "tied"


def test_rows_whose_squares_overflow_are_refused(faithful):
    rows = faithful.copy()
    rows[0, 0] = 1e200
    with pytest.raises(ValueError, match=r"X is too large: it must be at most 1e\+150 in absolute"):
        GaussianMixtureSearch(2, structures="full").fit(rows)


def test_numpy_integers_and_slices(faithful):
    search = GaussianMixtureSearch(np.arange(1, 3), structures=np.array(["full", "EEI"]), random_state=0).fit(faithful)
    assert [row["n_components"] for row in search.results_[0:4]] == [1, 1, 2, 2]
    assert GaussianMixtureSearch(np.int64(2), structures="full").fit(faithful).best_params_["n_components"] == 2


@pytest.fixture
def interrupt(monkeypatch):
    """A function after which a given pass of EM over the rows is interrupted."""

    def at(last):
        passes, reduce = [], ArraySource.reduce

        def interrupted(source, mixture, moments):
            passes.append(1)
            if len(passes) == last:
                raise KeyboardInterrupt
            return reduce(source, mixture, moments)

        monkeypatch.setattr(ArraySource, "reduce", interrupted)

    return at


def test_an_interruption_keeps_the_best_so_far(interrupt, faithful):
    search = GaussianMixtureSearch(range(1, 4), structures=["full", "tied", "diag"], random_state=0)
    interrupt(60)
    with pytest.warns(
        ConvergenceWarning, match=r"Interrupted: the best of the \d models that were fitted so far is kept"
    ):
        search.fit(faithful)
    assert search.results_.interrupted
    assert 3 <= len(search.results_) < 9
    assert np.isfinite(search.score(faithful))
    assert search.best_params_["n_components"] >= 2


@pytest.mark.parametrize(("criterion", "last"), [("bic", 2), ("cv", 120)])
def test_an_interruption_before_there_is_a_model_to_keep_is_raised(interrupt, faithful, criterion, last):
    interrupt(last)
    search = GaussianMixtureSearch(range(1, 4), structures=["full", "tied"], criterion=criterion, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        search.fit(faithful)
    assert not hasattr(search, "mixture_")


@pytest.mark.parametrize("prior", ["weak", "mclust"])
def test_a_prior_is_that_of_a_single_mixture(prior, faithful):
    search = GaussianMixtureSearch(3, structures="full", prior=prior, random_state=0, tol=1e-9).fit(faithful)
    one = GaussianMixture(3, prior=prior, init_params=search.mixture_, tol=1e-9).fit(faithful)
    assert one.score(faithful) == pytest.approx(search.score(faithful), abs=1e-6)
    assert one.lower_bound_ == pytest.approx(search.lower_bound_, abs=1e-6)
    assert search.lower_bound_ < search.score(faithful)


def test_with_a_prior_all_structures_are_those_that_it_is_defined_for(faithful):
    search = GaussianMixtureSearch([1, 2], prior="mclust", random_state=0).fit(faithful)
    assert {row["structure"] for row in search.results_} == {one.public_name for one in STRUCTURES if one.takes_prior}
    with pytest.raises(ValueError, match="prior is not defined for structure 'EVV'"):
        search.set_params(structures="EVV").fit(faithful)


def test_a_bound_on_eigenvalues_holds_for_all_models(faithful):
    scaled = faithful / faithful.std(axis=0)
    search = GaussianMixtureSearch([1, 2, 3], eigenvalue_ratio=3.0, random_state=0).fit(scaled)
    fitted = [one for one in search.results_.candidates if one.fit]
    assert {one.structure for one in fitted} == {one for one in STRUCTURES if one.takes_ratio}
    for one in fitted:
        eigenvalues = np.linalg.eigvalsh(one.mixture.covariances.dense(*one.mixture.means.shape))
        assert eigenvalues.max() <= 3.0 * eigenvalues.min() * (1 + 1e-6)
    with pytest.raises(ValueError, match="eigenvalue_ratio is not defined for structure 'EVV'"):
        GaussianMixtureSearch([1, 2], structures="EVV", eigenvalue_ratio=3.0).fit(scaled)


def test_one_prior_for_all_models(faithful):
    prior = NormalInverseWishart(faithful.mean(axis=0), 0.01, 4, np.cov(faithful.T))
    search = GaussianMixtureSearch([1, 2, 3], structures=["full", "tied"], prior=prior, random_state=0).fit(faithful)
    assert all(one.m_step.prior is prior for one in search.results_.candidates)


def test_the_best_estimator_is_the_chosen_model_fitted_already():
    rows = clusters(np.random.default_rng(0), n=90, n_components=2)
    search = GaussianMixtureSearch([1, 2, 3], structures=["full", "diag"], random_state=0).fit(rows)
    best = search.best_estimator_
    assert {name: getattr(best, name) for name in search.best_params_} == search.best_params_
    assert search.best_score_ == min(one["bic"] for one in search.results_) == pytest.approx(best.bic(rows), rel=1e-12)
    assert best.lower_bound_ == search.lower_bound_
    assert best.status_.name in {"CONVERGED", "ITERATION_LIMIT"}
    np.testing.assert_array_equal(best.predict(rows), search.predict(rows))
    np.testing.assert_array_equal(best.sample(5)[0], search.sample(5)[0])
    np.testing.assert_array_equal(best.diagnose(rows).masses, search.diagnose(rows).masses)
    assert best.summary().splitlines()[0].endswith("90 rows of 2 features")
    assert pickle.loads(pickle.dumps(search)).best_estimator_.message_ == best.message_  # noqa: S301 - our own


def test_the_best_model_prints_in_a_line():
    rows = clusters(np.random.default_rng(0), n=60, n_components=2)
    search = GaussianMixtureSearch([1, 2], structures=["full"], random_state=0).fit(rows)
    best = search.results_.best
    assert repr(best) == (
        f"<Candidate: full with {best.n_components} components, log-likelihood {best.log_likelihood:.2f}, "
        f"{best.n_parameters} parameters, BIC {search.best_score_:.2f}, converged>"
    )


def test_constant_columns_are_named():
    rows = clusters(np.random.default_rng(0), n=60, n_components=2)
    table = pd.DataFrame(rows, columns=["a", "b"]).assign(one=1.0, two=2.0)
    with pytest.warns(UserWarning, match="Columns 'one' and 'two' are constant, and cannot separate components"):
        GaussianMixtureSearch([1, 2], structures=["diag"], random_state=0).fit(table)
