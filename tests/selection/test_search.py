import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from cases import clusters
from gaussmix.em import run
from gaussmix.em.degeneracy import collapsed
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge
from gaussmix.selection import Search, best
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
    """The last visit to each cell: every cell there is, and as many visits as were said."""
    plan = search(rows, n_components, structures, **options)
    visits = list(plan.visits(np.random.default_rng(seed)))
    cells = {(visit.structure, visit.n_components): visit for visit in visits}
    assert len(visits) == plan.n_visits
    assert set(cells) == set(itertools.product((m_step.structure for m_step in plan.m_steps), plan.n_components))
    return cells


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@pytest.fixture(scope="module")
def known(faithful, iris):
    """Searches that several tests look at."""
    return {
        (name, stop_early): searched(rows, range(1, 6), stop_early=stop_early)
        for name, rows in (("faithful", faithful), ("iris", iris))
        for stop_early in (True, False)
    }


# --- Visits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_components", "n_walks"), [((1,), 2), ((5,), 1), ((5,), 3), ((1, 2, 3), 2), ((2, 4, 7), 1), ((2, 4, 7), 3)]
)
def test_every_cell_is_visited_as_often_as_was_said(n_components, n_walks):
    rows = clusters(np.random.default_rng(0), n=100)
    cells = searched(rows, n_components, FEW, n_walks=n_walks)
    for (structure, k), cell in cells.items():
        assert (cell.structure, cell.n_components) == (structure, k)
        assert cell.mixture.n_components == k
        assert isinstance(cell.mixture.covariances, structure.form)
        assert cell.log_likelihood == pytest.approx(cell.mixture.logpdf(rows).sum())
        assert cell.n_passes > 0
        assert cell.seconds > 0


@pytest.mark.parametrize("n_walks", [1, 2])
def test_the_visits_to_a_cell_never_lose_what_it_had(n_walks):
    plan = search(clusters(np.random.default_rng(1), n=150, spread=2.0), (1, 2, 3, 4), n_walks=n_walks)
    before = {}
    for visit in plan.visits(np.random.default_rng(0)):
        cell = (visit.structure, visit.n_components)
        if cell in before:
            assert visit.rank >= before[cell].rank
            assert visit.n_passes >= before[cell].n_passes
        before[cell] = visit


def test_passes_are_counted():
    @dataclass(frozen=True, eq=False)
    class Counting(ArraySource):
        passes: list[int] = field(default_factory=list)

        def reduce(self, mixture, moments):
            self.passes.append(1)
            return super().reduce(mixture, moments)

    source = Counting(clusters(np.random.default_rng(0), n=150))
    cells = searched(source, (3,))
    assert sum(cell.n_passes for cell in cells.values()) == pytest.approx(len(source.passes), rel=0.1)


@settings(max_examples=5)
@given(seed=seeds, n_workers=st.sampled_from([2, 3]))
def test_the_seed_decides_and_not_the_workers(seed, n_workers):
    rows = clusters(np.random.default_rng(seed), n=120, spread=2.0)
    alone, side_by_side = (searched(rows, (1, 2, 4), FEW, seed=seed, n_walks=2, n_workers=n) for n in (1, n_workers))
    for cell, one in alone.items():
        assert side_by_side[cell].log_likelihood == one.log_likelihood
        assert side_by_side[cell].n_passes == one.n_passes
        np.testing.assert_array_equal(side_by_side[cell].mixture.means, one.mixture.means)


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
    cells = searched(rows, (1, 2, 4), equal_weights=True, n_walks=2)
    for (structure, k), cell in cells.items():
        np.testing.assert_array_equal(cell.mixture.weights, np.full(k, 1 / k))
        assert cell.n_parameters == k * 2 + structure.n_covariance_parameters(k, 2)
    free = searched(rows, (1,))
    for structure in STRUCTURES:
        assert cells[structure, 1].log_likelihood == pytest.approx(free[structure, 1].log_likelihood)


def test_weights_stand_for_repeated_rows():
    rng = np.random.default_rng(0)
    rows, counts = clusters(rng, n=90, spread=20.0), rng.integers(1, 4, size=90)
    weighted = searched(ArraySource(rows, counts.astype(float)), (1, 3), FEW)
    repeated = searched(np.repeat(rows, counts, axis=0), (1, 3), FEW)
    for cell, one in weighted.items():
        assert repeated[cell].criterion("bic") == pytest.approx(one.criterion("bic"), rel=1e-6)


# --- Failures are rows with a reason ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_walks", [1, 2])
def test_more_components_than_rows_is_a_reason(n_walks):
    cells = searched(np.random.default_rng(0).normal(size=(6, 2)), (1, 3, 7, 9), n_walks=n_walks)
    for (_, k), cell in cells.items():
        assert (cell.fit is None) == (k > 6)
        assert cell.reason == (f"{k} components need at least as many rows, got 6." if k > 6 else "")
        assert cell.status != "failed" or cell.criterion("bic") == np.inf
    with pytest.raises(ValueError, match="7 components need at least as many rows, got 6"):
        best([cell for (_, k), cell in cells.items() if k > 6], "bic")


