import re
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import eigh
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

from cases import FORMS, mixture
from gaussmix import Diagonal, Full, GaussianMixture, Mixture, Spherical, Tied
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.em.support import THIN
from gaussmix.sources import ArraySource

seeds = st.integers(0, 2**32 - 1)
forms = pytest.mark.parametrize("form", FORMS)


def of_groups(groups, form=Full, ridge=1e-6):
    """The mixture with a component for each group of rows, as one M-step makes it, and all the rows."""
    sizes = np.array([len(group) for group in groups])
    scatters = np.stack([np.atleast_2d(np.cov(group.T, bias=True)) for group in groups]) + ridge * np.eye(
        groups[0].shape[1]
    )
    diagonals = np.diagonal(scatters, axis1=1, axis2=2)
    stored = {
        Spherical: diagonals.mean(axis=1),
        Diagonal: diagonals,
        Tied: np.average(scatters, axis=0, weights=sizes),
        Full: scatters,
    }
    weights, means = sizes / sizes.sum(), [group.mean(axis=0) for group in groups]
    return Mixture(weights, means, form.from_covariances(stored[form])), np.concatenate(groups)


def two_clusters(n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(150, n_features)), rng.normal(size=(100, n_features)) + 12]


def planted(group, form=Full):
    """A diagnosis of two sound clusters and a third component on the given rows, far from both."""
    return diagnose(*of_groups([*two_clusters(group.shape[1]), group - 20.0], form))


def log_densities(model, rows):
    """``log π_k N(x; μ_k, Σ_k)``, written out."""
    dense = model.covariances.dense(model.n_components, model.n_features)
    with np.errstate(divide="ignore"):
        log_weights = np.log(model.weights)
    return log_weights + np.stack(
        [
            multivariate_normal(mean, covariance, allow_singular=True).logpdf(rows).reshape(len(rows))
            for mean, covariance in zip(model.means, dense, strict=True)
        ],
        axis=1,
    )


def added(model, rows, weights, left_out):
    """What some components add to the log-likelihood, the slow way."""
    joint, kept = log_densities(model, rows), ~np.isin(np.arange(model.n_components), left_out)
    without = logsumexp(joint[:, kept], axis=1) - np.log(model.weights[kept].sum())
    return weights @ (logsumexp(joint, axis=1) - without)


class SmallBlocks(ArraySource):
    def spans(self, n_components=1):
        return (slice(start, min(start + 7, self.n_rows)) for start in range(0, self.n_rows, 7))


def same(one, other, **tolerance):
    assert one.verdicts == other.verdicts
    for name in ("weights", "masses", "tightness", "additions", "addition"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), **({"rtol": 1e-9} | tolerance))


# --- What is named ---------------------------------------------------------------------------------------------------


@forms
def test_sound_clusters_are_sound(form):
    diagnosis = diagnose(*of_groups(two_clusters(), form))
    assert diagnosis.spurious == ()
    assert diagnosis.verdicts == ("", "")
    assert diagnosis.addition == 0
    assert (diagnosis.additions > 100).all()
    np.testing.assert_allclose(diagnosis.masses, [150, 100], atol=1e-6)
    assert diagnosis.advice == "No component looks spurious."


@pytest.mark.parametrize("form", [Spherical, Diagonal, Full])
def test_a_single_row_is_both(form):
    diagnosis = planted(np.array([[0.0, 0.0]]), form)
    assert diagnosis.spurious == (2,)
    assert diagnosis.verdicts[2] == "few rows, tight"
    assert diagnosis.masses[2] == pytest.approx(1.0)
    assert diagnosis.tightness[2] < 1e-5


@pytest.mark.parametrize("form", [Spherical, Diagonal, Full])
def test_duplicated_rows_are_flat_however_many(form):
    diagnosis = planted(np.full((40, 2), 3.0), form)
    assert diagnosis.verdicts == ("", "", "flat")
    assert diagnosis.additions[2] > 100


