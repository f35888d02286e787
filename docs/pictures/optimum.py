"""Draw the pictures of docs/finding-the-optimum.md: see make.py."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.mixture import GaussianMixture as ScikitLearnMixture
from style import BLUE, GREEN, INK, ORANGE, PALE, RED, WIDTH, bare, ellipses, minus, noted

from gaussmix import GaussianMixture, Mixture
from gaussmix.em import Fit, State, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting import Exploration, Problem, Stopping
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.schedule import SCHEDULE
from gaussmix.initialization import make_user_start, relative_ridge
from gaussmix.initialization.projection_pursuit import pursue_directions
from gaussmix.initialization.whitening import Whitening
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import named

TOL = 1e-4
SMALL_STEP = 1e-3  # at which scikit-learn stops
RISING = -5.35  # where the names of both ways stand
GRID_SEED, RACE_SEED = 35, 18
LOWEST = 4e-5  # density that is drawn; the rows are below it


# --- Pictures --------------------------------------------------------------------------------------------------------


def stretched() -> Figure:
    """Two long clusters, one above the other: what scikit-learn finds, and what gaussmix finds."""
    rows = long_clusters()
    models = {
        "scikit-learn": ScikitLearnMixture(2, random_state=0).fit(rows),
        "gaussmix": GaussianMixture(2, random_state=0).fit(rows),
    }
    figure, axes = plt.subplots(2, 1, figsize=(6.0, 5.8), layout="constrained")
    for ax, (name, model) in zip(axes, models.items(), strict=True):
        mixture = Mixture(model.weights_, model.means_, model.covariances_)
        ax.scatter(*rows.T, s=6, c=np.array([BLUE, ORANGE])[mixture.predict(rows)], alpha=0.6, linewidths=0)
        ellipses(ax, mixture, [INK] * 2)
        bare(ax, (-17, 17), (-4.5, 10.5))
        ax.set_title(f"{name}: log-likelihood {minus(model.score(rows))} per row")
    return figure


def plateau() -> Figure:
    """The log-likelihood on the way from a k-means start, with and without acceleration."""
    rows = long_clusters()
    source, m_step = problem(rows)
    start = make_user_start("kmeans", source, 2, m_step, np.random.default_rng(0))
    plain, accelerated = (way(source, start, m_step, accelerate=accelerate) for accelerate in (False, True))
    best = GaussianMixture(2, random_state=0).fit(rows).score(rows)
    small = int(np.flatnonzero(np.diff(plain[1]) < SMALL_STEP)[0]) + 1

    figure, ax = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
    ax.axhline(best, color=PALE, linewidth=1, linestyle=(0, (4, 3)))
    noted(ax, "the result of the default fit", (plain[0][-1] / 2, best), (0, -5), va="top", ha="center")
    ways = ((plain, ORANGE, "plain EM", "right"), (accelerated, BLUE, "accelerated EM", "left"))
    for (passes, values), colour, name, ha in ways:
        ax.plot(passes, values, color=colour, linewidth=2)
        ax.plot(passes[-1], values[-1], "o", color=colour, markersize=7)
        at = (float(np.interp(RISING, values, passes)), RISING)
        noted(ax, name, at, (8 if ha == "left" else -8, 0), ha=ha)
    at = (plain[0][small], plain[1][small])
    ax.plot(*at, "X", color=RED, markersize=10)
    noted(ax, "a step of less than 0.001: scikit-learn stops here", at, (8, -12), va="top")
    ax.set(xlabel="passes over the rows", ylabel="log-likelihood per row", ylim=(-5.69, -5.07))
    return figure


def pursuit() -> Figure:
    """White rows in two of their columns, where nothing shows, and along the directions of least kurtosis."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    rows = rng.normal(size=(1000, 30))
    rows[:, 0] += 6 * labels
    weights = np.ones(len(rows))
    white = (
        Whitening.along_principal_axes(rows, weights, 1.0).transform(rows) @ np.linalg.qr(rng.normal(size=(30, 30)))[0]
    )
    views = {
        "two of the thirty columns": white[:, :2],
        "along the pursued directions": white @ pursue_directions(white, weights, 2, rng),
    }
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.0), layout="constrained")
    for ax, (name, view) in zip(axes, views.items(), strict=True):
        ax.scatter(*view.T, s=6, c=np.array([BLUE, ORANGE])[labels], alpha=0.6, linewidths=0)
        bare(ax, (-3.6, 3.6), (-3.6, 3.6))
        ax.set(title=name, xlabel=f"kurtosis from left to right: {minus(float((view[:, 0] ** 4).mean()) - 3.0)}")
    return figure


