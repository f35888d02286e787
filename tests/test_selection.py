import numpy as np
import pytest

from cases import clusters, mixture
from gaussmix import Mixture, selection
from gaussmix.em import run
from gaussmix.expectation import reference
from gaussmix.selection import Candidate, best, collapsed, search
from gaussmix.sources import ArraySource
from gaussmix.starts import assigned, relative_ridge, start
from gaussmix.statistics import SCALAR
from gaussmix.structures import named

TYPES = [named(name) for name in ("full", "tied", "diag", "spherical")]


def searched(rows, n_components, structures=TYPES, **options):
    source = ArraySource(rows)
    ridge = relative_ridge(source, 1e-6)
    return list(search(source, n_components, structures, ridge=ridge, rng=np.random.default_rng(0), **options))


def test_the_criteria_are_their_formulas():
    rng = np.random.default_rng(0)
    model, rows = mixture(rng), rng.normal(scale=3, size=(50, 2))
    sums = reference.expect(model, rows, np.ones(50), SCALAR)
    log_likelihood = model.logpdf(rows).sum()
    certainty = np.log(model.responsibilities(rows).max(axis=1)).sum()
    assert selection.aic(sums, 7) == pytest.approx(-2 * log_likelihood + 14)
    assert selection.bic(sums, 7) == pytest.approx(-2 * log_likelihood + 7 * np.log(50))
    assert selection.icl(sums, 7) == pytest.approx(selection.bic(sums, 7) - 2 * certainty)


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_the_number_of_clusters_is_found(criterion):
    rows = clusters(np.random.default_rng(2), n=600, n_components=4, spread=12.0)
    cells = searched(rows, range(2, 7), TYPES[:2], n_init=3)
    chosen = best(cells, criterion)
    assert chosen.n_components == 4
    assert chosen.criterion(criterion) == min(cell.criterion(criterion) for cell in cells if not cell.collapsed)


def test_old_faithful_has_mclusts_model(faithful):
    chosen = best(searched(faithful, range(1, 7)), "bic")
    assert (chosen.structure.name, chosen.n_components) == ("EEE", 3)
    assert chosen.criterion("bic") == pytest.approx(2314.316296, abs=0.05)  # the ridge is worth a little
    assert chosen.n_parameters == 11


def test_every_cell_comes_once_and_starts_are_shared():
    rows = clusters(np.random.default_rng(0), n=100)
    cells = searched(rows, [1, 3])
    assert [(c.n_components, c.structure) for c in cells] == [(k, s) for k in (1, 3) for s in TYPES]
    assert len({c.log_likelihood for c in cells[:2]}) <= 2


def test_a_cell_that_cannot_be_fitted_is_a_row_with_a_reason():
    cells = searched(np.random.default_rng(0).normal(size=(4, 2)), [1, 5], TYPES[:1])
    assert cells[0].fit is not None
    assert cells[1].fit is None
    assert cells[1].reason == "5 components need at least as many rows, got 4."
    assert cells[1].criterion("bic") == np.inf
    with pytest.raises(ValueError, match="5 components need"):
        _ = cells[1].mixture
    with pytest.raises(ValueError, match="5 components need"):
        best(cells[1:], "bic")


def test_without_a_ridge_a_collapse_is_a_reason():
    rows = np.repeat([[0.0, 0.0], [1.0, 3.0]], 5, axis=0)
    cells = list(search(ArraySource(rows), [2], TYPES[:1], ridge=np.zeros(2), rng=np.random.default_rng(0)))
    assert "ill-defined" in cells[0].reason


def test_a_component_on_a_repeated_value_is_collapsed_and_not_chosen():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    rows[:60, 1] = 1.5
    source, structure = ArraySource(rows), TYPES[0]
    ridge = relative_ridge(source, 1e-6)

    def candidate(labels, k):
        first = start(source, assigned(labels, 300, k), k, structure, ridge)
        fit = run(source, first, structure, ridge=ridge, tol=1e-6, max_iter=500)
        return Candidate(structure, k, fit, collapsed=collapsed(fit.state.mixture, ridge))

    spiked, plain = candidate((np.arange(300) < 60).astype(int), 2), candidate(np.zeros(300, int), 1)
    assert spiked.collapsed == (1,)
    assert spiked.criterion("bic") < plain.criterion("bic")
    assert best([spiked, plain], "bic") is plain
    assert best([spiked], "bic") is spiked
    assert best([Candidate(structure, 400, None, "too many"), spiked], "bic") is spiked


def test_collapse_is_told_apart_from_a_constant_column():
    ridge = np.array([1e-6, 1e-6, 1e-6])
    flat = np.diag([1.0, 1.0, 1e-6])
    spike = np.diag([1.0, 1.2e-6, 1e-6])
    means = [[0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]
    assert collapsed(Mixture([0.5, 0.5], means, [flat, flat]), ridge) == ()
    assert collapsed(Mixture([0.5, 0.5], means, [flat, spike]), ridge) == (1,)
    assert collapsed(Mixture([0.5, 0.5], means, [flat, spike]), np.zeros(3)) == ()


def test_collapse_is_told_apart_from_collinear_columns():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=100), rng.normal(size=100) + 8])
    cells = searched(np.column_stack([x, 2 * x]), [2], TYPES[:1])
    assert cells[0].collapsed == ()


def test_all_rows_equal_have_nothing_to_collapse():
    model = Mixture([1.0], [[5.0, 5.0]], [np.eye(2) * 1e-6])
    assert collapsed(model, np.full(2, 1e-6)) == ()
