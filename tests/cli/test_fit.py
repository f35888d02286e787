import inspect
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.exceptions import ConvergenceWarning

from gaussmix import GaussianMixtureSearch, load
from gaussmix.cli import outputs
from gaussmix.cli.commands import Criterion, fit
from gaussmix.cli.commands.fit import Effort
from gaussmix.cli.options import numbers_of_components
from gaussmix.datasets import load_faithful
from gaussmix.em import Status
from gaussmix.fitting.schedule import SCHEDULES
from gaussmix.selection import CRITERIA, NAMES
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

ROOT = Path(__file__).parents[2]
FAITHFUL = Path(load_faithful().filename)
TIGHT = ROOT / "tests/reference/mclust_fits.json"
QUICK = ("--components", "1:2", "--n-init", 1)


@pytest.fixture
def answer(done):
    """The JSON of `gaussmix fit`, and an error where it is not strict JSON."""

    def run(*arguments):
        return json.loads(done("fit", *arguments, "--json"), parse_constant=pytest.fail)

    return run


def test_old_faithful_has_the_model_that_mclust_finds(answer):
    found = answer(FAITHFUL, "--components", "1:5")
    chosen = found["best"]
    assert (chosen["structure"], chosen["n_components"], chosen["n_parameters"]) == ("tied", 3, 11)
    assert chosen["bic"] <= 2314.32  # mclust's best over EEE and VVV, with its default tolerance: EEE, 3, 2314.316
    tight = json.loads(TIGHT.read_text())["faithful"]["loglik_tight"]["EEE"][2]
    assert chosen["log_likelihood"] == pytest.approx(tight, abs=0.02)
    assert found["warnings"] == []


def test_json_holds_what_python_finds(answer, csv, blobs):
    options = ("--seed", 7, "--n-init", 2, "--walks", 2, "--no-stop-early", "--equal-weights", "--criterion", "icl")
    found = answer(csv, "--components", "1:3", "--structure", "full,EEI", *options)
    search = GaussianMixtureSearch(
        range(1, 4),
        structures=["full", "EEI"],
        criterion="icl",
        weights="equal",
        stop_early=False,
        n_init=2,
        n_walks=2,
        random_state=7,
    ).fit(pl.DataFrame(blobs, schema=["width", "height"], orient="row"))
    results = search.results_
    expected = [
        {
            **row,
            "reason": row["reason"] or None,
            "converged": one.fit.status is Status.CONVERGED,
            "collapsed": list(one.collapsed),
            "spurious": list(one.spurious),
        }
        for row, one in zip(results, results.candidates, strict=True)
    ]
    for model in [*expected, found["best"], *found["table"]]:
        assert model.pop("seconds") > 0
    assert found["table"] == expected
    assert found["best"] == expected[results.candidates.index(results.best)]
    assert {name: found["best"][name] for name in CRITERIA} == {name: results.best.criterion(name) for name in CRITERIA}
    mixture = search.mixture_
    dense = mixture.covariances.dense(mixture.n_components, 2)
    sds = np.sqrt(np.diagonal(dense, axis1=1, axis2=2))
    parameters = found["parameters"]
    np.testing.assert_array_equal(parameters["weights"], mixture.weights)
    np.testing.assert_array_equal(parameters["means"], mixture.means)
    np.testing.assert_array_equal(parameters["covariances"], dense)
    np.testing.assert_allclose(parameters["standard_deviations"], sds, rtol=1e-12)
    np.testing.assert_allclose(parameters["correlations"], dense / (sds[:, :, None] * sds[:, None, :]), rtol=1e-12)
    assert (found["rows"], found["weight"], found["features"]) == (60, 60.0, ["width", "height"])
    assert (found["criterion"], found["equal_weights"], found["model"]) == ("icl", True, None)
    assert (found["prior"], found["interrupted"]) == (None, False)


def test_options_are_those_of_the_estimator_and_have_its_defaults():
    ours, theirs = inspect.signature(fit).parameters, inspect.signature(GaussianMixtureSearch).parameters
    for name in ("n_init", "tol", "max_iter", "criterion", "prior", "eigenvalue_ratio", "effort"):
        assert ours[name].default == theirs[name].default
    assert ours["walks"].default == theirs["n_walks"].default
    assert ours["no_stop_early"].default is not theirs["stop_early"].default
    assert (ours["equal_weights"].default, theirs["weights"].default) == (False, "free")
    assert numbers_of_components(ours["components"].default) == theirs["n_components"].default
    assert [criterion.value for criterion in Criterion] == list(NAMES)
    assert [effort.value for effort in Effort] == list(SCHEDULES)