def grid() -> Figure:
    """Twenty-five clusters: what scikit-learn finds from one k-means start, and what gaussmix finds."""
    centres = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2)
    rows = Mixture(np.full(25, 1 / 25), centres, np.full(25, 0.1**2)).sample(1500, random_state=GRID_SEED)
    models = {
        "scikit-learn": ScikitLearnMixture(25, random_state=GRID_SEED).fit(rows),
        "gaussmix": GaussianMixture(25, random_state=GRID_SEED).fit(rows),
    }
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.1), layout="constrained")
    for ax, (name, model) in zip(axes, models.items(), strict=True):
        mixture = Mixture(model.weights_, model.means_, model.covariances_)
        ax.scatter(*rows.T, s=4, color=PALE, alpha=0.7, linewidths=0)
        ellipses(ax, mixture, [RED if out else BLUE for out in out_of_place(mixture)], deviations=2.5)
        bare(ax, (-0.6, 4.6), (-1.0, 4.6))
        ax.set_title(f"{name}: {minus(model.score(rows))} per row")
    return figure


@dataclass(frozen=True, eq=False)
class Watched(Runs):
    """Runs that are kept: that of plain k-means, those of the starts that race, and those after moves."""

    plain: list[Fit] = field(default_factory=list)
    racers: list[Fit] = field(default_factory=list)
    moved: list[Fit] = field(default_factory=list)

    def _run(self, source: Source, start: Mixture | Fit, max_iter: int, **options: Any) -> Fit:  # noqa: ANN401 - as they are
        return self._keep(start, max_iter, super()._run(source, start, max_iter, **options))

    def rerun(self, source: Source, start: Mixture | Fit, max_iter: int) -> Fit:
        """Return the run to a limit."""
        return self._keep(start, max_iter, super().rerun(source, start, max_iter))

    def _keep(self, start: Mixture | Fit, max_iter: int, fit: Fit) -> Fit:
        """Return a fit after it is in its list."""
        for runs in (self.plain, self.racers, self.moved):
            if any(run is start for run in runs):
                runs[:] = [fit if run is start else run for run in runs]
                return fit
        begun = {0: self.racers, self.stopping.max_iter: self.plain}
        begun.get(max_iter, self.moved).append(fit)
        return fit


def race() -> Figure:
    """Draw the log-likelihood of each start of an exploration over its steps, and of the moves from the best."""
    rng = np.random.default_rng(RACE_SEED)
    halves = rng.normal(size=(10, 2, 2))
    covariances = halves @ halves.transpose(0, 2, 1) / 2 + 0.1 * np.eye(2)
    truth = Mixture(rng.dirichlet(np.full(10, 5.0)), 4 * rng.normal(size=(10, 2)), covariances)
    source, m_step = problem(truth.sample(1000, random_state=RACE_SEED))
    one_by_one = replace(SCHEDULE, n_side_by_side=0)  # as on larger tables
    runs = Watched(Problem.of(source, 10, m_step), Stopping(TOL, max_iter=100), one_by_one)
    exploration = Exploration(runs.problem, runs.stopping, schedule=one_by_one)
    exploration.explore(np.random.default_rng(RACE_SEED), runs)

    figure, ax = plt.subplots(figsize=(WIDTH, 4.2), layout="constrained")
    (plain,), best = runs.plain, max(runs.racers, key=lambda fit: fit.history[-1])
    for fit in runs.racers:
        if fit is not best:
            ax.plot(fit.history, color=PALE, linewidth=1.2)
            ax.plot(len(fit.history) - 1, fit.history[-1], "x", color=INK, markersize=6, zorder=4)
    for fit, colour in ((plain, GREEN), (best, BLUE)):
        ax.plot(fit.history, color=colour, linewidth=2, zorder=3)
        ax.plot(len(fit.history) - 1, fit.history[-1], "o", color=colour, markersize=7, zorder=4)
    first, value = len(best.history) - 1, best.history[-1]
    noted(ax, "the best of ten starts", (first, value), (0, 8), ha="center")
    for fit in runs.moved:
        steps, better = np.arange(first, first + len(fit.history)), fit.history[-1] > value + runs.schedule.better
        ax.plot(steps, fit.history, color=ORANGE, linewidth=2 if better else 1, zorder=3)
        ax.plot(steps[-1], fit.history[-1], *(("o",) if better else ("x",)), color=ORANGE if better else INK, zorder=4)
        if better:
            first, value = steps[-1], fit.history[-1]
    noted(ax, "after a split and a merge", (first, value), (6, 8), ha="right")
    noted(ax, "plain k-means", (len(plain.history) - 1, plain.history[-1]), (0, -16), ha="center")
    ax.plot([], [], "x", color=INK, label="given up")
    ax.legend(loc="lower right", handletextpad=0.2)
    ax.set(xlabel="EM steps", ylabel="log-likelihood per row")
    ax.margins(y=0.1)
    return figure


