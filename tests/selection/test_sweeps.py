import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from cases import clusters
from gaussmix.em import run
from gaussmix.em.degeneracy import collapsed_components
from gaussmix.em.m_step import MStep
from gaussmix.initialization import moments_of, relative_ridge
from gaussmix.priors import scaled
from gaussmix.selection import Search, best, fit_models
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, every, named

FEW = tuple(named(name) for name in ("EII", "VVI", "EEE", "VVV"))
seeds = st.integers(0, 2**32 - 1)


def search(rows, n_components, structures=None, *, ridge=None, equal_weights=False, **options):
    source = rows if isinstance(rows, ArraySource) else ArraySource(np.asarray(rows))
    ridge = relative_ridge(source) if ridge is None else np.full(source.n_features, ridge)
    structures = structures or every(source.n_features)
    m_steps = tuple(MStep(structure, ridge, equal_weights) for structure in structures)
    return Search(source, tuple(n_components), m_steps, **options)


def searched(rows, n_components, structures=None, *, seed=0, **options):
    """Return all models of a search; there are as many evaluations as the search says."""
    plan, evaluated = search(rows, n_components, structures, **options), []
    results = fit_models(plan, np.random.default_rng(seed), evaluated.append)
    models = by_key(results)
    assert not results.interrupted
    assert len(models) == len(results)
    assert len(evaluated) == plan.n_evaluations
    assert set(models) == set(itertools.product((m_step.structure for m_step in plan.m_steps), plan.n_components))
    return models


def by_key(results):
    return {(one.structure, one.n_components): one for one in results.candidates}


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@pytest.fixture(scope="module")
def known(faithful, iris):
    """Searches that several tests use."""
    return {
        (name, stop_early): searched(rows, range(1, 6), stop_early=stop_early)
        for name, rows in (("faithful", faithful), ("iris", iris))
        for stop_early in (True, False)
    }


# --- Evaluations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_components", "n_walks"), [((1,), 2), ((5,), 1), ((5,), 3), ((1, 2, 3), 2), ((2, 4, 7), 1), ((2, 4, 7), 3)]
)
def test_every_model_is_evaluated_as_often_as_the_search_says(n_components, n_walks):
    rows = clusters(np.random.default_rng(0), n=100)
    models = searched(rows, n_components, FEW, n_walks=n_walks)
    for (structure, k), model in models.items():
        assert (model.structure, model.n_components) == (structure, k)
        assert model.mixture.n_components == k
        assert isinstance(model.mixture.covariances, structure.form)
        assert model.log_likelihood == pytest.approx(model.mixture.logpdf(rows).sum())
        assert model.n_passes > 0
        assert model.seconds > 0


@pytest.mark.parametrize("n_walks", [1, 2])
def test_no_evaluation_loses_the_best_fit_of_its_model(n_walks):
    plan = search(clusters(np.random.default_rng(1), n=150, spread=2.0), (1, 2, 3, 4), FEW, n_walks=n_walks)
    evaluated, before = [], {}
    fit_models(plan, np.random.default_rng(0), evaluated.append)
    for one in evaluated:
        key = (one.structure, one.n_components)
        if key in before:
            assert one.rank >= before[key].rank
            assert one.n_passes >= before[key].n_passes
        before[key] = one
    assert len(evaluated) > len(before)


def test_passes_are_counted_without_those_that_models_share(monkeypatch):
    monkeypatch.setattr("gaussmix.selection.sweeps.compared_starts", lambda *_: [])
    monkeypatch.setattr("gaussmix.selection.evaluation.suits_short_runs", lambda *_: False)

    @dataclass(frozen=True, eq=False)
    class Counting(ArraySource):
        passes: list[int] = field(default_factory=list)

        def reduce(self, mixture, moments):
            self.passes.append(1)
            return super().reduce(mixture, moments)

    source = Counting(clusters(np.random.default_rng(0), n=150))
    models = searched(source, (3,))
    assert sum(model.n_passes for model in models.values()) == pytest.approx(len(source.passes), rel=0.1)