def test_the_table_names_the_best_and_the_next(done, csv):
    text = done("fit", csv, "--components", "1:2", "--structure", "full,diag")
    lines = text.splitlines()
    assert lines[0] == "60 rows, 2 features: width, height"
    header = next(i for i, line in enumerate(lines) if line.startswith("K "))
    assert lines[header].split() == ["K", "full", "diag"]
    assert [line.split()[0] for line in lines[header + 1 : header + 3]] == ["1", "2"]
    assert text.count("*") == 2  # the legend, and the best
    assert "*" in lines[header + 2]
    sentence = next(line for line in lines if line.startswith("Best by BIC: "))
    assert sentence.startswith("Best by BIC: diag, 2 components (log-likelihood -")
    assert ", 9 parameters, BIC " in sentence
    gap = next(line for line in lines if line.startswith("Next: full, 2 components, ")).split()[-2]
    values = [float(value.strip("*")) for value in lines[header + 2].split()[1:]]
    assert float(gap) == pytest.approx(values[0] - values[1], abs=0.011)
    assert next(line.split() for line in lines if line.startswith("weight"))[1:] in (
        ["0.667", "0.333"],
        ["0.333", "0.667"],
    )


@pytest.mark.parametrize(
    ("text", "numbers"), [("3", [3]), ("1:3", [1, 2, 3]), ("4,2", [2, 4]), ("1:2,2:3,5", [1, 2, 3, 5])]
)
def test_components_are_a_number_a_span_or_a_list(answer, csv, text, numbers):
    found = answer(csv, "--components", text, "--structure", "spherical", "--n-init", 1)
    assert [model["n_components"] for model in found["table"]] == numbers


def test_structures_are_searched_in_the_given_order_and_once(answer, csv):
    found = answer(csv, *QUICK, "--components", 1, "--structure", "EII, full,VVV")
    assert [model["structure"] for model in found["table"]] == ["EII", "full"]


@pytest.fixture
def wide(tmp_path):
    """A function that writes 40 rows with so many columns."""

    def write(n_features):
        path = tmp_path / f"wide{n_features}.npy"
        np.save(path, np.random.default_rng(0).normal(size=(40, n_features)))
        return path

    return write


def names(found):
    return list(dict.fromkeys(model["structure"] for model in found["table"]))


@pytest.mark.parametrize(("n_features", "some"), [(2, STRUCTURES), (20, STRUCTURES), (21, None)])
def test_all_structures_are_searched_where_columns_are_few(answer, wide, n_features, some):
    usual = ["full", "tied", "diag", "spherical"]
    everything = [structure.public_name for structure in STRUCTURES]
    run = (wide(n_features), "--components", 1)
    assert names(answer(*run)) == (everything if some else usual)
    assert names(answer(*run, "--structure", "all")) == everything
    assert names(answer(*run, "--structure", "tied,all")) == ["tied", *(one for one in everything if one != "tied")]


def test_structures_that_the_rows_cannot_carry_are_named_in_one_line(done, wide):
    out = " ".join(done("fit", wide(60), "--components", "1:2").split())
    assert out.count("any covariance with axes of its own is degenerate") == 1
    assert "- full and tied: Rows of a total weight of 40" in out


def test_one_column_has_two_structures_which_are_called_by_their_letters(answer, done, wide):
    run = (wide(1), *QUICK)
    assert names(answer(*run)) == names(answer(*run, "--structure", "V,EII,E"))[::-1] == ["E", "V"]
    text = done("fit", *run)
    assert re.search(r"\nK +E +V *\n", text)
    assert "Best by BIC: E, 1 component " in text


def test_a_name_for_one_feature_is_refused_for_more(refused, csv):
    assert refused("fit", csv, "--structure", "full,V") == (
        f"{csv}: structure 'V' is for rows with one feature, got 2; use 'VII' instead."
    )


def test_cells_far_behind_are_marked_unless_all_go_to_the_end(done, answer):
    run = (FAITHFUL, "--components", "1:5", "--structure", "spherical,EEI,tied,full")
    note = "< stopped early, where it was heading far behind the best; --no-stop-early fits it to the end."
    text = done("fit", *run)
    assert text.count(note) == 1
    found, whole = answer(*run), answer(*run, "--no-stop-early")
    stopped = [model["status"] == "stopped early" for model in found["table"]]
    assert text.count("<") == sum(stopped) + 1
    assert "<" not in done("fit", *run, "--no-stop-early")
    assert {model["status"] for model in whole["table"]} <= {"converged", "spurious"}
    for model, early, to_the_end in zip(found["table"], stopped, whole["table"], strict=True):
        assert model["converged"] is not early
        if early:
            assert model["n_passes"] < to_the_end["n_passes"]
            assert model["bic"] > found["best"]["bic"] + 10
    assert whole["best"]["bic"] == pytest.approx(found["best"]["bic"], abs=0.01)


