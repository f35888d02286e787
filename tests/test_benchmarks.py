"""The benchmarks compare like with like, and the page says what their results say."""

import copy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images

ROOT = str(Path(__file__).parents[1])
sys.path.insert(0, ROOT)
from benchmarks import page, slopes  # noqa: E402 - they are no part of the package
from benchmarks.experiments import EXPERIMENTS, fit, many, screening, startup  # noqa: E402
from benchmarks.experiments.experiment import run_in_process  # noqa: E402
from benchmarks.limits import DTYPES, OPERATIONS, Limits  # noqa: E402
from benchmarks.measure import Line, Measured, log_likelihood  # noqa: E402
from benchmarks.peers import PEERS  # noqa: E402
from benchmarks.results import Results  # noqa: E402
from benchmarks.tables import digits, losses, row, times  # noqa: E402
from benchmarks.workloads import DATA, Workload  # noqa: E402

sys.path.remove(ROOT)
from gaussmix import Full, Mixture  # noqa: E402
from gaussmix.engines.fused import engine as fused  # noqa: E402
from gaussmix.moments import FULL  # noqa: E402

INSTALLED = [peer for peer in PEERS.values() if peer.available()]
LIMITS = Limits(2, product=dict.fromkeys(DTYPES, 1e9), exponentials=dict.fromkeys(DTYPES, 1e6))
LINE = Line(
    Workload("full", 1_000, 4, 3),
    {"gaussmix": Measured((0.25, 0.5, 0.125), 2, 1.0, -1.0), "oneDAL": Measured((0.125, 0.25, 0.0625), 2, 2.0, -1.0)},
)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "kind"), [(peer.name, kind) for peer in INSTALLED for kind in peer.covariance_types])
def test_every_library_goes_the_same_way(name, kind, data):
    workload = Workload(kind, 2_000, 3, 4, data)
    rows, start = workload.draw()
    begin = copy.deepcopy((rows, start.weights, start.means, start.covariances))
    ours, theirs = (one.fit(rows, kind, start, 3) for one in (PEERS["gaussmix"], PEERS[name]))
    values = [log_likelihood(workload, fitted.parameters, rows) for fitted in (ours, theirs)]
    assert values[0] == pytest.approx(values[1], abs=1e-4)
    assert values[0] > log_likelihood(workload, start, rows)
    for now, before in zip((rows, start.weights, start.means, start.covariances), begin, strict=True):
        np.testing.assert_array_equal(now, before)  # the next library begins there too


@pytest.mark.parametrize("peer", INSTALLED, ids=lambda peer: peer.name)
def test_a_library_counts_the_iterations_that_were_asked_for(peer):
    rows, start = Workload("full", 2_000, 3, 4).draw()
    short, long = (peer.fit(rows, "full", start, n_iter).n_iter for n_iter in (1, 3))
    assert long - short == 2


def test_the_dense_limit_of_full_counts_products_and_sums():
    d = 5
    triangular = sum(2 * i + 1 for i in range(d))  # row i: i + 1 products, i sums
    symmetric = sum(2 * (i + 1) for i in range(d))  # row i: i + 1 products, i + 1 sums
    assert OPERATIONS["full"](d, 3) == pytest.approx(3 * (triangular + symmetric), rel=0.1)


def test_a_power_law_has_its_exponent():
    sizes = np.array([10.0, 30.0, 100.0])
    assert slopes.exponent(sizes, 0.2 * sizes**1.7) == pytest.approx(1.7)


def test_what_is_lost_is_told_and_in_bold():
    assert losses([LINE], ["gaussmix", "oneDAL"]) == [
        "full (1k, 4, 3), overlapping, float64: oneDAL takes 50% of gaussmix's time."
    ]
    assert "**0.125 (0.50" in row(times(["gaussmix", "oneDAL"], LIMITS), LINE)


def test_results_come_back_as_they_were_saved(tmp_path):
    results = Results({"libraries": {"gaussmix": "0"}}, LIMITS, [LINE])
    results.save(tmp_path / "new" / "grid.json")
    back = Results.load(tmp_path / "new" / "grid.json")
    assert row(times(["gaussmix"], back.limits), back.lines[0]) == row(times(["gaussmix"], LIMITS), LINE)