@settings(max_examples=5)
@given(seed=seeds, n_workers=st.sampled_from([2, 3]))
def test_the_seed_decides_and_not_the_workers(seed, n_workers):
    rows = clusters(np.random.default_rng(seed), n=120, spread=2.0)
    alone, in_parallel = (searched(rows, (1, 2, 4), FEW, seed=seed, n_walks=2, n_workers=n) for n in (1, n_workers))
    for key, one in alone.items():
        assert in_parallel[key].log_likelihood == one.log_likelihood
        assert in_parallel[key].n_passes == one.n_passes
        np.testing.assert_array_equal(in_parallel[key].mixture.means, one.mixture.means)


@pytest.mark.parametrize("n_features", [1, 3])
def test_rows_of_any_width_and_precision(n_features):
    rows = clusters(np.random.default_rng(0), n=150, n_features=n_features)
    double, single = (searched(x, (1, 3)) for x in (rows, rows.astype(np.float32)))
    assert len(double) == 2 * len(every(n_features))
    leader = best(list(double.values()), "bic")
    same = single[leader.structure, leader.n_components]
    assert same.log_likelihood == pytest.approx(leader.log_likelihood, rel=1e-4)


def test_equal_weights_stay_equal():
    rows = clusters(np.random.default_rng(0), n=150)
    models = searched(rows, (1, 2, 4), equal_weights=True, n_walks=2)
    for (structure, k), model in models.items():
        np.testing.assert_array_equal(model.mixture.weights, np.full(k, 1 / k))
        assert model.n_parameters == k * 2 + structure.n_covariance_parameters(k, 2)
    free = searched(rows, (1,))
    for structure in STRUCTURES:
        assert models[structure, 1].log_likelihood == pytest.approx(free[structure, 1].log_likelihood)


def test_weights_stand_for_repeated_rows():
    rng = np.random.default_rng(0)
    rows, counts = clusters(rng, n=90, spread=20.0), rng.integers(1, 4, size=90)
    weighted = searched(ArraySource(rows, counts.astype(float)), (1, 3), FEW)
    repeated = searched(np.repeat(rows, counts, axis=0), (1, 3), FEW)
    for key, one in weighted.items():
        assert repeated[key].criterion("bic") == pytest.approx(one.criterion("bic"), rel=1e-6)


# --- Failures are rows with a reason ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_walks", [1, 2])
def test_more_components_than_rows_is_a_reason(n_walks):
    models = searched(np.random.default_rng(0).normal(size=(6, 2)), (1, 3, 7, 9), n_walks=n_walks)
    for (_, k), model in models.items():
        assert (model.fit is None) == (k > 6)
        assert model.reason == (f"{k} components need at least as many rows, got 6." if k > 6 else "")
        assert model.status != "failed" or model.criterion("bic") == np.inf
    with pytest.raises(ValueError, match="7 components need at least as many rows, got 6"):
        best([model for (_, k), model in models.items() if k > 6], "bic")


def reasons(rows, n_components, structures=None, **options):
    """Return the reasons of models without a fit, where there is no ridge."""
    models = searched(rows, n_components, structures, ridge=0.0, **options)
    assert all(np.isfinite(model.log_likelihood) for model in models.values() if model.fit)
    assert all(bool(model.reason) == (model.fit is None) for model in models.values())
    return {key: one.reason for key, one in models.items() if one.fit is None}


@pytest.mark.parametrize("n_walks", [1, 2])
def test_two_places_without_a_ridge_are_a_reason(n_walks):
    rows = np.repeat([[0.0, 0.0], [1.0, 3.0]], 5, axis=0)
    found = reasons(rows, (1, 2, 3), n_walks=n_walks)
    assert {(structure, 2) for structure in STRUCTURES} <= set(found)
    assert all("ill-defined" in reason for reason in found.values())
    assert (named("VVV"), 1) in found
    assert (named("VVI"), 1) not in found