def test_a_next_model_that_was_stopped_early_is_at_most_so_far_behind(done):
    run = ("fit", FAITHFUL, "--components", "3,9", "--structure", "tied")
    assert "\nNext: tied, 9 components, at most " in done(*run)
    assert re.search(r"\nNext: tied, 9 components, \d", done(*run, "--no-stop-early"))


def test_more_walks_make_no_cell_worse(answer, tmp_path):
    minutes = pl.read_csv(FAITHFUL).to_numpy() + np.random.default_rng(0).uniform(-0.5, 0.5, (272, 2)) * [1e-3, 1.0]
    pl.DataFrame(minutes, schema=["a", "b"], orient="row").write_csv(tmp_path / "unrounded.csv")
    run = (tmp_path / "unrounded.csv", "--components", "1:6", "--structure", "EVI,VVE,full", "--no-stop-early")
    once, twice = answer(*run)["table"], answer(*run, "--walks", 2)["table"]
    worth = [
        (not two["collapsed"], two["log_likelihood"] - one["log_likelihood"])
        for one, two in zip(once, twice, strict=True)
    ]
    assert all(good and gain >= -1e-6 for good, gain in worth)
    assert sum(model["n_passes"] for model in twice) > sum(model["n_passes"] for model in once)


def test_equal_weights_are_no_parameters(answer, csv):
    run = (csv, "--components", "2", "--structure", "full")
    equal, free = answer(*run, "--equal-weights"), answer(*run)
    assert equal["parameters"]["weights"] == [0.5, 0.5]
    assert sorted(free["parameters"]["weights"]) == pytest.approx([1 / 3, 2 / 3], abs=1e-6)
    assert (equal["best"]["n_parameters"], free["best"]["n_parameters"]) == (10, 11)
    assert (equal["equal_weights"], free["equal_weights"]) == (True, False)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_can_be_chosen_by(answer, done, csv, criterion):
    run = (csv, "--components", "1:3", "--structure", "EEI,full", "--criterion", criterion)
    found = answer(*run)
    assert found["criterion"] == criterion
    assert found["best"][criterion] == min(model[criterion] for model in found["table"] if not model["collapsed"])
    title = "AICc" if criterion == "aicc" else criterion.upper()
    assert f"\n{title} of K components, lower is better: * is the best\n" in done("fit", *run)


def test_an_infinite_criterion_is_null_and_chooses_nothing(answer, done, refused, wide):
    run = (wide(7), "--structure", "full", "--criterion", "aicc", "--components")
    single, double = answer(*run, "1:2")["table"]  # 35 and 71 parameters, 40 rows
    assert (single["n_parameters"], double["n_parameters"]) == (35, 71)
    assert single["aicc"] > single["aic"]
    assert double["aicc"] is None
    assert double["bic"] is not None
    text = done("fit", *run, "1:2")
    assert "\ninf AICc is infinite with about as many parameters as rows, or more.\n" in text
    assert "Next:" not in text
    sentence = refused("fit", *run, 2)
    assert "No model has a finite aicc: there are too few rows for so many parameters" in sentence


