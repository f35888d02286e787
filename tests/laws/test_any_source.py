"""Laws of every place where rows live: what it gives is what the same rows in an array give."""

from collections.abc import Callable

import numpy as np
import pytest

from cases import FORMS, MOMENTS, clusters, mixture
from gaussmix import GaussianMixture, GaussianMixtureSearch
from gaussmix.diagnosis import diagnose
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.hierarchy import merge_components
from gaussmix.initialization import KINDS, given, relative_ridge, rounding_of, tree
from gaussmix.sources import ArraySource, Source
from gaussmix.statistics import ADDITIVE
from gaussmix.structures import STRUCTURES, named

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


class Chunked(Source):
    """What a user writes: rows in parts of given sizes."""

    def __init__(self, rows, weights=None, ends=()):
        self.rows, self.weights, self.ends = rows, weights, ends

    def chunks(self):
        for part in np.split(np.arange(len(self.rows)), self.ends):
            yield self.rows[part] if self.weights is None else (self.rows[part], self.weights[part])


class Saved(Source):
    """Rows in a file, a few at a time."""

    def __init__(self, rows, weights, folder):
        self.weights, self.path = weights, folder / "rows.npy"
        np.save(self.path, rows)

    def chunks(self):
        rows = np.load(self.path, mmap_mode="r")
        for start in range(0, len(rows), 777):
            part = slice(start, start + 777)
            yield rows[part] if self.weights is None else (rows[part], self.weights[part])


SOURCES: dict[str, Callable[..., Source]] = {
    "array": lambda rows, weights, _: ArraySource(rows, weights),
    "one chunk": lambda rows, weights, _: Chunked(rows, weights),
    "uneven chunks": lambda rows, weights, _: Chunked(rows, weights, (1, 1, 40, 41, len(rows) // 2, len(rows))),
    "many chunks": lambda rows, weights, _: Chunked(rows, weights, range(50, len(rows), 50)),
    "a file": Saved,
}
sources = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
weighted = pytest.mark.parametrize("weigh", [False, True], ids=["plain", "weighted"])


def table(weigh, n=4000, n_features=3, dtype=np.float64):
    rng = np.random.default_rng(5)
    rows = clusters(rng, n, 3, n_features).astype(dtype)
    return rows, rng.uniform(0.5, 2.0, n) if weigh else None


@sources
@weighted
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sizes_are_known_after_one_look(make, weigh, dtype, tmp_path):
    rows, weights = table(weigh, dtype=dtype)
    source = make(rows, weights, tmp_path)
    assert (source.n_rows, source.n_features, source.dtype) == (*rows.shape, rows.dtype)
    assert source.weight == pytest.approx(len(rows) if weights is None else weights.sum())
    assert source.largest == pytest.approx(np.abs(rows).max())
    assert not source.all_equal


@sources
@weighted
def test_blocks_hold_all_rows_once_in_their_order(make, weigh, tmp_path):
    rows, weights = table(weigh)
    blocks = list(make(rows, weights, tmp_path).blocks(4))
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), rows)
    places = np.concatenate([np.arange(len(rows))[block.span] for block in blocks])
    np.testing.assert_array_equal(places, np.arange(len(rows)))
    if weigh:
        np.testing.assert_array_equal(np.concatenate([block.weights for block in blocks]), weights)


@sources
@forms
@weighted
@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_a_pass_gives_the_same_statistics(make, form, weigh, engine, tmp_path):
    rows, weights = table(weigh)
    model = mixture(np.random.default_rng(1), form, n_components=3, n_features=3)
    source = make(rows, weights, tmp_path)
    object.__setattr__(source, "engine", engine)
    for moments in MOMENTS:
        found, expected = source.reduce(model, moments), ArraySource(rows, weights, engine).reduce(model, moments)
        for name in set(ADDITIVE) - {"skipped"}:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


@sources
@weighted
def test_functions_of_rows_are_mapped_and_added(make, weigh, tmp_path):
    rows, weights = table(weigh)
    source = make(rows, weights, tmp_path)
    np.testing.assert_array_equal(source.map(lambda block: block[:, 0]), rows[:, 0])
    expected = rows.T @ (np.ones(len(rows)) if weights is None else weights)
    np.testing.assert_allclose(source.total(lambda block, its: block.T @ its), expected)


@sources
@weighted
def test_a_sample_stands_for_all_rows(make, weigh, tmp_path):
    rows, weights = table(weigh, n=20_000)
    source = make(rows, weights, tmp_path)
    sample = source.sample(np.random.default_rng(0), 5000)
    assert isinstance(sample, ArraySource)
    assert 0.6 * 5000 <= sample.n_rows <= 5000
    means = [one.total(lambda block, its: block.T @ its) / one.weight for one in (sample, source)]
    assert np.abs(means[0] - means[1]).max() < 0.15
    assert {row.tobytes() for row in sample.rows} <= {row.tobytes() for row in rows}
    whole = source.sample(np.random.default_rng(0), 10**6)
    np.testing.assert_array_equal(whole.rows, rows)


@sources
@weighted
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_starts_do_not_depend_on_how_rows_are_cut(make, weigh, kind, tmp_path):
    rows, weights = table(weigh)
    source, array = make(rows, weights, tmp_path), ArraySource(rows, weights)
    m_step = MStep(named("full"), relative_ridge(source))
    found, expected = (given(kind, one, 3, m_step, np.random.default_rng(3)) for one in (source, array))
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(rounding_of(source).steps, rounding_of(array).steps)
    cuts = [tree(one, np.random.default_rng(0), 3)(3)(slice(0, 10), rows[:10]) for one in (source, array)]
    np.testing.assert_array_equal(*cuts)