@pytest.mark.parametrize(("places", "n_features"), [(2, 1), (3, 2), (6, 2), (5, 3)])
def test_repeated_rows_without_a_ridge_are_no_exception(places, n_features):
    rows = np.repeat(np.random.default_rng(0).normal(size=(places, n_features)), 5, axis=0)
    found = reasons(rows, sorted({1, 2, places}))
    assert {k for _, k in found} >= {places}
    assert all("ill-defined" in reason for reason in found.values())


@pytest.mark.parametrize(
    ("seed", "places", "n_features", "times"),
    [(0, 6, 2, 3), (1, 4, 2, 1), (2, 6, 1, 5), (6, 4, 2, 5), (21, 3, 3, 5), (39, 6, 2, 4), (42, 4, 1, 3), (7, 3, 2, 2)],
)
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
def test_a_few_places_without_a_ridge_are_no_exception(structure, seed, places, n_features, times):
    rows = np.repeat(np.random.default_rng(seed).normal(size=(places, n_features)), times, axis=0)
    for n_components in ((1, 2), (2, 4)):
        for (_, k), reason in reasons(rows, n_components, [structure]).items():
            assert "ill-defined" in reason or k > len(rows)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_rows_that_are_all_equal_are_fitted_with_a_ridge_and_without_are_a_reason(value):
    rows = np.full((9, 2), value)
    assert all(model.fit for model in searched(rows, (1, 2, 3)).values())
    found = reasons(rows, (1, 2))
    assert set(found) == set(itertools.product(STRUCTURES, (1, 2)))
    assert all("ill-defined" in reason for reason in found.values())


def test_a_constant_column_without_a_ridge_fits_the_spherical_alone():
    rows = np.column_stack([np.random.default_rng(0).normal(size=60), np.ones(60)])
    found = reasons(rows, (1, 2))
    assert all("ill-defined" in reason for reason in found.values())
    assert {one.name for one in STRUCTURES if (one, 1) not in found} == {"EII", "VII"}


@pytest.mark.parametrize("ridge", [None, 0.0])
def test_of_fewer_rows_than_features_only_covariances_without_axes_of_their_own_are_fitted(ridge):
    rows = np.random.default_rng(0).normal(size=(10, 12))
    for model in searched(rows, (1, 2), ridge=ridge).values():
        carried = not model.structure.form.correlated
        assert (model.fit is not None) == carried
        assert ("degenerate" in model.reason) == (not carried)


def test_structures_that_no_rows_could_carry_are_fitted_where_there_are_no_others():
    rows = np.random.default_rng(0).normal(size=(10, 12))
    models = searched(rows, (1, 2), (named("VVV"), named("EEE")))
    assert all(model.status == "collapsed" for model in models.values())


# --- What is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_the_number_of_clusters_is_found(criterion):
    rows = clusters(np.random.default_rng(2), n=600, n_components=4, spread=12.0)
    models = list(searched(rows, range(2, 7), FEW, criterion=criterion).values())
    chosen = best(models, criterion)
    assert chosen.n_components == 4
    assert chosen.criterion(criterion) == min(model.criterion(criterion) for model in models if not model.collapsed)


@pytest.mark.parametrize("stop_early", [True, False])
def test_old_faithful_has_mclusts_model(known, stop_early):
    chosen = best(list(known["faithful", stop_early].values()), "bic")
    assert (chosen.structure.name, chosen.n_components) == ("EEE", 3)
    assert chosen.criterion("bic") == pytest.approx(2314.316296, abs=0.05)  # the ridge is worth a little
    assert chosen.n_parameters == 11