@pytest.mark.parametrize(("form", "flat"), [(Spherical, False), (Diagonal, False), (Full, True)])
def test_a_line_is_flat_where_its_form_follows_it(form, flat):
    x = np.linspace(-1, 1, 8)
    assert planted(np.column_stack([x, 2 * x]), form).verdicts == ("", "", "flat" if flat else "")


@pytest.mark.parametrize("n_features", [1, 2, 5])
@pytest.mark.parametrize("form", FORMS)
def test_few_rows_are_one_more_than_an_inverse_needs(form, n_features):
    fewest = {Spherical: 3, Diagonal: 3, Tied: 0, Full: n_features + 2}[form]
    rng = np.random.default_rng(0)
    for n_rows in range(max(1, fewest - 2), fewest + 2):
        diagnosis = planted(rng.normal(size=(n_rows, n_features)), form)
        assert diagnosis.fewest == fewest
        assert ("few rows" in diagnosis.verdicts[2]) == (n_rows < fewest)


def test_a_shared_covariance_has_no_spikes():
    diagnosis = planted(np.zeros((1, 2)), Tied)
    assert diagnosis.spurious == ()
    np.testing.assert_allclose(diagnosis.tightness, 1.0)


@forms
@pytest.mark.parametrize("weight", [0.0, 1e-300])
def test_a_component_without_rows_is_empty_and_no_more(form, weight):
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 50.0)], form)
    without = Mixture([0.6 - weight, 0.4, weight], model.means, model.covariances)
    diagnosis = diagnose(without, rows[:-1])
    assert diagnosis.verdicts == ("", "", "empty")
    np.testing.assert_allclose([diagnosis.masses[2], diagnosis.additions[2], diagnosis.addition], 0.0, atol=1e-9)


def test_several_are_named_together():
    groups = [*two_clusters(), np.full((1, 2), 50.0), np.full((30, 2), -50.0)]
    diagnosis = diagnose(*of_groups(groups))
    assert diagnosis.spurious == (2, 3)
    assert diagnosis.verdicts == ("", "", "few rows, tight", "flat")
    assert diagnosis.addition == pytest.approx(diagnosis.additions[2:].sum(), rel=1e-2)


# --- What they add ---------------------------------------------------------------------------------------------------


