import io
import re

import numpy as np
import pytest
from rich.console import Console

from gaussmix import Diagonal, Full, Mixture, Tied, save
from gaussmix.cli import console, progress


@pytest.fixture
def shown(done, tmp_path):
    def run(mixture):
        save(mixture, tmp_path / "shown.gmx", overwrite=True)
        return done("show", tmp_path / "shown.gmx")

    return run


def lines(text):
    return [line.split() for line in text.splitlines() if line.strip()]


def test_few_features_come_with_a_line_for_each_pair(shown, mixture):
    assert lines(shown(mixture)) == [
        ["2", "components,", "2", "features:", "width,", "height"],
        ["component", "0", "1"],
        ["weight", "0.250", "0.750"],
        ["mean"],
        ["width", "0.00", "20.00"],
        ["height", "0.00", "50.00"],
        ["standard", "deviation"],
        ["width", "1.00", "1.41"],
        ["height", "2.00", "1.73"],
        ["correlation"],
        ["width,", "height", "0.25", "0.00"],
    ]


def test_no_correlations_are_shown_where_there_are_none(shown):
    text = shown(Mixture([0.5, 0.5], np.zeros((2, 5)), Diagonal.from_covariances(np.ones((2, 5)))))
    assert "orrelation" not in text


def test_many_features_come_with_a_triangle_for_each_component(shown):
    dense = np.tile(np.eye(4), (2, 1, 1))
    dense[1, 2, 0] = dense[1, 0, 2] = -0.333
    dense[0, 3, 0] = dense[0, 0, 3] = -0.001
    text = shown(Mixture([0.5, 0.5], np.zeros((2, 4)), Full.from_covariances(dense)))
    _, first, second = text.split("Correlations in ")
    assert lines(first)[:5] == [
        ["component", "0"],
        ["x0", "x1", "x2"],
        ["x1", "0.00"],
        ["x2", "0.00", "0.00"],
        ["x3", *["0.00"] * 3],
    ]
    assert lines(second)[3] == ["x2", "-0.33", "0.00"]


def test_shared_correlations_are_shown_once(shown):
    dense = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    text = shown(Mixture([0.5, 0.5], np.zeros((2, 4)), Tied.from_covariances(dense)))
    _, triangle = text.split("Correlations in every component\n")
    assert triangle.split().count("0.50") == 6


def test_wide_tables_are_wrapped_and_nothing_is_lost(shown):
    rng = np.random.default_rng(0)
    factors = np.tril(rng.normal(size=(9, 10, 10))) + 3 * np.eye(10)
    means = 1e4 * rng.normal(size=(9, 10))
    names = [f"measurement_{i}" for i in range(10)]
    text = shown(
        Mixture(np.full(9, 1 / 9), means, Full.from_covariances(factors @ factors.swapaxes(1, 2)), feature_names=names)
    )
    _, *body = text.splitlines()
    assert max(map(len, body)) <= 80
    headers = [line.split()[1:] for line in body if line.startswith("component")]
    assert [header for panel in headers for header in panel] == [str(k) for k in range(9)]
    assert len(headers) > 1
    assert "…" not in text
    words = text.split()
    for mean in means.flat:
        assert any(word in words for word in (f"{mean:.1f}", f"{mean:.2f}"))


@pytest.mark.parametrize(
    ("mean", "sd", "texts"),
    [
        (123456.7, 1234.5, ["123457", "1234"]),
        (1e8 + 0.25, 1.0, ["100000000.25", "1.00"]),
        (3.0e-7, 4.0e-8, ["3.000e-07", "4.000e-08"]),
        (2.5e9, 1e8, ["2.500e+09", "1.000e+08"]),
        (1.5, 1e-5, ["1.5000000", "0.0000100"]),
    ],
)
def test_numbers_have_three_digits_of_the_deviation(shown, mean, sd, texts):
    words = shown(Mixture([1.0], [[mean]], [sd**2])).split()
    assert all(text in words for text in texts), words


def test_a_deviation_far_below_the_others_is_not_shown_as_zero(shown):
    words = shown(Mixture(np.full(3, 1 / 3), np.zeros((3, 1)), [1.0, 1.0, 1e-10])).split()
    assert {"1.0000000", "0.0000100"} <= set(words)


def test_numbers_of_a_line_have_one_format(shown):
    text = shown(Mixture([0.5, 0.4999, 0.0001], [[-1.0], [2.6e-3], [3.0]], [1.0, 4.0, 2.0]))
    weights, means, sds = (line for line in lines(text) if len(line) == 4 and line[0] != "component")
    assert weights == ["weight", "0.500000", "0.499900", "0.000100"]
    assert means == ["x0", "-1.00", "0.00", "3.00"]
    assert sds == ["x0", "1.00", "2.00", "1.41"]


def test_names_cannot_steer_the_terminal(shown):
    text = shown(Mixture([1.0], [[0.0]], [1.0], feature_names=["\x1b[2Jgone [red]x"]))
    assert "\x1b" not in text
    assert "?[2Jgone [red]x" in text


RUN = ("--components", "1:3", "--structure", "diag,spherical", "--n-init", 1)


def test_progress_is_a_bar_in_a_terminal(monkeypatch, gaussmix, csv):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "stream", lambda **_: terminal)
    gaussmix("fit", csv, *RUN)
    evaluations = 2 * (3 + 2 + 3 + 3)  # up over three numbers of components, down over two, nested models, many starts
    assert f"{evaluations}/{evaluations}" in screen.getvalue()
    assert "Fitted spherical, 3 components " in screen.getvalue()
    assert "about 0 s left" in screen.getvalue()
    screen.truncate(0)
    gaussmix("fit", csv, *RUN, "--quiet")
    assert "Fitted" not in screen.getvalue()


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(monkeypatch, gaussmix, csv):
    assert gaussmix("fit", csv, *RUN).stderr == ""
    monkeypatch.setattr(progress, "_SECONDS", 1e-4)
    lines = gaussmix("fit", csv, *RUN).stderr.splitlines()
    assert re.fullmatch(r"Fitting: \d+ of 22 models in 1 s(, about [01] s left)?(, \w+, \d components?)?", lines[-1])
    assert gaussmix("fit", csv, *RUN, "--quiet").stderr == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (99, "99 s"), (101, "2 min"), (7200, "2.0 h")])
def test_durations_are_in_the_unit_that_fits(seconds, text):
    assert progress._duration(seconds) == text


def test_many_names_are_wrapped(shown):
    names = [f"measurement_{i}" for i in range(40)]
    text = shown(Mixture([1.0], np.zeros((1, 40)), Diagonal.from_covariances(np.ones((1, 40))), feature_names=names))
    head = text.partition("component  ")[0]
    assert max(map(len, head.splitlines())) <= 80
    assert all(name in head for name in names)


def test_brief_output_has_no_correlations(done, tmp_path, mixture):
    save(mixture, tmp_path / "m.gmx")
    assert "correlation" in done("show", tmp_path / "m.gmx")
    assert "correlation" not in done("show", tmp_path / "m.gmx", "--brief")


@pytest.mark.parametrize(("room", "sizes"), [(80, [7]), (62, [4, 3]), (39, [4, 3]), (37, [3, 2, 2]), (1, [1] * 7)])
def test_columns_are_spread_evenly_over_panels(room, sizes):
    widths = [7, 7, 9, 7, 7, 7, 7]
    panels = console._panels(widths, room)
    assert [len(panel) for panel in panels] == sizes
    assert [c for panel in panels for c in panel] == list(range(7))
