import io
import json

import numpy as np
import polars as pl
import pytest

from gaussmix import Mixture, load, save
from gaussmix.cli import models


def table(text):
    return pl.read_csv(io.StringIO(text))


def test_a_model_goes_from_fit_to_every_command(done, tmp_path, csv, blobs):
    out = tmp_path / "round.gmx"
    fitted = json.loads(done("fit", csv, "--components", 2, "--structure", "full", "--out", out, "--json"))
    shown = json.loads(done("show", out, "--json"))
    assert shown == {"n_components": 2, "features": ["width", "height"], "parameters": fitted["parameters"]}
    score = json.loads(done("score", out, csv, "--json"))
    assert score["log_likelihood"] == pytest.approx(fitted["best"]["log_likelihood"], rel=1e-12)
    labels = table(done("predict", out, csv))["component"].to_numpy()
    assert labels.tolist() == load(out).predict(blobs).tolist()
    drawn = table(done("sample", out, "-n", 10, "--seed", 1, "--component"))
    rows, components = load(out).sample(10, random_state=1, return_components=True)
    np.testing.assert_array_equal(drawn.select("width", "height").to_numpy(), rows)
    assert drawn["component"].to_list() == components.tolist()


def test_predict_gives_components_and_probabilities(done, model, mixture, csv, blobs):
    frame = table(done("predict", model, csv))
    assert frame.columns == ["row", "component", "p0", "p1"]
    assert frame["row"].to_list() == list(range(1, 61))
    np.testing.assert_allclose(frame.select("p0", "p1").to_numpy(), mixture.responsibilities(blobs), rtol=1e-12)
    assert frame["component"].to_list() == mixture.predict(blobs).tolist()


def test_columns_are_found_by_name_whatever_their_order(done, model, csv, tmp_path):
    swapped = tmp_path / "swapped.csv"
    pl.read_csv(csv).select("height", pl.lit("a").alias("note"), "width").write_csv(swapped)
    assert done("predict", model, swapped) == done("predict", model, csv)
    assert done("score", model, swapped) == done("score", model, csv)


def test_columns_of_other_names_can_be_named(done, model, csv, tmp_path):
    renamed = tmp_path / "renamed.csv"
    pl.read_csv(csv).select(pl.col("height").alias("h"), pl.col("width").alias("w")).write_csv(renamed)
    assert done("predict", model, renamed, "--columns", "w,h") == done("predict", model, csv)


def test_arrays_are_read_by_place_or_by_their_own_names(done, model, csv, tmp_path, blobs):
    np.save(tmp_path / "rows.npy", blobs)
    assert done("score", model, tmp_path / "rows.npy") == done("score", model, csv)
    save(Mixture([1.0], [[0.0]], [1.0], feature_names=["x1"]), tmp_path / "second.gmx")
    scores = table(done("score", tmp_path / "second.gmx", tmp_path / "rows.npy", "--per-row"))["log_density"]
    np.testing.assert_allclose(scores, Mixture([1.0], [[0.0]], [1.0]).logpdf(blobs[:, 1:]), rtol=1e-12)


def test_a_model_without_names_takes_all_columns(done, refused, mixture, csv, tmp_path, model):
    nameless = tmp_path / "nameless.gmx"
    save(Mixture(mixture.weights, mixture.means, mixture.covariances), nameless)
    assert done("predict", nameless, csv) == done("predict", model, csv)
    wide = tmp_path / "wide.csv"
    pl.read_csv(csv).with_columns(third=1.0).write_csv(wide)
    sentence = refused("predict", nameless, wide)
    assert "the model has 2 features, got 3 columns, 'width', 'height' and 'third'" in sentence
    assert done("predict", nameless, wide, "--columns", "width,height") == done("predict", model, csv)
    assert "  x1 " in done("show", nameless)
    assert table(done("sample", nameless, "-n", 1, "--component")).columns == ["x0", "x1", "component"]


def test_columns_that_the_model_lacks_are_named(refused, model, csv, tmp_path):
    path = tmp_path / "other.csv"
    pl.read_csv(csv).rename({"height": "size"}).write_csv(path)
    assert refused("predict", model, path) == (
        f"{path} lacks columns for the model's features 'height'; it has 'width' and 'size'. "
        "Say which columns hold the features with --columns."
    )