def test_iris_has_mclusts_model(known):
    chosen = best(list(known["iris", True].values()), "bic")
    assert (chosen.structure.name, chosen.n_components) == ("VEV", 2)
    assert chosen.criterion("bic") == pytest.approx(561.7285, abs=0.05)


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_stopping_early_leaves_the_best_as_it_is(known, name):
    early, whole = known[name, True], known[name, False]
    leaders = [best(list(models.values()), "bic") for models in (early, whole)]
    assert leaders[0].structure is leaders[1].structure
    assert leaders[0].n_components == leaders[1].n_components
    assert leaders[0].criterion("bic") == pytest.approx(leaders[1].criterion("bic"), abs=1e-3)
    assert leaders[0].status == leaders[1].status == "converged"
    assert sum(one.n_passes for one in early.values()) < sum(one.n_passes for one in whole.values())


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_what_was_stopped_early_says_so_and_is_far_behind(known, name):
    models = list(known[name, True].values())
    stopped = [model for model in models if model.status == "stopped early"]
    assert stopped
    assert all(model.criterion("bic") > best(models, "bic").criterion("bic") + 10.0 for model in stopped)


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_without_pruning_every_model_is_fitted_to_the_end(known, name):
    assert {one.status for one in known[name, False].values()} <= {"converged", "collapsed"}


SAME_FOR_ONE = [
    ("EII", "VII"),
    ("EEI", "VEI", "EVI", "VVI"),
    ("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
]


@pytest.mark.parametrize("names", SAME_FOR_ONE, ids="-".join)
def test_structures_agree_where_they_coincide(known, names):
    for rows in ("faithful", "iris"):
        models = [known[rows, True][named(name), 1] for name in names]
        for model in models[1:]:
            assert model.log_likelihood == pytest.approx(models[0].log_likelihood, abs=1e-6)
            assert model.n_parameters == models[0].n_parameters


def nested_but_likelier(models):
    """Return pairs of nested models of which the smaller has a better fit, so that the larger lacked a good start."""
    pairs = [(a, b) for a, b in itertools.permutations(STRUCTURES, 2) if b.contains(a)]
    return [
        (small.name, large.name, k, models[small, k].log_likelihood - models[large, k].log_likelihood)
        for (small, large), k in itertools.product(pairs, {k for _, k in models})
        if models[small, k].sound
        and (models[large, k].collapsed or models[small, k].log_likelihood > models[large, k].log_likelihood + 1e-3)
    ]


def unexplained(rows, models):
    """Return pairs of nested models whose smaller has a better fit, from which EM of the larger ends in a sound fit."""
    return [
        (small, large, k, gap)
        for small, large, k, gap in nested_but_likelier(models)
        if not ends_unsound(rows, models[named(small), k], models[named(large), k])
    ]


def test_a_nested_structure_is_never_likelier_after_two_walks_on_old_faithful(faithful):
    assert unexplained(faithful, searched(faithful, range(1, 6), stop_early=False, n_walks=2)) == []


def test_a_nested_structure_is_never_likelier_after_two_walks_on_iris(iris):
    assert nested_but_likelier(searched(iris, range(1, 6), stop_early=False, n_walks=2)) == []


@pytest.mark.parametrize("seed", [0, 1, 6])
def test_a_nested_structure_is_never_likelier_after_two_walks_on_overlapping_clusters(seed):
    rows = clusters(np.random.default_rng(seed), n=200, spread=2.0)
    models = searched(rows, range(1, 5), stop_early=False, n_walks=2)
    assert unexplained(rows, models) == []


def ends_unsound(rows, small, large):
    """Return whether EM of the larger model, from the fit of the smaller, ends collapsed or spurious."""
    fit = run(ArraySource(rows), small.mixture, large.m_step, tol=1e-6, max_iter=1000)
    collapsed = collapsed_components(fit.state.mixture, large.m_step.ridge)
    return not replace(large, fit=fit, collapsed=collapsed).sound


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Interrupted(ArraySource):
    """Rows of which a pass, the last that is expected, is interrupted."""

    last: int = 0
    passes: list[int] = field(default_factory=list)

    def reduce(self, mixture, moments):
        self.passes.append(1)
        if len(self.passes) >= self.last:
            raise KeyboardInterrupt
        return super().reduce(mixture, moments)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.4, 0.7, 0.95])