@forms
@given(seed=seeds, n_components=st.integers(2, 6), n_features=st.integers(1, 4))
def test_additions_are_their_formula(form, seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_components, n_features, spread=1.5)
    rows, weights = model.sample(60, random_state=rng), rng.uniform(0, 3, 60)
    diagnosis = diagnose(model, rows, weights)
    expected = [added(model, rows, weights, [k]) for k in range(n_components)]
    np.testing.assert_allclose(diagnosis.additions, expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(diagnosis.masses, weights @ model.responsibilities(rows))


def test_the_spurious_ones_are_taken_out_together():
    """Two components on the same three rows: neither alone adds what both do."""
    twins = np.array([[0.0, 0.0], [1e-3, 0.0], [0.0, 1e-3]]) + 40
    model, rows = of_groups([*two_clusters(), twins, twins], ridge=1e-8)
    diagnosis = diagnose(model, rows)
    assert diagnosis.spurious == (2, 3)
    assert diagnosis.addition == pytest.approx(added(model, rows, np.ones(len(rows)), [2, 3]), rel=1e-9)
    assert diagnosis.addition > 2 * diagnosis.additions[2:].sum()


def test_a_component_may_add_less_than_nothing():
    model = Mixture([0.5, 0.5], [[0.0], [100.0]], [1.0, 1.0])
    diagnosis = diagnose(model, np.random.default_rng(0).normal(size=(20, 1)))
    assert diagnosis.additions[1] == pytest.approx(-20 * np.log(2))


@forms
@given(seed=seeds, n_components=st.integers(1, 5))
def test_the_tightness_is_a_median_of_generalized_eigenvalues(form, seed, n_components):
    model = mixture(np.random.default_rng(seed), form, n_components, 3)
    dense = model.covariances.dense(n_components, 3)
    ratios = np.array([[eigh(one, other, eigvals_only=True)[0] for other in dense] for one in dense])
    for found, ratio in zip(diagnose(model, np.zeros((1, 3))).tightness, ratios, strict=True):
        near = np.isclose(ratio, found, rtol=1e-9)
        assert near.any()
        assert model.weights[(ratio < found) & ~near].sum() <= 0.5 + 1e-12
        assert model.weights[(ratio > found) & ~near].sum() < 0.5


# --- Thin components: real, or an accident ---------------------------------------------------------------------------


def strip(n_rows, deviation, centre, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([2 * rng.normal(size=n_rows), centre + deviation * rng.normal(size=n_rows)])


def cloud(n_rows=600, seed=1):
    return np.random.default_rng(seed).normal(size=(n_rows, 2))


@pytest.mark.parametrize("centre", [0.0, 6.0])
@pytest.mark.parametrize(("n_rows", "deviation"), [(400, 5e-3), (400, 1e-5), (100, 5e-3), (100, 0.05)])
def test_a_thin_strip_of_many_rows_is_real(n_rows, deviation, centre):
    model, rows = of_groups([cloud(), strip(n_rows, deviation, centre)], ridge=1e-12)
    diagnosis = diagnose(model, rows)
    assert diagnosis.tightness[1] < 1e-2
    assert diagnosis.verdicts == ("", "")
    assert diagnosis.advice == "No component looks spurious."


def distances_from_line(rows, one, other):
    """The distances of rows from the line through two points."""
    along = other - one
    return np.abs((rows - one) @ [along[1], -along[0]]) / np.linalg.norm(along)


@pytest.mark.parametrize("n_thin", [4, 5, 6, 8])
def test_the_thinnest_rows_of_a_cloud_are_an_accident(n_thin):
    """The rows near the line, among all lines through two rows, that has so many rows nearest to it."""
    rows = cloud(60)
    lines = [distances_from_line(rows, one, other) for one, other in combinations(rows, 2)]
    chosen = min(lines, key=lambda distances: np.sort(distances)[n_thin - 1]).argsort()[:n_thin]
    diagnosis = diagnose(*of_groups([np.delete(rows, chosen, axis=0), rows[chosen]], ridge=1e-12))
    assert diagnosis.tightness[1] < THIN
    assert diagnosis.verdicts == ("", "tight")


def test_components_that_follow_noise_are_spurious():
    """Two components for the rows of a single Gaussian: the smaller has few rows, or is thin by accident, or round."""
    flagged = 0
    for seed in range(20):
        rows = np.random.default_rng(seed).normal(size=(20, 2))
        along = (rows[1] - rows[0]) / np.linalg.norm(rows[1] - rows[0])
        off = np.abs((rows - rows[0]) @ np.array([along[1], -along[0]]))  # distances from a line through two rows
        model = GaussianMixture(2, prior=None, init_params=(off > np.sort(off)[4]).astype(int))
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            diagnosis = model.fit(rows).diagnose(rows)
        thin = diagnosis.tightness[diagnosis.masses.argmin()] < THIN
        flagged += bool(diagnosis.spurious)
        assert bool(diagnosis.spurious) or not thin
    assert flagged >= 10


def test_the_same_component_is_an_accident_amid_more_rows():
    """Six rows near a line are an accident if many rows lie around them, and are not if they lie alone."""
    thin = strip(6, 0.02, 0.0)
    amid = of_groups([cloud(), thin], ridge=1e-12)
    alone = of_groups([cloud() + 40, thin], ridge=1e-12)
    assert diagnose(*amid).verdicts == ("", "tight")
    assert diagnose(*alone).verdicts == ("", "")


@pytest.mark.parametrize("columns", [(0, 1), (1, 0)])
def test_real_clusters_are_not_tight(columns, faithful):
    for n_components in range(2, 5):
        model = GaussianMixture(n_components, random_state=0).fit(faithful[:, columns])
        assert model.diagnose(faithful[:, columns]).spurious == ()


@pytest.mark.parametrize(("missing", "few"), [(1e-4, False), (0.04, False), (0.06, True), (0.5, True)])
def test_rows_that_print_as_enough_are_enough(missing, few):
    rows = np.array([[-1.0], [0.0], [1.0 - missing / 4]])
    model = Mixture([0.97, 0.03], [[50.0], [0.0]], [1.0, 1.0])
    diagnosis = diagnose(model, np.concatenate([np.full((97, 1), 50.0), rows]), [*np.ones(97), 1.0, 1.0, 1.0 - missing])
    assert ("few rows" in diagnosis.verdicts[1]) == few


def test_a_fit_says_what_it_knows():
    model, rows = of_groups([*two_clusters(), np.full((30, 2), -50.0)])
    assert diagnose(model, rows, flat=()).verdicts == ("", "", "")
    assert diagnose(model, rows, flat=[0], regularized=[1]).verdicts == ("flat", "regularized", "")


def test_what_is_hardly_there_keeps_its_digits():
    thin = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-13]])
    model = Mixture([0.6, 0.4], [[0.0, 0.0], [5.0, 5.0]], [np.eye(2), thin])
    assert diagnose(model, np.zeros((9, 2))).tightness[1] == pytest.approx(0.5e-13, rel=1e-2)