def test_predict_leaves_rows_with_missing_values_empty_if_asked(refused, done, model, mixture, tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("id,width,height\nA,1,2\nB,,3\nC,20,50\n")
    assert refused("predict", model, path, "--missing", "error") == (
        f"{path}: values are missing or infinite in column 'width' (1 row, first in line 3); "
        "leave those rows out with --missing drop, or fill them in first."
    )
    for command, result in (("predict", "component"), ("score", "log_density")):
        options = ("--per-row",) if command == "score" else ()
        frame = table(done(command, model, path, "--drop-missing", *options))
        assert frame["row"].to_list() == [1, 2, 3]
        assert frame[result].is_null().to_list() == [False, True, False]
        kept = table(done(command, model, path, "--drop-missing", "--keep", "height,id", *options))
        assert kept.columns[:3] == ["height", "id", result]
        assert kept["id"].to_list() == ["A", "B", "C"]
        whole = done(command, model, path, "--drop-missing", "--append", *options).splitlines()
        assert [line[: len(row)] for line, row in zip(whole, path.read_text().splitlines(), strict=True)] == (
            path.read_text().splitlines()
        )
    expected = mixture.logpdf([[1.0, 2.0], [20.0, 50.0]])
    np.testing.assert_allclose(frame["log_density"].drop_nulls(), expected, rtol=1e-12)


def test_score_counts_weights_as_repeated_rows(done, model, mixture, tmp_path, blobs):
    weights = np.arange(60) % 3
    pl.DataFrame({"width": blobs[:, 0], "height": blobs[:, 1], "w": weights}).write_csv(tmp_path / "weighted.csv")
    found = json.loads(done("score", model, tmp_path / "weighted.csv", "--weights", "w", "--json"))
    expected = mixture.logpdf(np.repeat(blobs, weights, axis=0))
    assert found == {
        "rows": 60,
        "weight": 60.0,
        "mean_log_density": pytest.approx(expected.mean(), rel=1e-12),
        "log_likelihood": pytest.approx(expected.sum(), rel=1e-12),
    }


def test_score_prints_rows_mean_and_sum(done, gaussmix, model, mixture, csv, blobs, tmp_path):
    lines = [line.split("  ") for line in done("score", model, csv).splitlines()]
    scores = mixture.logpdf(blobs)
    assert [line[0] for line in lines] == ["rows", "mean log-density", "log-likelihood"]
    assert lines[0][-1].strip() == "60"
    assert lines[1][-1] == f"{scores.mean():.6f} nats per row"
    assert lines[2][-1].strip() == f"{scores.sum():.4f} nats"
    holed = tmp_path / "holed.csv"
    holed.write_text(csv.read_text() + "1,\n")
    result = gaussmix("score", model, holed, "--drop-missing")
    assert result.stdout == done("score", model, csv)
    assert result.stderr == "Warning: 1 row with missing or infinite values left out.\n"


def test_score_per_row_gives_log_densities(done, model, mixture, csv, blobs, tmp_path):
    out = tmp_path / "scores.parquet"
    assert done("score", model, csv, "--per-row", "--out", out) == ""
    np.testing.assert_allclose(pl.read_parquet(out)["log_density"], mixture.logpdf(blobs), rtol=1e-12)
    frame = table(done("score", model, csv, "--per-row"))
    np.testing.assert_array_equal(frame["log_density"], pl.read_parquet(out)["log_density"])


@pytest.mark.parametrize("options", [("--out", "scores.csv"), ("--per-row", "--json")])
def test_options_of_score_that_exclude_each_other_are_wrong_usage(gaussmix, model, csv, options):
    result = gaussmix("score", model, csv, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--per-row" in result.stderr


def test_samples_differ_without_a_seed_and_agree_with_one(done, model):
    assert done("sample", model, "-n", 3) != done("sample", model, "-n", 3)
    assert done("sample", model, "-n", 3, "--seed", 4) == done("sample", model, "-n", 3, "--seed", 4)


def test_a_feature_may_be_called_component(done, tmp_path):
    save(Mixture([1.0], [[5.0]], [1e-12], feature_names=["component"]), tmp_path / "model.gmx")
    assert table(done("sample", tmp_path / "model.gmx", "-n", 2)).columns == ["component"]
    frame = table(done("sample", tmp_path / "model.gmx", "-n", 2, "--component"))
    assert frame.columns == ["component", "component_"]
    assert frame["component"].to_numpy() == pytest.approx(5.0, abs=1e-4)


@pytest.mark.parametrize("command", [("predict",), ("score", "--per-row"), ("sample", "-n", 2)])
def test_tables_replace_nothing_without_force(done, refused, model, csv, tmp_path, command):
    out = tmp_path / "out.csv"
    out.write_text("precious")
    name, *options = command
    run = (name, model, *([] if name == "sample" else [csv]), *options, "--out", out)
    assert "exists already and is left as it is; replace it with --force." in refused(*run)
    assert out.read_text() == "precious"
    assert done(*run, "--force") == ""
    assert len(pl.read_csv(out)) == (2 if name == "sample" else 60)


@pytest.mark.parametrize("command", ["predict", "sample"])
def test_tables_are_written_whole_or_not_at_all(refused, monkeypatch, model, csv, tmp_path, command):
    def full(*_):
        raise OSError(28, "No space left on device", "somewhere")

    files = sorted(tmp_path.iterdir())
    monkeypatch.setattr("pathlib.Path.hardlink_to", full)
    run = (command, model, *([csv] if command == "predict" else ["-n", 2]))
    sentence = refused(*run, "--out", tmp_path / "out.parquet")
    assert sentence.endswith("out.parquet could not be written: No space left on device.")
    assert sorted(tmp_path.iterdir()) == files


def test_a_table_that_appears_during_the_work_is_left_as_it_is(refused, monkeypatch, model, tmp_path):
    out = tmp_path / "out.csv"

    def meanwhile(path):
        out.write_text("somebody else's")
        return load(path)

    monkeypatch.setattr(models, "load", meanwhile)
    assert "exists already" in refused("sample", model, "-n", 2, "--out", out)
    assert out.read_text() == "somebody else's"


def test_a_table_needs_an_ending_that_can_be_written(refused, model, csv, tmp_path):
    assert "must end in .csv or .parquet" in refused("predict", model, csv, "--out", tmp_path / "out.xlsx")


def test_files_that_are_no_models_are_refused(refused, csv, tmp_path):
    assert "is not a gaussmix model" in refused("show", csv)
    for command in (("predict", csv), ("score", csv), ("sample", "-n", 1), ("show",)):
        name, *rest = command
        assert refused(name, tmp_path / "no.gmx", *rest) == f"There is no file {tmp_path / 'no.gmx'}."


def test_appended_columns_with_decimal_commas_are_numbers(done, model, tmp_path, csv):
    path = tmp_path / "europe.csv"
    rows = [line.split(",") for line in csv.read_text().splitlines()[1:4]]
    path.write_text("id;width;height\n" + "".join(f"0{i};{x};{y}\n" for i, (x, y) in enumerate(rows)).replace(".", ","))
    whole = table(done("predict", model, path, "--append"))
    assert whole.columns == ["id", "width", "height", "component", "p0", "p1"]
    np.testing.assert_array_equal(whole.select("width", "height").to_numpy(), np.array(rows, dtype=float))
    assert done("predict", model, path, "--keep", "height, width").startswith("height,width,component,")


def test_keep_and_append_exclude_each_other(refused, model, csv):
    sentence = refused("predict", model, csv, "--keep", "width", "--append")
    assert sentence == "--append writes all columns of the table; leave out --keep."
    assert "has no column 'depth'" in refused("predict", model, csv, "--keep", "depth")


def test_results_have_other_names_than_appended_columns(done, model, csv, tmp_path):
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    done("predict", model, csv, "--append", "--out", once)
    done("predict", model, once, "--append", "--out", twice)
    assert pl.read_csv(twice).columns == ["width", "height", "component", "p0", "p1", "component_", "p0_", "p1_"]