def test_an_interrupted_search_makes_no_further_pass_and_keeps_its_fits(share):
    rows = clusters(np.random.default_rng(0), n=150, spread=2.0)
    whole = Interrupted(rows, last=10**6)
    evaluated = []
    fit_models(search(whole, (1, 2, 3), FEW, ridge=1e-6), np.random.default_rng(0), evaluated.append)
    source = Interrupted(rows, last=1 + int(share * len(whole.passes)))
    kept = []
    results = fit_models(search(source, (1, 2, 3), FEW, ridge=1e-6), np.random.default_rng(0), kept.append)
    assert results.interrupted
    assert len(source.passes) == source.last
    assert len(kept) < len(evaluated)
    assert [one.log_likelihood for one in kept] == [one.log_likelihood for one in evaluated[: len(kept)]]
    last = {(one.structure, one.n_components): one.log_likelihood for one in kept}
    assert {key: one.log_likelihood for key, one in by_key(results).items()} == last


@pytest.mark.parametrize("n_workers", [1, 2])
def test_an_interruption_between_two_fits_keeps_those_before_it(n_workers):
    kept = []

    def impatient(candidate):
        if len(kept) == 6:
            raise KeyboardInterrupt
        kept.append(candidate)

    plan = search(clusters(np.random.default_rng(0), n=150), (1, 2, 3), FEW, n_workers=n_workers)
    results = fit_models(plan, np.random.default_rng(0), impatient)
    assert results.interrupted
    assert list(results.candidates[:6]) == kept
    assert all(one.fit for one in results.candidates)


def test_an_interruption_while_collapsed_components_are_regularized_keeps_all_models():
    rows = np.random.default_rng(0).normal(size=(300, 2))
    rows[:60, 1] = 1.5
    whole = Interrupted(rows, last=10**6)
    results = fit_models(search(whole, (1, 2), (named("VVI"),), ridge=1e-6), np.random.default_rng(0))
    assert [one.status for one in results.candidates] == ["converged", "regularized"]
    source = Interrupted(rows, last=len(whole.passes))
    results = fit_models(search(source, (1, 2), (named("VVI"),), ridge=1e-6), np.random.default_rng(0))
    assert results.interrupted
    assert [one.status for one in results.candidates] == ["converged", "collapsed"]


# --- Priors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", ["weak", "mclust"])
def test_each_model_is_fitted_with_the_prior_for_its_number_of_components(prior):
    rows = clusters(np.random.default_rng(0), n=120, spread=2.0)
    models = searched(rows, (1, 2, 3), FEW, prior=prior, stop_early=False)
    for (structure, k), model in models.items():
        mean, covariance = moments_of(ArraySource(rows), correlated=structure.moments.correlated)
        expected = scaled(prior, mean, covariance, k, structure)
        np.testing.assert_allclose(model.m_step.prior.spread, expected.spread)
        again = model.m_step.maximize(model.statistics)
        np.testing.assert_allclose(again.means, model.mixture.means, atol=0.01)
        assert model.log_posterior == pytest.approx(model.log_likelihood + model.m_step.log_prior(model.mixture))
    plain = searched(rows, (1,), FEW)
    assert all(models[structure, 1].log_likelihood < plain[structure, 1].log_likelihood for structure in FEW)


def test_with_a_prior_full_covariances_are_fitted_to_no_more_rows_than_features():
    rows = np.random.default_rng(0).normal(size=(10, 12))
    models = searched(rows, (1, 2), FEW, prior="weak")
    assert all(model.fit for model in models.values())