def collapse() -> Figure:
    """A component on one row alone: a spike, and held open."""
    rows = np.append(np.random.default_rng(0).normal(size=100), 12.0)[:, None]
    theirs = ScikitLearnMixture(2, random_state=0).fit(rows)
    ours = GaussianMixture(2, random_state=0).fit(rows)
    along = np.unique(np.concatenate([np.linspace(-5, 18, 5000), 12.0 + np.linspace(-0.01, 0.01, 401)]))
    figure, ax = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
    for model, colour, width in ((theirs, ORANGE, 4.5), (ours, BLUE, 2.0)):
        density = np.exp(model.score_samples(along[:, None]))
        ax.plot(along, np.where(density > LOWEST, density, np.nan), color=colour, linewidth=width)
    ax.plot(rows[:, 0], np.full(len(rows), 1.8e-5), "|", color=INK, markersize=9, markeredgewidth=0.9, zorder=3)
    noted(ax, "one row", (12, 1.8e-5), (-8, 0), ha="right", va="center")
    noted(ax, "100 rows", (2.0, 1.8e-5), (8, 0), va="center")
    noted(ax, "scikit-learn: a spike, whose\nheight depends on reg_covar", (12, 1), (-8, 0), ha="right", va="center")
    noted(ax, "gaussmix: regularized", (12.8, 1e-3), (8, 0), va="center")
    ax.set(yscale="log", ylim=(1e-5, 20), xlim=(-5, 18.5), xticks=range(-4, 17, 4), xlabel="x", ylabel="density")
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "stretched": stretched,
    "plateau": plateau,
    "pursuit": pursuit,
    "grid": grid,
    "race": race,
    "collapse": collapse,
}


# --- Rows ------------------------------------------------------------------------------------------------------------


def long_clusters() -> np.ndarray:
    """Two clusters, five times as wide as they are high, one six deviations above the other."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    return np.column_stack([5 * rng.normal(size=1000), rng.normal(size=1000) + 6 * labels])


# --- Runs ------------------------------------------------------------------------------------------------------------


def problem(rows: np.ndarray) -> tuple[ArraySource, MStep]:
    """The rows and the model, as the estimator has them by default."""
    source = ArraySource(rows)
    return source, MStep(named("full", rows.shape[1]), relative_ridge(source))


def way(source: ArraySource, start: Mixture, m_step: MStep, *, accelerate: bool) -> tuple[list[int], list[float]]:
    """Passes and log-likelihoods per row, from the start to the end."""
    passes = [0]

    def watch(state: State, _gain: float) -> None:
        passes.append(state.n_passes)

    fit = run(source, start, m_step, tol=TOL, max_iter=1000, accelerate=accelerate, watch=watch)
    return passes, list(fit.history)


def out_of_place(mixture: Mixture) -> np.ndarray:
    """Return the components that cover several clusters of the grid, or a part of a cluster."""
    widest = np.linalg.eigvalsh(mixture.covariances.dense(*mixture.means.shape))[:, -1]
    return (widest > 0.2**2) | (np.abs(mixture.weights - 1 / 25) > 1 / 75)