@pytest.mark.parametrize("background", [400.0, 1e6])
def test_a_wide_background_makes_no_cluster_tight(background):
    noise = np.random.default_rng(1).uniform(-background, background, (60, 2))
    diagnosis = diagnose(*of_groups([*two_clusters(), noise, np.full((20, 2), 40.0)]))
    assert diagnosis.verdicts == ("", "", "", "flat")


def test_sentinels_are_named_and_clusters_are_not():
    groups = [*two_clusters(), np.array([[-999_999.0, -999_999.0], [0.0, -999_999.0]])]
    assert diagnose(*of_groups(groups)).verdicts == ("", "", "few rows, tight")


@forms
def test_the_only_component_adds_no_number(form):
    diagnosis = diagnose(*of_groups(two_clusters()[:1], form))
    assert np.isnan(diagnosis.additions).all()
    assert diagnosis.addition == 0
    assert "     -" in str(diagnosis)


def test_where_all_are_spurious_together_they_add_no_number():
    diagnosis = diagnose(*of_groups([np.zeros((2, 2)), np.ones((2, 2))]))
    assert diagnosis.spurious == (0, 1)
    assert np.isfinite(diagnosis.additions).all()
    assert np.isnan(diagnosis.addition)
    assert "they hold 4 of 4 rows; try" in diagnosis.advice


# --- What must not matter --------------------------------------------------------------------------------------------


@given(seed=seeds)
def test_no_affine_map_changes_a_verdict(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=6)
    model, rows = of_groups([*two_clusters(), np.zeros((1, 2)) - 30, np.column_stack([x, x]) + 30])
    turn = 10.0 ** rng.uniform(-8, 8, (2, 1)) * np.linalg.qr(rng.normal(size=(2, 2))).Q
    dense = turn @ model.covariances.dense(4, 2) @ turn.T
    mapped = Mixture(model.weights, model.means @ turn.T, (dense + np.swapaxes(dense, 1, 2)) / 2)
    one, other = diagnose(model, rows), diagnose(mapped, rows @ turn.T)
    assert one.verdicts == other.verdicts == ("", "", "few rows, tight", "flat")
    same(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("form", [Diagonal, Tied, Full])
@pytest.mark.parametrize("units", [[1e-150, 1e150], [1e-9, 1e9], [1e-100, 1e-100]])
def test_units_change_no_verdict(form, units):
    groups = [*two_clusters(), np.full((1, 2), 40.0)]
    model, rows = of_groups(groups, form)
    factors = model.covariances.factors * (units if form is Diagonal else np.array(units)[:, None])
    scaled = diagnose(Mixture(model.weights, model.means * units, form(factors)), rows * units)
    same(diagnose(model, rows), scaled, rtol=1e-8, atol=1e-6)


@forms
def test_an_offset_does_not_matter(form):
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 40.0)], form)
    moved = diagnose(Mixture(model.weights, model.means + 1e8, model.covariances), rows + 1e8)
    same(diagnose(model, rows), moved, rtol=1e-4, atol=1e-6)