def reasons(rows, n_components, structures=None, **options):
    """Why cells have no fit, with nothing to hold components open."""
    cells = searched(rows, n_components, structures, ridge=0.0, **options)
    assert all(np.isfinite(cell.log_likelihood) for cell in cells.values() if cell.fit)
    assert all(bool(cell.reason) == (cell.fit is None) for cell in cells.values())
    return {cell: one.reason for cell, one in cells.items() if one.fit is None}


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
    assert all(cell.fit for cell in searched(rows, (1, 2, 3)).values())
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
    for cell in searched(rows, (1, 2), ridge=ridge).values():
        carried = not cell.structure.form.correlated
        assert (cell.fit is not None) == carried
        assert ("degenerate" in cell.reason) == (not carried)


def test_structures_that_no_rows_could_carry_are_fitted_where_there_are_no_others():
    rows = np.random.default_rng(0).normal(size=(10, 12))
    cells = searched(rows, (1, 2), (named("VVV"), named("EEE")))
    assert all(cell.status == "collapsed" for cell in cells.values())


# --- What is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_the_number_of_clusters_is_found(criterion):
    rows = clusters(np.random.default_rng(2), n=600, n_components=4, spread=12.0)
    cells = list(searched(rows, range(2, 7), FEW, criterion=criterion).values())
    chosen = best(cells, criterion)
    assert chosen.n_components == 4
    assert chosen.criterion(criterion) == min(cell.criterion(criterion) for cell in cells if not cell.collapsed)


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
    leaders = [best(list(cells.values()), "bic") for cells in (early, whole)]
    assert leaders[0].structure is leaders[1].structure
    assert leaders[0].n_components == leaders[1].n_components
    assert leaders[0].criterion("bic") == pytest.approx(leaders[1].criterion("bic"), abs=1e-3)
    assert leaders[0].status == leaders[1].status == "converged"
    assert sum(one.n_passes for one in early.values()) < sum(one.n_passes for one in whole.values())


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_what_was_stopped_early_says_so_and_is_far_behind(known, name):
    cells = list(known[name, True].values())
    stopped = [cell for cell in cells if cell.status == "stopped early"]
    assert stopped
    assert all(cell.criterion("bic") > best(cells, "bic").criterion("bic") + 10.0 for cell in stopped)


@pytest.mark.parametrize("name", ["faithful", "iris"])
def test_nothing_is_given_up_for_the_best_s_sake_unless_asked(known, name):
    assert {one.status for one in known[name, False].values()} <= {"converged", "collapsed"}


SAME_FOR_ONE = [
    ("EII", "VII"),
    ("EEI", "VEI", "EVI", "VVI"),
    ("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
]


@pytest.mark.parametrize("names", SAME_FOR_ONE, ids="-".join)
def test_structures_agree_where_they_coincide(known, names):
    for rows in ("faithful", "iris"):
        cells = [known[rows, True][named(name), 1] for name in names]
        for cell in cells[1:]:
            assert cell.log_likelihood == pytest.approx(cells[0].log_likelihood, abs=1e-6)
            assert cell.n_parameters == cells[0].n_parameters


def nested_but_likelier(cells):
    """Pairs of which the smaller model is likelier than the larger, which can only be for want of a better start."""
    pairs = [(a, b) for a, b in itertools.permutations(STRUCTURES, 2) if b.contains(a)]
    return [
        (small.name, large.name, k, cells[small, k].log_likelihood - cells[large, k].log_likelihood)
        for (small, large), k in itertools.product(pairs, {k for _, k in cells})
        if not cells[small, k].collapsed
        and (cells[large, k].collapsed or cells[small, k].log_likelihood > cells[large, k].log_likelihood + 1e-3)
    ]


def test_a_nested_structure_is_never_likelier_after_two_walks_on_old_faithful(faithful):
    assert nested_but_likelier(searched(faithful, range(1, 6), stop_early=False, n_walks=2)) == []


def test_a_nested_structure_is_never_likelier_after_two_walks_on_iris(iris):
    assert nested_but_likelier(searched(iris, range(1, 6), stop_early=False, n_walks=2)) == []


@pytest.mark.parametrize("seed", [0, 1, 6])
def test_a_nested_structure_is_never_likelier_after_two_walks_on_overlapping_clusters(seed):
    rows = clusters(np.random.default_rng(seed), n=200, spread=2.0)
    cells = searched(rows, range(1, 5), stop_early=False, n_walks=2)
    unexplained = [
        (small, large, k, gap)
        for small, large, k, gap in nested_but_likelier(cells)
        if not ends_collapsed(rows, cells[named(small), k], cells[named(large), k])
    ]
    assert unexplained == []


def ends_collapsed(rows, small, large):
    """Whether EM of the larger model, from the smaller one's fit, runs into a spike, which the search passes over."""
    fit = run(ArraySource(rows), small.mixture, large.m_step, tol=1e-6, max_iter=1000)
    return bool(collapsed(fit.state.mixture, large.m_step.ridge))