@sources
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_em_from_the_same_start_ends_at_the_same_mixture(make, structure, tmp_path):
    rows, weights = table(weigh=True, n=1200)
    m_step = MStep(structure, relative_ridge(ArraySource(rows, weights)))
    start = given("kmeans", ArraySource(rows, weights), 3, m_step, np.random.default_rng(0))
    ends = [
        run(source, start, m_step, tol=0.0, max_iter=5)
        for source in (make(rows, weights, tmp_path), ArraySource(rows, weights))
    ]
    likelihoods = [end.state.log_likelihood for end in ends]
    assert likelihoods[0] == pytest.approx(likelihoods[1], rel=1e-9)
    np.testing.assert_allclose(ends[0].state.mixture.means, ends[1].state.mixture.means, rtol=1e-6)


@sources
@weighted
def test_estimators_fit_and_answer(make, weigh, tmp_path):
    rows, weights = table(weigh)
    source = make(rows, weights, tmp_path)
    model = GaussianMixture(3, random_state=0).fit(source)
    other = GaussianMixture(3, random_state=0).fit(rows, sample_weight=weights)
    assert model.n_features_in_ == 3
    assert model.score(source) == pytest.approx(other.score(rows, sample_weight=weights), abs=2e-4)
    assert model.bic(source) == pytest.approx(model.bic(rows, sample_weight=weights), rel=1e-9)
    assert model.predict(rows).shape == (len(rows),)
    here, there = diagnose(model.mixture_, source), model.diagnose(rows, sample_weight=weights)
    np.testing.assert_allclose(here.masses, there.masses, rtol=1e-9)
    np.testing.assert_allclose(model.diagnose(source).additions, there.additions, rtol=1e-6, atol=1e-6)
    hierarchy = merge_components(model.mixture_, source)
    np.testing.assert_array_equal(hierarchy.merges, model.merge_components(rows, sample_weight=weights).merges)
    np.testing.assert_array_equal(hierarchy.merges, model.merge_components(source).merges)


@sources
def test_the_search_goes_through_any_rows(make, tmp_path):
    rows, _ = table(weigh=False, n=900)
    search = GaussianMixtureSearch(range(1, 5), structures=["full", "tied", "diag"], random_state=0)
    found = search.fit(make(rows, None, tmp_path)).best_params_
    assert found == search.fit(rows).best_params_


@sources
def test_many_rows_are_explored_on_a_sample(make, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40_000, 2)) + 6.0 * rng.integers(0, 3, 40_000)[:, None]
    rows[:60] = rng.normal(size=(60, 2)) * 0.5 + [25.0, -15.0]  # a rare group
    rows = rng.permutation(rows)
    model = GaussianMixture(4, random_state=0).fit(make(rows, None, tmp_path))
    assert np.linalg.norm(model.means_ - [25.0, -15.0], axis=1).min() < 0.5
    assert model.weights_.min() * len(rows) == pytest.approx(60, abs=5)


# --- What is no row --------------------------------------------------------------------------------------------------


class Given(Source):
    def __init__(self, *parts):
        self.parts = parts

    def chunks(self):
        return self.parts


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "at least one row, got none"),
        ((np.zeros((0, 2)),), "at least one row, got none"),
        ((np.zeros((3, 2)), np.zeros((3, 3))), r"shape \(n, 2\), got float64 of shape \(3, 3\) after 3 rows"),
        ((np.zeros(3),), "A chunk must hold rows of numbers"),
        ((np.array([["a", "b"]]),), "A chunk must hold rows of numbers"),
        ((np.zeros((2, 2)), np.array([[1.0, 2.0], [np.nan, 1.0]])), "row 3 holds nan in column 0"),
        (((np.zeros((2, 2)), np.ones(3)),), "2 positive numbers, one for each row"),
        (((np.zeros((2, 2)), np.array([1.0, -1.0])),), "2 positive numbers"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(parts, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(Given(*parts))


def test_whole_numbers_are_rows():
    rows = np.random.default_rng(0).integers(0, 50, (300, 2))
    found = GaussianMixture(2, random_state=0).fit(Given(rows[:100], rows[100:]))
    assert found.score(rows) == pytest.approx(GaussianMixture(2, random_state=0).fit(rows).score(rows), abs=1e-3)


def test_weights_beside_a_source_and_other_columns_are_refused():
    rows, _ = table(weigh=False, n=200)
    model = GaussianMixture(2, random_state=0).fit(Chunked(rows))
    with pytest.raises(ValueError, match="a source brings its own weights"):
        model.fit(Chunked(rows), sample_weight=np.ones(200))
    with pytest.raises(ValueError, match="X has 2 features, but GaussianMixture is expecting 3 features"):
        model.score(Chunked(rows[:, :2]))
    with pytest.raises(TypeError, match="algorithm='truncated' needs rows in an array"):
        GaussianMixture(2, algorithm="truncated").fit(Chunked(rows))
    with pytest.raises(TypeError, match="criterion='cv' needs rows in memory"):
        GaussianMixtureSearch([1, 2], criterion="cv").fit(Chunked(rows))