@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row(seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng)
    rows, counts = model.sample(80, random_state=rng), rng.integers(0, 4, 80)
    counts[0] = 1
    same(diagnose(model, rows, counts), diagnose(model, np.repeat(rows, counts, axis=0)), atol=1e-9)


def test_blocks_do_not_matter():
    rng = np.random.default_rng(0)
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 40.0)])
    weights = rng.uniform(0.5, 2, len(rows))
    same(diagnose(model, ArraySource(rows, weights)), diagnose(model, SmallBlocks(rows, weights)), atol=1e-9)


def test_the_order_of_components_does_not_matter():
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 40.0)])
    order = [2, 0, 1]
    turned = Mixture(model.weights[order], model.means[order], model.covariances.dense(3, 2)[order])
    one, other = diagnose(model, rows), diagnose(turned, rows)
    assert other.verdicts == tuple(one.verdicts[k] for k in order)
    np.testing.assert_allclose(other.additions, one.additions[order], rtol=1e-9)


def test_float32_rows_are_diagnosed_alike():
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 40.0)])
    same(diagnose(model, rows), diagnose(model, rows.astype(np.float32)), rtol=1e-4, atol=1e-4)


@forms
@pytest.mark.parametrize("far", [1e3, 1e9, 1e154, 1e200, 1e307])
def test_rows_far_out_are_finite(form, far):
    model, rows = of_groups([*two_clusters(), np.full((1, 2), 40.0)], form)
    out = np.concatenate([rows, [[far, -far], [-far, 0.0], [far, far]]])
    for weights in (None, np.full(len(out), 1e12), np.full(len(out), 1e-12)):
        diagnosis = diagnose(model, out, weights)
        for name in ("masses", "tightness", "additions"):
            assert np.isfinite(getattr(diagnosis, name)).all()
        assert len(max(str(diagnosis).splitlines()[:4], key=len)) < 90


@pytest.mark.parametrize(("far", "adds"), [(1e12, 0.5e24), (1e155, 2.25e307)])
def test_a_component_that_alone_explains_a_far_row_adds_a_finite_number(far, adds):
    model = Mixture([0.9, 0.1], [[0.0], [far]], [1.0, 1.0])
    diagnosis = diagnose(model, [[0.0], [1.0], [2.0], [far]])
    assert diagnosis.verdicts == ("", "few rows")
    assert diagnosis.additions[1] == pytest.approx(adds, rel=1e-2)
    assert np.isfinite(diagnosis.addition)


# --- In words --------------------------------------------------------------------------------------------------------


def test_it_reads_as_a_table_and_a_sentence():
    lines = str(diagnose(*of_groups([*two_clusters(), np.full((1, 2), 40.0)]))).splitlines()
    assert lines[0].split() == ["component", "weight", "rows", "tightness", "adds", "verdict"]
    assert lines[3].split()[:3] == ["2", "0.0040", "1.0"]
    assert lines[3].endswith("few rows, tight")
    assert lines[5] == "few rows: fewer than 4, which a covariance of its own needs to be trusted."
    assert lines[6] == "tight: in some direction below 0.01 of the usual variance, with too few rows to be no accident."
    assert re.fullmatch(
        r"Component 2 looks spurious: it holds 1 of 251 rows and adds \d+(\.\d)? nats to the log-likelihood; "
        r"try fewer components, prior='weak', or another seed\.",
        lines[7],
    )


def by_hand(verdicts, addition=31.25, masses=None):
    size = len(verdicts)
    masses = np.full(size, 2.0) if masses is None else np.array(masses)
    nothing = np.zeros(size)
    return Diagnosis(np.full(size, 1 / size), masses, nothing, nothing, addition, tuple(verdicts), 4)


REMEDY = "try fewer components, prior='weak', or another seed."
FOR_ONE = "try a covariance_type with fewer parameters, or prior='weak'."


