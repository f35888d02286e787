"""A wrong argument of a public function is refused by a sentence that names the argument, and a plain one is read."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot as plt
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as Theirs

import gaussmix
from gaussmix import (
    Full,
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
    NormalInverseWishart,
    diagnose,
    load,
    plot,
    save,
)
from gaussmix.hierarchy import merge_components
from gaussmix.sources import ArraySource

mpl.use("Agg")

X = np.random.default_rng(0).normal(size=(120, 3)) + 5 * np.repeat([[1], [0]], 60, axis=0)
MIXTURE = Mixture(
    [0.4, 0.6], [[0.0, 0, 0], [5, 5, 5]], [np.diag([1.0, 2, 3]), 2 * np.eye(3)], feature_names=["a", "b", "c"]
)
ONE = MIXTURE.marginal("a")


@pytest.fixture(scope="module")
def fitted():
    return GaussianMixture(2, random_state=0).fit(X)


@pytest.fixture(scope="module")
def search():
    return GaussianMixtureSearch([1, 2], structures=["full", "diag"], random_state=0).fit(X)


def fit(*arguments, rows=X, **options):
    return GaussianMixture(*arguments, random_state=0, **options).fit(rows)


MISTAKES = {
    # an object of another kind
    "wasserstein": (
        lambda: MIXTURE.wasserstein(X),
        TypeError,
        "other must be a Mixture, or an .*, got ndarray of shape",
    ),
    "kl_divergence": (lambda: MIXTURE.kl_divergence(None), TypeError, "other must be a Mixture, or an .*, got None"),
    "join": (lambda: ONE.join(X), TypeError, "others must be a Mixture, or an estimator"),
    "diagnose": (lambda: diagnose(X, MIXTURE), TypeError, "mixture must be a Mixture, or an estimator"),
    "save": (lambda: save("x.gmx", MIXTURE), TypeError, "mixture must be a Mixture, or .*, got 'x.gmx'"),
    "not fitted": (
        lambda: MIXTURE.join(GaussianMixture(2)),
        NotFittedError,
        "others is a GaussianMixture that is not fit",
    ),
    "path": (lambda: load(MIXTURE), TypeError, "path must be the path of a file, got Mixture"),
    "path to save": (lambda: save(MIXTURE, None), TypeError, "path must be the path of a file, got None"),
    "folder": (
        lambda: save(MIXTURE, "no/such/x.gmx"),
        FileNotFoundError,
        "There is no folder no/such for the file x.gmx",
    ),
    "from_dict": (
        lambda: Mixture.from_dict(None),
        TypeError,
        "arrays must be a dict, got None; Mixture.to_dict returns",
    ),
    "from_sklearn": (lambda: Mixture.from_sklearn(MIXTURE), TypeError, "model must be a fitted sklearn.* got Mixture"),
    "condition": (
        lambda: MIXTURE.condition([0]),
        TypeError,
        "given must be a dict, got list; it names the known features",
    ),
    "history": (lambda: plot.history(MIXTURE), TypeError, "model must be a fitted GaussianMixture or .*, got Mixture"),
    "no history yet": (
        lambda: plot.history(GaussianMixture()),
        NotFittedError,
        "model is a GaussianMixture that is not",
    ),
    "kmeans": (
        lambda: plot.kmeans(MIXTURE, X),
        TypeError,
        "kmeans must be a fitted sklearn.cluster.KMeans, .*got Mixture",
    ),
    "merge_tree": (lambda: plot.merge_tree(X), TypeError, "hierarchy must be a Hierarchy, got ndarray of shape"),
    "criteria": (lambda: plot.criteria(MIXTURE), TypeError, "results must be a SearchResults, got Mixture"),
    "steps": (lambda: plot.steps({"a": 1}, X), TypeError, "mixtures must be a list, got dict"),
    "step": (lambda: plot.steps([X], X), TypeError, r"mixtures\[0\] must be a Mixture"),
    "axes": (
        lambda: plot.ellipses(MIXTURE, ax=0),
        TypeError,
        r"ax must be an Axes, got 0; plt.subplots\(\) makes axes",
    ),
    "figure": (lambda: plot.pairs(MIXTURE, figure=3), TypeError, "figure must be a FigureBase, got 3"),
    "image": (lambda: plot.images(X, 3), ValueError, r"shape must be the height and the width .*, got 3"),
    # a number of another kind
    "split": (lambda: MIXTURE.split(1.0), ValueError, r"k must be a whole number, from 0 to 1, got 1\.0"),
    "merge": (lambda: MIXTURE.merge(0, "1"), ValueError, "j must be a whole number, from 0 to 1, got '1'"),
    "no such": (lambda: MIXTURE.merge(0, 2), ValueError, "j must be from 0 to 1, got 2; the mixture has 2 components"),
    "reduce": (lambda: MIXTURE.reduce(1.5), ValueError, r"n_components must be a whole number, from 1 to 2, got 1\.5"),
    "sample": (lambda: MIXTURE.sample(None), ValueError, "n_samples must be a whole number, at least 0, got None"),
    "too many": (
        lambda: MIXTURE.sample(10**15),
        MemoryError,
        "n_samples is too large .*; draw the rows with sample_blocks",
    ),
    "flat": (lambda: diagnose(MIXTURE, X, flat=0), TypeError, r"flat must be a list of components, got 0"),
    "regularized": (
        lambda: diagnose(MIXTURE, X, regularized=[2]),
        ValueError,
        "regularized must be from 0 to 1, got 2",
    ),
    "shrinkage": (
        lambda: NormalInverseWishart([0.0], None, 3.0, [[1.0]]),
        TypeError,
        "shrinkage must be a finite number, at least 0, got None",
    ),
    "interval": (
        lambda: plot.animation([MIXTURE], X, interval="fast"),
        TypeError,
        "interval must be a finite number, above 0, got 'fast'",
    ),
    "frames": (lambda: plot.steps([MIXTURE], X, n_frames=0), ValueError, "n_frames must be at least 1, got 0"),
    "distribution": (
        lambda: MIXTURE.condition({"a": [1.0, 2.0]})[2],
        IndexError,
        "the distributions are numbered from 0 to 1, got the index 2",
    ),
    "True": (lambda: fit(n_components=True), ValueError, "'n_components' .* must be an int in the range"),
    # a seed of another kind
    "seed": (
        lambda: MIXTURE.sample(2, random_state=-1),
        ValueError,
        "random_state must be a whole number, at least 0, .*-1",
    ),
    "broken seed": (lambda: MIXTURE.modes(random_state=1.5), TypeError, r"random_state must be .*, got 1\.5"),
    # a name of another kind
    "names": (lambda: Mixture([1.0], [[0.0]], [1.0], feature_names=3), ValueError, "feature_names must be 1 different"),
    "form": (
        lambda: Mixture.from_dict({**MIXTURE.to_dict(), "covariance_type": []}),
        ValueError,
        "covariance_type must be one of .*, got list",
    ),
    "criterion": (
        lambda: merge_components(MIXTURE, ArraySource(X), []),
        ValueError,
        "criterion must be one of entropy",
    ),
    "certainty": (
        lambda: plot.clusters(MIXTURE, X, certainty=[]),
        ValueError,
        "certainty, unless None, must be one of size",
    ),
    # values that are no numbers, or too large
    "text": (lambda: Mixture("a", [[0.0]], [1.0]), ValueError, "weights must hold numbers, got 'a': could not convert"),
    "file": (
        lambda: fit(2, rows="table.csv"),
        TypeError,
        "X must be an array of numbers, got the text 'table.csv'; read",
    ),
    "ragged": (lambda: MIXTURE.logpdf([[1, 2, 3], [1, 2]]), ValueError, "rows cannot be read as an array of numbers"),
    "sparse": (lambda: MIXTURE.logpdf(sparse.csr_array(np.eye(3))), TypeError, "Sparse data was passed for rows"),
    "records": (lambda: Full.from_covariances("x"), ValueError, "the array of Full must hold numbers, got 'x'"),
    "rank": (lambda: MIXTURE.transform(np.full((2, 3), 1e308)), ValueError, "matrix must have 2 linearly independent"),
    "overflow": (lambda: MIXTURE.transform(1e308 * np.eye(3)), ValueError, "matrix and offset must be smaller"),
    # functions that cannot be called so
    "start": (
        lambda: fit(2, init_params=lambda source: source),
        TypeError,
        r"init_params must be a function of three arguments, f\(source, n_components, rng\): too many",
    ),
}


@pytest.mark.parametrize(("call", "error", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gets_a_sentence_that_names_the_argument(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"n_components": range(1, 9)}, r"got range\(1, 9\); GaussianMixtureSearch\(n_components=range\(1, 9\)\)"),
        ({"covariance_type": ["full", "diag"]}, r"GaussianMixtureSearch\(structures=\['full', 'diag'\]\) compares"),
    ],
)
def test_several_models_point_at_the_search(options, hint):
    with pytest.raises(ValueError, match=hint):
        fit(**options)


def test_samples_and_clusters_of_an_estimator_are_counted_in_whole_numbers(fitted):
    with pytest.raises(ValueError, match="n_samples must be a whole number"):
        fitted.sample("2")
    with pytest.raises(TypeError, match="random_state must be"):
        fitted.sample(2, random_state="x")
    for wrong in ("1", 1.5, True):
        with pytest.raises(ValueError, match="n_clusters must be a whole number, from 1 to 2"):
            fitted.merge_components(X).clusters(wrong)


def test_results_are_indexed_by_whole_numbers(search):
    assert search.results_[-1] == search.results_[3]
    with pytest.raises(IndexError, match="the models are numbered from 0 to 3, got the index 99"):
        search.results_[99]
    with pytest.raises(TypeError, match=r"the models are numbered from 0 to 3, .*, got 'bic'"):
        search.results_["bic"]


def test_functions_of_mixtures_take_a_fitted_estimator(fitted, search, tmp_path):
    theirs = Theirs(2, random_state=0).fit(X)
    for estimator in (fitted, search, GaussianMixtureOutlierDetector(2, random_state=0).fit(X), theirs):
        mixture = Mixture.from_sklearn(theirs) if estimator is theirs else estimator.mixture_
        save(estimator, tmp_path / "x.gmx", overwrite=True)
        np.testing.assert_array_equal(load(tmp_path / "x.gmx").means, mixture.means)
        np.testing.assert_array_equal(diagnose(estimator, X).masses, diagnose(mixture, X).masses)
        assert MIXTURE.wasserstein(estimator) == MIXTURE.wasserstein(mixture)
        assert MIXTURE.kl_divergence(estimator, random_state=0) == MIXTURE.kl_divergence(mixture, random_state=0)
        assert mixture.js_divergence(estimator).value == mixture.bhattacharyya(estimator).value == 0.0
        assert ONE.join(estimator).n_features == 4
        assert merge_components(estimator, ArraySource(X)).n_components == 2


def test_pictures_take_a_fitted_estimator(fitted, search):
    for draw in (plot.curve, plot.ellipses, plot.contours, plot.surface, plot.pairs, plot.uncertainty):
        draw(fitted)
        plt.close("all")
    for draw in (plot.clusters, plot.curve, plot.pairs, plot.uncertainty):
        draw(search, X)
        plt.close("all")
    plot.steps([fitted, search], X)
    assert plot.criteria(search).get_ylabel() == plot.criteria(search.results_).get_ylabel()
    plt.close("all")


def test_a_classifier_and_a_regressor_have_mixtures_too():
    regressor = GaussianMixtureRegressor(1, covariance_type="full").fit(X[:, :2], X[:, 2])
    assert diagnose(regressor, X).n_components == 1
    classifier = GaussianMixtureClassifier(1, covariance_type="full").fit(X, np.repeat([0, 1], 60))
    assert MIXTURE.wasserstein(classifier).lower > 0


@pytest.mark.parametrize("make", [GaussianMixture, GaussianMixtureSearch])
def test_a_generator_is_a_seed_and_advances(make):
    rng = np.random.default_rng(3)
    first, second = (make(2, random_state=rng).fit(X)._rng.random() for _ in range(2))
    assert first != second
    assert make(2, random_state=np.random.default_rng(3)).fit(X)._rng.random() == first


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version  # noqa: PLC0415 - compared with the lazy attribute

    assert gaussmix.__version__ == version("gaussmix")


# --- Frames whose columns have other names, or another order --------------------------------------------------------

ROWS = np.column_stack([X, np.arange(120.0)])
FRAMES = {
    "pandas": lambda columns: pd.DataFrame(ROWS[:, : len(columns)], columns=list(columns)),
    "polars": lambda columns: pl.DataFrame(ROWS[:, : len(columns)], schema=list(columns)),
}
frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())


def answers(mixture, rows, array):
    """Return what each function of rows answers for a frame of these rows."""
    return {
        "logpdf": mixture.logpdf(rows),
        "pdf": mixture.pdf(rows),
        "responsibilities": mixture.responsibilities(rows),
        "predict": mixture.predict(rows),
        "masses": diagnose(mixture, rows).masses,
        "boxes": mixture.box_probability(rows, np.inf).value,
        "known": mixture.condition({"b": array[:, 1]}).mean,
    }


@frames
@pytest.mark.parametrize("columns", ["abc", "cab", "cbad"])
def test_columns_are_found_by_the_names_of_the_features(frame, columns):
    table = frame(columns)
    array = ROWS[:, [columns.index(name) for name in "abc"]]
    found, wanted = answers(MIXTURE, table, array), answers(MIXTURE, array, array)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("frame", "columns", "fault"),
    [
        ("pandas", "bcd", "no column 'a'"),
        ("polars", "bcd", "no column 'a'"),
        ("pandas", "ab", "no column 'c'"),
        ("polars", "ab", "no column 'c'"),
        ("pandas", "aab", "several columns 'a'"),
    ],
)
def test_columns_with_other_names_are_refused(frame, columns, fault):
    for call in (
        MIXTURE.logpdf,
        MIXTURE.predict,
        lambda rows: diagnose(MIXTURE, rows),
        lambda rows: plot.curve(MIXTURE, rows),
    ):
        with pytest.raises(ValueError, match=f"must have a column for each feature of the mixture, .* but has {fault}"):
            call(FRAMES[frame](columns))


def test_numbered_columns_are_in_the_order_of_the_features():
    np.testing.assert_array_equal(MIXTURE.logpdf(pd.DataFrame(X)), MIXTURE.logpdf(X))
    np.testing.assert_array_equal(
        Mixture.from_dict({**MIXTURE.to_dict(), "feature_names": None}).pdf(X), MIXTURE.pdf(X)
    )


def test_a_histogram_is_that_of_the_named_feature():
    axes = [plt.figure().subplots() for _ in range(2)]
    for rows, ax in zip((X, pd.DataFrame(X, columns=list("abc"))[["c", "a", "b"]]), axes, strict=True):
        plot.curve(MIXTURE, rows, feature="c", ax=ax)
    ours, theirs = ([patch.get_height() for patch in ax.patches] for ax in axes)
    np.testing.assert_array_equal(ours, theirs)
    plt.close("all")


@frames
def test_rows_of_a_picture_are_found_by_name(frame):
    axes = [plt.figure().subplots() for _ in range(2)]
    for rows, ax in zip((ROWS[:, [1, 2, 0]], frame("cab")), axes, strict=True):
        plot.clusters(MIXTURE, rows, ax=ax)
    ours, theirs = (ax.collections[0].get_offsets() for ax in axes)
    np.testing.assert_array_equal(ours, theirs)
    plt.close("all")


def test_another_mixture_is_compared_feature_by_feature():
    turned = MIXTURE.marginal(["c", "a", "b"])
    assert MIXTURE.wasserstein(turned).upper < 1e-6
    assert MIXTURE.kl_divergence(turned).value == 0.0
    assert MIXTURE.js_divergence(turned).value == MIXTURE.bhattacharyya(turned).value == 0.0
    with pytest.raises(
        ValueError, match=r"other must have the features \('a', 'b', 'c'\) like this mixture, got \('x',"
    ):
        MIXTURE.kl_divergence(Mixture([1.0], [[0.0, 0, 0]], [1.0], feature_names=["x", "y", "z"]))


def test_the_columns_of_a_map_are_found_by_name():
    matrix = pd.DataFrame([[1.0, 0.0, 3.0]], columns=["c", "a", "b"])
    np.testing.assert_array_equal(MIXTURE.transform(matrix).means, MIXTURE.transform([[0.0, 3.0, 1.0]]).means)