@pytest.mark.parametrize(("written", "made"), [(page.PAGE, page.parts), (page.README, page.short)])
def test_the_page_and_the_readme_say_what_their_results_say(written, made):
    text = written.read_text(encoding="utf-8")
    assert page.fill_parts(text, made(page.FOLDER)) == text


def test_the_picture_shows_its_results(tmp_path):
    """Up to what fonts of different versions change; a line in another place differs by more."""
    slopes.draw(Results.load(page.FOLDER / "slopes.json"), tmp_path / "slopes.png")
    assert compare_images(page.FOLDER / "slopes.png", tmp_path / "slopes.png", tol=1.0) is None


def test_the_page_does_without_experiments_that_were_not_made(tmp_path):
    for file in ("grid.json", "slopes.json", "fit.json"):
        shutil.copy(page.FOLDER / file, tmp_path)
    made = page.parts(tmp_path)
    assert "fit" in made
    assert made.keys() < page.parts(page.FOLDER).keys()


def test_a_page_without_the_place_for_a_part_is_refused():
    with pytest.raises(ValueError, match="must have the comments <!-- grid -->"):
        page.fill_parts("nothing", {"grid": "a table"})


def test_the_default_fits_are_compared_by_one_function(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)  # the process begins with it
    case = fit.Case(Workload("full", 2_000, 3, 2), 0)
    record = run_in_process(fit.measure, case)
    assert record.log_likelihood[0] == pytest.approx(record.log_likelihood[1], abs=1e-3)
    assert min(record.passes) > 1
    experiment = EXPERIMENTS["fit"]
    experiment.save(tmp_path / "new" / "fit.json", {"processor": "one"}, [record])
    machine, records = experiment.load(tmp_path / "new" / "fit.json")
    assert machine == {"processor": "one"}
    assert experiment.markdown(records) == experiment.markdown([record])
    assert f"| {case} |" in experiment.markdown(records)


def test_without_a_threshold_the_least_share_is_summed():
    """A component far from all rows has no share in a pass of ours, and a tiny one in that which leaves nothing out."""
    means = np.array([[0.0, 0.0], [3.0, 0.0], [12.0, 9.0]])
    mixture = Mixture(np.full(3, 1 / 3), means, Full.from_covariances(np.repeat(np.eye(2)[None], 3, axis=0)))
    rows = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    ways = screening.copy_kernels(screening.NO_THRESHOLD), fused.expect
    theirs, ours = (expect(mixture, rows, np.ones(500), FULL) for expect in ways)
    assert ours.mass[2] == 0 < theirs.mass[2] < 1e-16
    np.testing.assert_allclose(theirs.second, ours.second, rtol=1e-12, atol=1e-12)


def test_a_screened_pass_is_compared_with_passes_without_a_screen(monkeypatch):
    monkeypatch.setattr(screening, "copy_kernels", lambda _: fused.expect)  # the test above compiles it
    record = screening.measure(Workload("full", 2_000, 12, 6, "separated"), turns=2)
    assert record.difference == 0
    assert 0.5 < record.skipped < 1
    assert [len(times) for times in record.seconds] == [2, 2, 2, 2]


def test_processes_of_both_libraries_take_turns(monkeypatch):
    begun, seconds = [], iter([9.0, 9.0, 0.5, 1.0, 0.25, 0.75])
    monkeypatch.setattr(startup, "process", lambda module, path: begun.append((module, path.exists())) or next(seconds))
    record = startup.measure("iris", turns=2)
    assert begun == 3 * [(module, True) for module in startup.MODULES]
    assert record.seconds == ((0.5, 0.25), (1.0, 0.75))  # not those of the first two
    assert f"({digits(2.5, 2)}" in EXPERIMENTS["startup"].markdown([record])


@pytest.mark.parametrize("module", startup.MODULES)
def test_a_process_of_a_library_fits_the_rows_of_a_file(module, tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 2)))
    assert startup.process(module, tmp_path / "rows.npy") > 0


def test_very_many_components_end_near_where_dense_steps_do(monkeypatch):
    monkeypatch.setattr(many, "WARM", 100)
    workload = Workload("diag", 3_000, 3, 100, "separated")
    truncated, dense = (many.measure(many.Case(workload, name, same_start=True)) for name in ("truncated", "em"))
    assert truncated.log_likelihood == pytest.approx(dense.log_likelihood, abs=0.05)
    assert truncated.case.endswith("truncated")