@pytest.mark.parametrize(
    ("diagnosis", "finding", "remedy"),
    [
        (
            by_hand(["", "tight", "tight"], masses=[90, 1.5, 2]),
            "Components 1 and 2 look spurious: they hold 3.5 of 93.5 rows and add 31.2 nats to the log-likelihood",
            REMEDY,
        ),
        (
            by_hand(["empty", "", "tight", "few rows"], -0.01),
            "Components 0, 2 and 3 look spurious: they hold 6 of 8 rows and add 0 nats to the log-likelihood",
            REMEDY,
        ),
        (
            by_hand(["", "tight"], 1e300),
            "Component 1 looks spurious: it holds 2 of 4 rows and adds 1e+300 nats to the log-likelihood",
            REMEDY,
        ),
        (
            by_hand(["flat", "", "flat"], masses=[20, 40, 30]),
            (
                "Components 0 and 2 are flat: they hold 50 of 90 rows, which hardly differ in some direction, so that "
                "the log-likelihood says little"
            ),
            "look for rounded, repeated or censored values, or try prior='weak'.",
        ),
        (by_hand(["few rows"], np.nan), "Component 0 looks spurious: it holds 2 of 2 rows", FOR_ONE),
    ],
)
def test_the_advice_has_numbers(diagnosis, finding, remedy):
    assert diagnosis.advice == f"{finding}; {remedy}"
    assert str(diagnosis).splitlines()[-1] == diagnosis.advice


def test_only_the_verdicts_that_occur_are_explained():
    assert "few rows:" not in str(by_hand(["", "tight"]))
    assert "tight:" not in str(by_hand(["", "few rows"]))
    assert len(str(by_hand(["", ""])).splitlines()) == 5


def test_it_becomes_a_frame():
    diagnosis = diagnose(*of_groups([*two_clusters(), np.full((1, 2), 40.0)]))
    for frame in (diagnosis.to_pandas(), diagnosis.to_polars()):
        assert isinstance(frame, pd.DataFrame | pl.DataFrame)
        assert list(frame.columns) == ["component", "weight", "rows", "tightness", "adds", "verdict"]
        np.testing.assert_array_equal(frame["adds"], diagnosis.additions)
        assert list(frame["verdict"]) == ["", "", "few rows, tight"]


# --- Arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame, np.ndarray.tolist])
def test_frames_and_lists_are_rows(table):
    model, rows = of_groups(two_clusters())
    same(diagnose(model, table(rows)), diagnose(model, rows))


@pytest.mark.parametrize(
    ("rows", "weights", "message"),
    [
        (np.zeros(5), None, r"X must have shape \(n, D\), a row for each observation, got \(5,\)"),
        (np.zeros((5, 3)), None, "X must have 2 columns, as many as the mixture has features, got 3"),
        (np.zeros((0, 2)), None, "X must have at least one row, got none"),
        ([[np.inf, 0.0]], None, "X must be finite, but contains infinity in column 0"),
        ([[np.nan, np.nan]], None, "X must have at least one row, got none"),
        ([[0.0, 0.0]], [1.0, 2.0], r"sample_weight must have shape \(1,\), one weight for each row, got \(2,\)"),
        ([[0.0, 0.0]], [-1.0], "sample_weight must be finite, at least 0, and not 0 for all rows"),
        ([[0.0, 0.0]], [np.inf], "sample_weight must be finite, at least 0, and not 0 for all rows"),
        ([[0.0, 0.0]], [0.0], "sample_weight must be finite, at least 0, and not 0 for all rows"),
        (ArraySource(np.zeros((5, 3))), None, "X must have 2 columns, as many as the mixture has features, got 3"),
        (ArraySource(np.zeros((5, 2))), np.ones(5), "a source brings its own weights"),
    ],
)
def test_wrong_arguments_are_named(rows, weights, message):
    model, _ = of_groups(two_clusters())
    with pytest.raises(ValueError, match=message):
        diagnose(model, rows, weights)


@pytest.mark.parametrize(("weight", "size"), [(1e307, "large"), (1e-320, "small")])
def test_weights_whose_sum_is_no_float_are_refused(weight, size):
    with pytest.raises(ValueError, match=f"sample_weight is too {size}: .*; divide it by its mean"):
        diagnose(Mixture([1.0], [[0.0]], [1.0]), np.zeros((100, 1)), np.full(100, weight))