def test_the_next_model_is_another_one(done, wide):
    text = done("fit", wide(2), "--components", "1", "--structure", "EII,VII,EEI,VVI")
    assert "Best by BIC: EII, 1 component " in text
    assert "\nNext: EEI, 1 component, " in text
    assert "Next:" not in done("fit", wide(2), "--components", "1", "--structure", "EEE,VVV")


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [
        ("--components", "0", "numbers from 1"),
        ("--components", "5:2", "numbers from 1"),
        ("--components", "two", "numbers from 1"),
        ("--structure", "round", "spherical"),
        ("--structure", "full,", "structure must be one of"),
        ("--criterion", "r2", "icl"),
        ("--walks", "0", "--walks"),
        ("--n-init", "0", "--n-init"),
        ("--seed", "-1", "--seed"),
        ("--prior", "strong", "weak"),
    ],
)
def test_wrong_options_are_wrong_usage(gaussmix, csv, option, value, names):
    result = gaussmix("fit", csv, option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert names in result.stderr


def test_the_same_seed_gives_the_same_answer(answer, csv):
    run = (csv, "--components", "2:5", "--structure", "full", "--criterion", "aic")
    first, second = answer(*run), answer(*run)
    for model in [first["best"], second["best"], *first["table"], *second["table"]]:
        del model["seconds"]
    assert first == second
    assert any(answer(*run, "--seed", seed)["table"][0] != first["table"][0] for seed in (1, 2, 3))


def test_cells_with_more_components_than_rows_say_so(done, tmp_path):
    few = tmp_path / "few.csv"
    few.write_text("a,b\n1,2\n2,5\n3,1\n0,2\n")
    run = ("fit", few, "--structure", "full,diag", "--n-init", 1)
    found = json.loads(done(*run, "--json"))
    assert [model["n_components"] for model in found["table"][::2]] == list(range(1, 10))
    lost = [model for model in found["table"] if model["n_components"] > 4]
    nulls = {"log_likelihood", "n_parameters", *CRITERIA, "entropy_r2", "converged", "n_iter", "collapsed"}
    assert all(model[key] is None for model in lost for key in nulls)
    assert {model["status"] for model in lost} == {"failed"}
    assert all("at least as many rows, got 4" in model["reason"] for model in lost)
    assert "- 5, 6, 7, 8 and 9 components need at least as many rows, got 4." in done(*run)


def test_fits_that_did_not_converge_are_marked(gaussmix, csv, answer):
    run = (csv, "--components", "3", "--structure", "full", "--max-iter", 1)
    result = gaussmix("fit", *run)
    assert "*~" in result.stdout
    assert "raise --max-iter" in result.stdout
    assert "did not converge in 1 iterations; raise --max-iter or --tol." in " ".join(result.stderr.split())
    assert answer(*run)["best"]["converged"] is False
    assert answer(*run)["best"]["status"] == "max_iter"


def test_a_model_at_the_edge_of_the_range_is_pointed_out(gaussmix, csv):
    at = ("fit", csv, "--structure", "diag", "--components")
    assert "2 components, the most that were tried: widen the range" in gaussmix(*at, "1:2").stderr
    assert "2 components, the fewest that were tried: widen the range" in gaussmix(*at, "2:3").stderr
    for inside in ("1:3", "2"):
        assert gaussmix(*at, inside).stderr == ""


def test_one_component_is_no_edge(gaussmix, tmp_path):
    path = tmp_path / "single.csv"
    pl.DataFrame({"a": np.random.default_rng(0).normal(size=50)}).write_csv(path)
    result = gaussmix("fit", path, *QUICK)
    assert ", 1 component (" in result.stdout
    assert result.stderr == ""


def test_a_constant_column_is_named_and_does_not_stop_the_fit(gaussmix, tmp_path, blobs):
    path = tmp_path / "constant.csv"
    pl.DataFrame({"a": blobs[:, 0], "five": np.full(60, 5.0), "b": blobs[:, 1]}).write_csv(path)
    result = gaussmix("fit", path, "--components", 2, "--structure", "tied,diag", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("Warning: ") == 1
    assert "Column 'five' is constant: every value is 5." in result.stderr
    found = json.loads(result.stdout)
    assert found["features"] == ["a", "five", "b"]
    assert np.array(found["parameters"]["means"])[:, 1] == pytest.approx([5, 5])
    assert "Warning: " + found["warnings"][0] == result.stderr.strip()


@pytest.fixture
def rounded(tmp_path):
    """Rows of which a third share a value, on which a component can sit."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(90, 2))
    rows[:30, 1] = 3.0
    path = tmp_path / "rounded.csv"
    pl.DataFrame(rows, schema=["a", "b"], orient="row").write_csv(path)
    return path


def test_components_on_equal_rows_are_held_open_and_pointed_out(gaussmix, answer, rounded):
    run = (rounded, "--components", "1:2", "--structure", "diag")
    result = gaussmix("fit", *run)
    assert "Best by BIC: diag, 2 components " in result.stdout
    assert "of the chosen model: the rows hardly differ in some direction" in result.stderr
    single, double = answer(*run)["table"]
    assert double["bic"] < single["bic"]
    assert (single["collapsed"], double["collapsed"]) == ([], [])


def test_columns_that_depend_on_each_other_are_pointed_out(gaussmix, tmp_path, blobs):
    path = tmp_path / "twice.csv"
    pl.DataFrame({"a": blobs[:, 0], "b": 2 * blobs[:, 0]}).write_csv(path)
    run = ("fit", path, "--components", 1, "--structure", "full")
    said = " ".join(gaussmix(*run).stderr.split())
    assert "Columns 'a' and 'b' depend on each other: in some direction all rows vary so little that the ridge" in said
    assert "reg_covar" not in said
    assert gaussmix(*run, "--columns", "a").stderr == ""


def test_weights_are_repeated_rows(answer, tmp_path, blobs):
    weights = np.arange(60) % 3
    pl.DataFrame({"w": weights, "a": blobs[:, 0], "b": blobs[:, 1]}).write_csv(tmp_path / "weighted.csv")
    pl.DataFrame(np.repeat(blobs, weights, axis=0), schema=["a", "b"], orient="row").write_csv(tmp_path / "rows.csv")
    run = ("--components", "2", "--structure", "tied,diag", "--tol", 1e-12)
    weighted = answer(tmp_path / "weighted.csv", *run, "--weights", "w")
    repeated = answer(tmp_path / "rows.csv", *run)
    assert (weighted["rows"], weighted["weight"]) == (40, 60.0)
    assert weighted["features"] == ["a", "b"]
    for one, other in zip(weighted["table"], repeated["table"], strict=True):
        assert [one[name] for name in CRITERIA] == pytest.approx([other[name] for name in CRITERIA], rel=1e-9)
    np.testing.assert_allclose(
        np.sort(weighted["parameters"]["means"], axis=0), np.sort(repeated["parameters"]["means"], axis=0), rtol=1e-6
    )


def test_weights_that_sum_to_one_are_warned_about_unless_they_are_relative(gaussmix, answer, tmp_path, blobs):
    path = tmp_path / "weighted.csv"
    pl.DataFrame({"w": np.full(60, 1 / 60), "a": blobs[:, 0], "b": blobs[:, 1]}).write_csv(path)
    run = (path, "--components", "1:4", "--structure", "full", "--weights", "w")
    warned = gaussmix("fit", *run)
    assert "weights sum to 1, less than the effective number of rows, 60" in " ".join(warned.stderr.split())
    assert "add --relative-weights" in " ".join(warned.stderr.split())
    relative, unweighted = answer(*run, "--relative-weights"), answer(*run[:-2], "--columns", "a,b")
    assert relative["weight"] == pytest.approx(60)
    for name in ("n_components", "bic", "icl", "log_likelihood"):
        assert relative["best"][name] == pytest.approx(unweighted["best"][name], rel=1e-6)
    assert relative["warnings"] == unweighted["warnings"]


def test_relative_weights_need_a_column_of_weights(gaussmix, csv):
    refused = gaussmix("fit", csv, "--relative-weights")
    assert refused.exit_code == 2
    assert "--weights COLUMN" in refused.stderr


def test_the_printout_tells_the_total_weight(done, tmp_path):
    path = tmp_path / "weighted.csv"
    path.write_text("a,w\n1,0.5\n2,3\n4,0\n5,1\n")
    assert done("fit", path, "--weights", "w", *QUICK).startswith("3 rows of total weight 4.5, 1 feature: a\n")


def test_too_few_rows_are_refused(refused, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("a,w\n1,1\n3,1\n2,0\n")
    assert refused("fit", path, "--weights", "w") == f"{path}: a fit needs at least 3 rows, got 2."
    assert "4 components need at least as many rows, got 3." in refused("fit", path, "--components", 4)


def test_missing_values_are_refused_or_dropped(refused, gaussmix, tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("a,b,c\n1,2,\n,4,1\n3,NA,1\n4,5,2\n5,inf,3\n7,8,2\n9,9,1\n")
    sentence = refused("fit", path, "--columns", "a,b")
    assert "values are infinite in column 'b' (first in line 6)" in sentence
    assert "leave those rows out with --missing drop" in sentence
    sentence = refused("fit", path, "--columns", "a,b", "--missing", "error")
    assert "columns 'a' (1 row, first in line 3) and 'b' (2 rows, first in line 4)" in sentence
    assert "--missing drop" in sentence
    result = gaussmix("fit", path, "--columns", "a,b", "--drop-missing", "--components", 1, "--json")
    found = json.loads(result.stdout)
    assert found["rows"] == 4
    assert found["parameters"]["means"] == [[5.25, 6.0]]
    assert "3 rows with missing or infinite values left out." in found["warnings"]
    assert "3 rows with missing" in result.stderr
    other = gaussmix("fit", path, "--columns", "a,b", "--missing", "DROP", "--components", 1, "--json")
    assert json.loads(other.stdout)["parameters"] == found["parameters"]


def test_observed_values_of_incomplete_rows_are_used(gaussmix, refused, tmp_path, blobs):
    holed = blobs.copy()
    holed[::5, 0], holed[2, 1] = np.nan, np.nan
    path = tmp_path / "holes.csv"
    pl.DataFrame(holed, schema=["a", "b"]).fill_nan(None).write_csv(path)
    result = gaussmix("fit", path, *QUICK, "--json", "--out", tmp_path / "model.gmx")
    found = json.loads(result.stdout)
    assert found["rows"] == len(blobs)
    line = f"{len(blobs[::5]) + 1} values are missing: {len(blobs[::5])} in 'a' and 1 in 'b'"
    assert f"{line}; the observed values of these rows are used." in found["warnings"]
    assert line in result.stderr
    mixture = load(tmp_path / "model.gmx")
    scored = json.loads(gaussmix("score", tmp_path / "model.gmx", path, "--json").stdout)
    assert scored["log_likelihood"] == pytest.approx(mixture.logpdf(holed).sum(), rel=1e-9)
    written = gaussmix("predict", tmp_path / "model.gmx", path).stdout
    assert pl.read_csv(written.encode())["component"].to_list() == mixture.predict(holed).tolist()
    assert "values are missing or infinite" in refused("outliers", path, "--missing", "error")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "--missing", "em", "--drop-missing"), "give it or --missing, not both"),
        (("fit", "--missing", "ignore"), "'ignore' is none of em, drop, error"),
    ],
)
def test_a_way_with_missing_values_that_is_none_is_refused(gaussmix, csv, arguments, words):
    command, *options = arguments
    result = gaussmix(command, csv, *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


def test_a_weight_must_not_be_missing(refused, tmp_path):
    path = tmp_path / "weights.csv"
    path.write_text("a,w\n1,1\n2,\n4,1\n5,1\n")
    sentence = refused("fit", path, "--weights", "w")
    assert "the weight in 'w' is missing in line 3; give the row a weight of 0." in sentence


def test_the_model_is_written_with_its_names(done, tmp_path, csv):
    out = tmp_path / "new.gmx"
    printed = done("fit", csv, *QUICK, "--out", out)
    assert printed.endswith(f"\nModel written to {out}.\n")
    found = json.loads(done("fit", csv, *QUICK, "--out", out, "--force", "--json"))
    mixture = load(out)
    assert mixture.feature_names == ("width", "height")
    assert mixture.means.tolist() == found["parameters"]["means"]
    assert found["model"] == str(out)


def test_nothing_is_read_or_fitted_when_the_model_could_not_be_written(refused, tmp_path, csv, model):
    before = model.read_bytes()
    missing = tmp_path / "no.csv"
    assert (
        refused("fit", missing, "--out", model)
        == f"{model} exists already and is left as it is; replace it with --force."
    )
    assert model.read_bytes() == before
    assert "There is no folder" in refused("fit", missing, "--out", tmp_path / "no" / "model.gmx")
    assert "is a folder" in refused("fit", csv, "--out", tmp_path, "--force")


def test_a_write_that_fails_leaves_what_was_there(refused, monkeypatch, tmp_path, csv, model):
    def full(*_):
        raise OSError(28, "No space left on device", "somewhere")

    before, files = model.read_bytes(), sorted(tmp_path.iterdir())
    monkeypatch.setattr("pathlib.Path.replace", full)
    sentence = refused("fit", csv, *QUICK, "--out", model, "--force")
    assert sentence == f"{model} could not be written: No space left on device."
    assert model.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == files


@pytest.fixture
def after_passes(monkeypatch):
    """A function that has something done at a given pass over the rows of `gaussmix fit`."""

    def at(last, action):
        passes, reduce = [], ArraySource.reduce

        def watched(source, mixture, moments):
            passes.append(1)
            if len(passes) == last:
                action()
            return reduce(source, mixture, moments)

        monkeypatch.setattr(ArraySource, "reduce", watched)

    return at


def test_a_file_that_appears_during_the_fit_is_left_as_it_is(refused, after_passes, tmp_path, csv):
    out = tmp_path / "new.gmx"
    after_passes(2, lambda: out.write_text("somebody else's"))
    assert "exists already" in refused("fit", csv, *QUICK, "--out", out)
    assert out.read_text() == "somebody else's"


def press_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore the signal
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_before_there_is_a_model_is_one_line(gaussmix, after_passes, tmp_path, csv):
    after_passes(2, press_ctrl_c)
    result = gaussmix("fit", csv, "--out", tmp_path / "none.gmx")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")
    assert not (tmp_path / "none.gmx").exists()


def test_ctrl_c_keeps_and_writes_the_best_model_so_far(gaussmix, after_passes, tmp_path):
    out = tmp_path / "kept.gmx"
    after_passes(300, press_ctrl_c)
    result = gaussmix("fit", FAITHFUL, "--components", "1:5", "--structure", "full,tied,EEI", "--out", out)
    assert result.exit_code == 130
    assert "Warning: Interrupted: the best of the" in result.stderr
    assert result.stdout.endswith(f"\nModel written to {out}.\n")
    assert load(out).feature_names == ("eruptions", "waiting")
    assert f", {load(out).n_components} components (" in result.stdout


def test_ctrl_c_is_in_the_json(gaussmix, after_passes):
    after_passes(150, press_ctrl_c)
    result = gaussmix("fit", FAITHFUL, "--components", "1:5", "--structure", "full,tied,EEI", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 130
    assert found["interrupted"] is True
    assert 3 <= len(found["table"]) < 15
    assert any("Interrupted" in warning for warning in found["warnings"])


def test_ctrl_c_in_cross_validation_keeps_nothing(gaussmix, after_passes, tmp_path, csv):
    after_passes(60, press_ctrl_c)
    run = ("fit", csv, "--components", "1:3", "--structure", "diag,tied", "--criterion", "cv")
    result = gaussmix(*run, "--out", tmp_path / "none.gmx")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")
    assert not (tmp_path / "none.gmx").exists()


INTERRUPTED_PROGRAM = """
import os, signal, sys
from gaussmix.cli.commands import app
from gaussmix.selection import evaluation

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore the signal

run, n_runs = evaluation.run, []

def slow_at_last(*arguments, **options):
    n_runs.append(1)
    if len(n_runs) == 40:
        os.kill(os.getpid(), signal.SIGINT)
    return run(*arguments, **options)

evaluation.run = slow_at_last
app(sys.argv[1:])
"""


def test_a_program_that_gets_the_signal_writes_the_model_and_exits_with_130(tmp_path):
    out = tmp_path / "kept.gmx"
    arguments = ["fit", str(FAITHFUL), "--components", "1:5", "--structure", "full,tied,EEI", "--out", str(out)]
    result = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", INTERRUPTED_PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 130
    assert "Interrupted: the best of the" in result.stderr
    assert "Traceback" not in result.stderr
    assert load(out).n_components >= 1


# --- The same as the estimator ----------------------------------------------------------------------------------------


def said_by_the_estimator(rows, weights=None, **options):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is what is compared
        GaussianMixtureSearch([1, 2], structures="full", **options).fit(rows, sample_weight=weights)
    return str(raised.value)


def test_values_whose_squares_overflow_are_refused_with_the_words_of_the_estimator(refused, tmp_path):
    path, rows = tmp_path / "huge.npy", np.random.default_rng(0).normal(size=(40, 2))
    rows[3, 1] = 1e160
    np.save(path, rows)
    message = said_by_the_estimator(rows)
    assert message.startswith("X is too large: it must be at most 1e+150 in absolute value, got 1e+160")
    assert refused("fit", path, "--components", "1:2", "--structure", "full") == f"{path}: {message}"


def test_weights_whose_sum_is_too_large_are_refused_with_the_words_of_the_estimator(refused, tmp_path):
    rows, weights = np.random.default_rng(0).normal(size=(40, 2)), np.full(40, 1e306)
    path = tmp_path / "heavy.csv"
    pl.DataFrame({"a": rows[:, 0], "b": rows[:, 1], "w": weights}).write_csv(path)
    message = said_by_the_estimator(rows, weights)
    assert "sample_weight is too large" in message
    assert refused("fit", path, "--weights", "w", "--components", "1:2", "--structure", "full") == f"{path}: {message}"


def test_rows_that_are_all_equal_are_warned_about_as_by_the_estimator(gaussmix, tmp_path):
    path, rows = tmp_path / "equal.npy", np.full((9, 2), 3.0)
    np.save(path, rows)
    with pytest.warns(ConvergenceWarning) as caught:
        GaussianMixtureSearch([1, 2], structures="diag", random_state=0).fit(rows)
    stderr = gaussmix("fit", path, "--components", "1:2", "--structure", "diag").stderr
    for warning in caught:
        assert f"Warning: {str(warning.message).replace('reg_covar', 'the ridge')}\n" in stderr


def test_cross_validation_is_that_of_the_estimator(answer, done, csv, blobs):
    run = (csv, "--components", "1:3", "--structure", "diag,tied", "--criterion", "cv", "--seed", 3)
    found = answer(*run)
    search = GaussianMixtureSearch([1, 2, 3], structures=["diag", "tied"], criterion="cv", random_state=3)
    search.fit(pl.DataFrame(blobs, schema=["width", "height"], orient="row"))
    assert found["criterion"] == "cv"
    assert [model["cv"] for model in found["table"]] == search.results_.columns["cv"]
    assert found["best"]["cv"] == min(model["cv"] for model in found["table"])
    assert (found["best"]["structure"], found["best"]["n_components"]) == ("tied", 2)
    text = done("fit", *run)
    assert "\nCV of K components, lower is better: * is the best\n" in text
    assert "Best by CV: tied, 2 components " in text


def test_a_bound_on_eigenvalues_is_that_of_the_estimator(answer, csv, blobs):
    found = answer(csv, "--components", "1:3", "--structure", "full", "--eigenvalue-ratio", "2", "--effort", "quick")
    search = GaussianMixtureSearch([1, 2, 3], structures="full", eigenvalue_ratio=2.0, effort="quick", random_state=0)
    assert found["best"]["bic"] == pytest.approx(search.fit(blobs).bic(blobs))
    assert found["eigenvalue_ratio"] == 2.0


@pytest.mark.parametrize("prior", ["weak", "mclust"])
def test_a_prior_is_that_of_the_estimator(answer, csv, blobs, prior):
    found = answer(csv, "--components", "1:3", "--structure", "full,EEI", "--prior", prior)
    search = GaussianMixtureSearch([1, 2, 3], structures=["full", "EEI"], prior=prior, random_state=0)
    search.fit(pl.DataFrame(blobs, schema=["width", "height"], orient="row"))
    assert found["prior"] == prior
    assert [model["bic"] for model in found["table"]] == search.results_.columns["bic"]
    plain = answer(csv, "--components", "1", "--structure", "full")
    assert found["table"][0]["log_likelihood"] < plain["table"][0]["log_likelihood"]


def test_a_structure_without_priors_is_refused_with_the_words_of_the_estimator(refused, answer, csv, blobs):
    with pytest.raises(ValueError, match="prior is not defined for structure 'EVV'") as raised:
        GaussianMixtureSearch(1, structures="EVV", prior="weak").fit(blobs)
    assert refused("fit", csv, "--structure", "EVV", "--prior", "weak") == f"{csv}: {raised.value}"
    found = answer(csv, "--components", 1, "--prior", "weak")
    assert names(found) == [one.public_name for one in STRUCTURES if one.takes_prior]


def test_json_has_null_for_what_is_no_number(capsys):
    outputs.print_json({"a": [float("nan"), {"b": -np.inf}], "c": 1.5, "d": "nan"})
    assert json.loads(capsys.readouterr().out) == {"a": [None, {"b": None}], "c": 1.5, "d": "nan"}


# --- Outputs ----------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_written_is_named_before_anything_is_read(refused, monkeypatch, tmp_path, csv):
    missing = tmp_path / "no.csv"
    assert "could not be written: File name too long." in refused("fit", missing, "--out", tmp_path / ("x" * 300))
    assert "is a device or a pipe, and no file" in refused("fit", missing, "--out", "/dev/null", "--force")
    assert "is the table itself" in refused("fit", csv, "--out", csv, "--force")

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("gaussmix.atomic_file._temporary_file", read_only)
    sentence = refused("fit", missing, "--out", tmp_path / "m.gmx")
    assert sentence == f"{tmp_path / 'm.gmx'} could not be written: Read-only file system."


def test_an_interrupted_search_is_printed_as_unfinished(gaussmix, after_passes):
    after_passes(150, press_ctrl_c)
    result = gaussmix("fit", FAITHFUL, "--components", "1:5", "--structure", "full,tied,EEI")
    assert re.search(r"\nUnfinished: Ctrl-C ended the search after \d+ models\.\nBest by BIC: ", result.stdout)


def test_how_the_table_was_read_is_said_unless_quiet(gaussmix, tmp_path, blobs):
    path = tmp_path / "rows.csv"
    path.write_text("a;b;c\n" + "".join(f"{a};{b};x\n" for a, b in blobs))
    run = ("fit", path, "--components", "1:3", "--structure", "diag")
    said = gaussmix(*run).stderr.splitlines()
    assert said[0] == f"Note: {path} is read with --separator ';'."
    assert said[1] == "Warning: Column 'c' (the text 'x' in line 2) is left out: it holds no numbers."
    assert gaussmix(*run, "--quiet").stderr.splitlines() == said[1:]
    found = json.loads(gaussmix(*run, "--json").stdout)
    assert (found["notes"], found["warnings"]) == (
        [said[0].removeprefix("Note: ")],
        [said[1].removeprefix("Warning: ")],
    )


def test_brief_output_has_neither_the_other_models_nor_correlations(done, csv):
    run = ("fit", csv, "--components", "2", "--structure", "full")
    text, brief = done(*run), done(*run, "--brief")
    assert set(brief.splitlines()) < set(text.splitlines())
    assert "BIC of K components" not in brief
    assert "correlation" not in brief
    assert "Best by BIC: full, 2 components" in brief


@pytest.mark.parametrize(
    ("given", "usual"),
    [
        (("--structure", "vvv,Tied,eii"), ("--structure", "VVV,tied,EII")),
        (("--structure", "ALL"), ("--structure", "all")),
        (("--criterion", "Icl", "--structure", "diag"), ("--criterion", "icl", "--structure", "diag")),
        (("--prior", "Weak", "--structure", "diag"), ("--prior", "weak", "--structure", "diag")),
    ],
)
def test_upper_and_lower_case_are_the_same(answer, csv, given, usual):
    one, other = answer(csv, *QUICK, *given), answer(csv, *QUICK, *usual)
    for model in [one["best"], other["best"], *one["table"], *other["table"]]:
        del model["seconds"]
    assert one == other


def test_help_names_the_structures_and_shows_switches_without_values(done):
    text = done("fit", "-h")
    assert all(structure.public_name in text for structure in STRUCTURES)
    lines = {line.split()[1]: line for line in text.splitlines() if line.startswith("│ --")}
    for name in ("--json", "--force", "--drop-missing", "--equal-weights", "--quiet"):
        assert "<bool>" not in lines[name]
