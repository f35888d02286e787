"""Draw the pictures of docs/finding-the-optimum.md: see make.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.mixture import GaussianMixture as ScikitLearnMixture
from style import BLUE, INK, ORANGE, PALE, RED, WIDTH, bare, ellipses, minus, noted

from gaussmix import GaussianMixture, Mixture
from gaussmix.em import Fit, State, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting import Exploration, Problem, Stopping
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.schedule import SCHEDULE
from gaussmix.initialization import make_user_start, relative_ridge
from gaussmix.initialization.projection_pursuit import pursue_directions
from gaussmix.initialization.whitening import Whitening
from gaussmix.sources import ArraySource
from gaussmix.structures import named

TOL = 1e-4
SMALL_STEP = 1e-3  # at which scikit-learn stops
BETTER = 1e-3  # by which a move is better
FIRST = 1  # values in the history of a start
RISING = -5.35  # where the names of both ways stand
GRID_SEED, RACE_SEED = 35, 122
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
    """Runs that are kept."""

    kept: list[Fit] = field(default_factory=list)

    def _run(self, *arguments: Any, **options: Any) -> Fit:  # noqa: ANN401 - as they are
        fit = super()._run(*arguments, **options)
        self.kept.append(fit)
        return fit


def race() -> Figure:
    """The log-likelihood of each start of an exploration over its steps, and what moves make of the best."""
    rng = np.random.default_rng(RACE_SEED)
    halves = rng.normal(size=(6, 2, 2))
    covariances = halves @ halves.transpose(0, 2, 1) / 2 + 0.1 * np.eye(2)
    truth = Mixture(rng.dirichlet(np.full(6, 5.0)), 2.5 * rng.normal(size=(6, 2)), covariances)
    source, m_step = problem(truth.sample(1000, random_state=RACE_SEED))
    one_by_one = replace(SCHEDULE, n_side_by_side=0)  # as on larger tables
    watched = Watched(Problem.of(source, 6, m_step), Stopping(TOL, max_iter=100), one_by_one)
    Exploration(watched.problem, watched.stopping, schedule=one_by_one).explore(
        np.random.default_rng(RACE_SEED), watched
    )
    racers, moves = told_apart(watched.kept)

    figure, ax = plt.subplots(figsize=(WIDTH, 4.2), layout="constrained")
    best = max(racers, key=lambda fit: fit.history[-1])
    for fit in racers:
        winner = fit is best
        ax.plot(fit.history, color=BLUE if winner else PALE, linewidth=2 if winner else 1.2, zorder=2 + winner)
        if not winner:
            ax.plot(len(fit.history) - 1, fit.history[-1], "x", color=INK, markersize=6, zorder=4, clip_on=False)
    first, value = len(best.history) - 1, best.history[-1]
    ax.plot(first, value, "o", color=BLUE, markersize=7, zorder=4)
    noted(ax, "the best of ten starts", (first, value), (-8, 4), ha="right", va="bottom")
    noted(ax, "a move: two components\nmerged, a third split", (first, moves[0].history[0]), (10, -3), va="top")
    for fit in moves:
        steps = np.arange(first, first + len(fit.history))
        if fit.history[-1] < value + BETTER:
            ax.plot(steps, fit.history, color=PALE, linewidth=1.2)
            ax.plot(steps[-1], fit.history[-1], "x", color=INK, markersize=6, zorder=4, clip_on=False)
            continue
        ax.plot([first, first], [value, fit.history[0]], color=ORANGE, linewidth=1.2, linestyle=":")
        ax.plot(steps, fit.history, color=ORANGE, linewidth=2, zorder=3)
        first, value = steps[-1], fit.history[-1]
        ax.plot(first, value, "o", color=ORANGE, markersize=7, zorder=4)
    ax.plot([], [], "x", color=INK, label="given up")
    ax.legend(loc="upper left", handletextpad=0.2)
    ax.set_xscale("function", functions=(np.sqrt, np.square))
    last = int(ax.dataLim.x1)
    ax.set(xlabel="steps", ylabel="log-likelihood per row", xticks=[0, 1, 2, 5, *range(10, last + 1, 10)])
    ax.set_xlim(0, 1.05 * last)
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


def told_apart(kept: Sequence[Fit]) -> tuple[list[Fit], list[Fit]]:
    """The runs of the starts and those of the moves, each as far as it went."""
    n_starts = next(i for i, fit in enumerate(kept) if len(fit.history) > FIRST)
    runs: list[Fit] = []
    for fit in kept:
        before = [run for run in runs if fit.history[: len(run.history)] == run.history]
        if before:
            runs[runs.index(before[0])] = fit
        else:
            runs.append(fit)
    return runs[:n_starts], runs[n_starts:]


def out_of_place(mixture: Mixture) -> np.ndarray:
    """Return the components that cover several clusters of the grid, or a part of a cluster."""
    widest = np.linalg.eigvalsh(mixture.covariances.dense(*mixture.means.shape))[:, -1]
    return (widest > 0.2**2) | (np.abs(mixture.weights - 1 / 25) > 1 / 75)
