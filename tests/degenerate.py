"""Inputs that break fits of Gaussian mixtures, by name: rows, how to fit them, and what is to come of it.

Each entry makes a :class:`Case` anew, the same one every time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from gaussmix import Mixture

TYPES = ("full", "tied", "diag", "spherical")
STARTS = ("kmeans", "k-means++", "random_from_data", "random")


@dataclass(frozen=True, eq=False)
class Case:
    """One fit.

    Attributes
    ----------
    rows : array_like
        What is fitted.
    options : dict
        Arguments of the estimator.
    fit : dict
        Further arguments of its ``fit``.
    error : str
        A regular expression for the message of the error that wrong arguments raise; empty where the rows can be
        fitted.
    """

    rows: Any
    options: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    error: str = ""


Made = Callable[[], Case]


def with_holes(rows):
    """Rows in which a quarter of the values are missing; each row and each column keeps a value."""
    holes = np.random.default_rng(0).random(rows.shape) < 0.25
    holes[np.arange(len(rows)), np.arange(len(rows)) % rows.shape[1]] = False
    return np.where(holes, np.nan, rows)


def case(rows, n_components=2, *, sample_weight=None, error="", **options):
    fit = {} if sample_weight is None else {"sample_weight": sample_weight}
    return Case(rows, {"n_components": n_components, **options}, fit, error)


# --- Rows ------------------------------------------------------------------------------------------------------------


def noise(n=100, n_features=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_features))


def two_clusters(n=100, n_features=2, apart=8.0, seed=0):
    rows = noise(n, n_features, seed)
    rows[n // 2 :, 0] += apart
    return rows


def with_rows(rows, *others):
    """The rows, and others below them."""
    return np.concatenate([rows, *(np.atleast_2d(other) for other in others)])


def with_columns(rows, *others):
    return np.column_stack([rows, *others])


def one_far(distance, n_features=2):
    """Noise, and one row so many standard deviations away."""
    return with_rows(noise(n_features=n_features), np.full(n_features, distance))


def repeated(distinct, times):
    return np.repeat(np.asarray(distinct, dtype=float), times, axis=0)


def denormal(n=50, share=1.0):
    rows = two_clusters(n)
    tiny = np.arange(n) < share * n
    rows[tiny] *= 1e-310
    return rows


def zero_inflated(n=200):
    rows = two_clusters(n)
    rows[::2, 1] = 0.0
    return rows


def one_hot(n=90, n_features=4):
    return np.eye(n_features)[np.random.default_rng(0).integers(0, n_features, n)]


def binary(n=120, n_features=5):
    return (np.random.default_rng(0).random((n, n_features)) < 0.3).astype(float)


def heavy_counts(n=300):
    return np.floor(np.random.default_rng(0).pareto(0.8, size=(n, 2)) * 3)


def cauchy(n=300, n_features=2):
    return np.random.default_rng(0).standard_cauchy((n, n_features))


def exponential(n=300):
    return np.random.default_rng(0).exponential(size=(n, 2)) ** 3


def line(n=60):
    return np.outer(np.linspace(-1, 1, n), [1.0, 2.0, -3.0]) + 5


def circle(n=120):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def lattice(side=10):
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(float)


def neighbours(value, n=40):
    """Rows that are a rounding step apart."""
    steps = np.random.default_rng(0).integers(0, 2, (n, 2))
    return np.where(steps, np.nextafter(value, np.inf), value)


def pairs(n_pairs=6):
    """Clusters of two rows."""
    centres = np.random.default_rng(0).uniform(-50, 50, (n_pairs, 2))
    return with_rows(centres, centres + 0.01)


def read_only(rows):
    rows.flags.writeable = False
    return rows


def weights(n=100, *, of_rest=0.0, heavy=1.0, n_heavy=1):
    values = np.full(n, of_rest)
    values[:n_heavy] = heavy
    return values


# --- Cases -----------------------------------------------------------------------------------------------------------

EQUAL_ROWS: dict[str, Made] = {
    "all rows equal": lambda: case(np.full((30, 2), 3.7)),
    "all rows equal, one component": lambda: case(np.full((30, 2), 3.7), 1),
    "all rows equal and far from zero": lambda: case(np.full((30, 3), 1e12), 3),
    "all rows zero": lambda: case(np.zeros((20, 2)), 3),
    "all rows zero of either sign": lambda: case(np.where(np.arange(20)[:, None] % 2, 0.0, -0.0) * np.ones((20, 2))),
    "two rows": lambda: case([[0.0, 0.0], [1.0, 2.0]]),
    "two rows, one component": lambda: case([[0.0, 0.0], [1.0, 2.0]], 1),
    "two equal rows": lambda: case([[1.0, 2.0], [1.0, 2.0]]),
    "two rows of one feature": lambda: case([[0.0], [1.0]]),
    "as many components as rows": lambda: case(noise(8), 8),
    "as many components as rows, with duplicates": lambda: case(repeated(noise(4), 2), 8),
    "as many components as distinct rows": lambda: case(repeated(noise(5), 20), 5),
    "more components than distinct rows": lambda: case(repeated([[0, 0], [1, 1]], 10), 4),
    "one component more than distinct rows": lambda: case(repeated(noise(5), 20), 6),
    "duplicates of few points, fewer components": lambda: case(repeated(noise(6), 25), 3),
    "two rows often, one once": lambda: case(with_rows(repeated([[0, 0], [9, 9]], 50), [4.0, 5.0]), 3),
    "all rows equal but one": lambda: case(with_rows(np.zeros((60, 2)), [1.0, 1.0])),
    "a heap of 500 copies in noise": lambda: case(with_rows(noise(100) * 5, np.full((500, 2), 1.0)), 3),
    "a heap on a line in noise": lambda: case(with_rows(noise(100), with_columns(noise(50, 1), np.full(50, 2.0))), 3),
    "rows a rounding step apart at 1": lambda: case(neighbours(1.0)),
    "rows a rounding step apart at 1e8": lambda: case(neighbours(1e8)),
    "identical clusters": lambda: case(repeated(noise(40), 2), 4),
}

COLUMNS: dict[str, Made] = {
    "a constant column": lambda: case(with_columns(two_clusters(), np.full(100, 7.0))),
    "a constant column far from zero": lambda: case(with_columns(two_clusters(), np.full(100, 1e15))),
    "a constant column in tenths": lambda: case(with_columns(two_clusters(), np.full(100, 0.1))),
    "a column of zeros of either sign": lambda: case(with_columns(two_clusters(), np.tile([0.0, -0.0], 50))),
    "all columns constant but one": lambda: case(with_columns(two_clusters(n_features=1), np.ones((100, 4)))),
    "constant columns and no ridge": lambda: case(with_columns(two_clusters(), np.ones(100)), reg_covar=0),
    "two equal columns": lambda: case(two_clusters()[:, [0, 1, 0]]),
    "collinear columns": lambda: case(two_clusters() @ [[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]),
    "collinear columns of many units": lambda: case(two_clusters() @ [[1.0, 2e6, 0.0], [0.0, 0.0, 1e-6]]),
    "a column that is the sum of others": lambda: case(with_columns(two_clusters(), two_clusters().sum(axis=1))),
    "a column that is nearly the sum of others": lambda: case(
        with_columns(two_clusters(), two_clusters().sum(axis=1) + 1e-9 * noise(n_features=1)[:, 0])
    ),
    "compositions that sum to one": lambda: case(np.random.default_rng(0).dirichlet(np.ones(4), 100), 3),
    "collinear columns and no ridge": lambda: case(two_clusters() @ [[1.0, 2.0], [0.0, 0.0]], reg_covar=0),
    "one column constant within each cluster": lambda: case(with_columns(two_clusters(), np.repeat([0.0, 1.0], 50))),
    "one feature": lambda: case(two_clusters(n_features=1)),
    "one feature with ties": lambda: case(np.round(two_clusters(n_features=1), 0), 4),
    "one feature of two values": lambda: case(repeated([[0.0], [1.0]], 40), 3),
    "half a column zero": lambda: case(zero_inflated(), 3),
    "half a column zero, diagonal": lambda: case(zero_inflated(), 4, covariance_type="diag"),
    "one-hot columns": lambda: case(one_hot(), 4),
    "one-hot columns, more components than codes": lambda: case(one_hot(), 6),
    "binary data": lambda: case(binary(), 4),
    "one feature, equal volumes": lambda: case(np.round(two_clusters(n_features=1), 0), 4, covariance_type="E"),
}

FAR: dict[str, Made] = {
    **{f"one row {far:g} deviations away": partial(lambda far: case(one_far(far)), far) for far in (1e3, 1e6, 1e12)},
    "one row 1e100 deviations away": lambda: case(one_far(1e100)),
    "one row 1e100 deviations away, three components": lambda: case(one_far(1e100), 3),
    **{
        f"one row 1e6 deviations away, {name}": partial(lambda name: case(one_far(1e6), 3, covariance_type=name), name)
        for name in TYPES
    },
    "one row far in one feature of ten": lambda: case(with_rows(noise(n_features=10), 1e9 * np.eye(10)[3])),
    "a sentinel": lambda: case(with_rows(two_clusters(), [-999_999.0, -999_999.0]), 3),
    "a sentinel in one column": lambda: case(with_rows(two_clusters(), [-999_999.0, 0.0]), 3),
    "two sentinels": lambda: case(with_rows(two_clusters(), np.full((2, 2), -999_999.0)), 3),
    "a tenth sentinels": lambda: case(with_rows(two_clusters(), np.full((10, 2), -999_999.0)), 3),
    "opposite sentinels": lambda: case(with_rows(two_clusters(), [-1e6, -1e6], [1e6, 1e6]), 4),
    "clusters 1e6 apart": lambda: case(two_clusters(apart=1e6)),
    "clusters 1e12 apart": lambda: case(two_clusters(apart=1e12)),
    "more components than clusters 1e6 apart": lambda: case(two_clusters(apart=1e6), 5),
    "Cauchy rows": lambda: case(cauchy(), 4),
    "Cauchy rows, diagonal": lambda: case(cauchy(), 4, covariance_type="diag"),
    "Cauchy rows, one axis shared": lambda: case(cauchy(n_features=3), 4, covariance_type="VVE"),
    "exponential tails": lambda: case(exponential(), 4),
    "heavy counts": lambda: case(heavy_counts(), 4),
    "heavy counts, spherical": lambda: case(heavy_counts(), 4, covariance_type="spherical"),
}

SCALES: dict[str, Made] = {
    **{
        f"columns of scale {scale:g}": partial(lambda scale: case(scale * two_clusters()), scale)
        for scale in (1e149, 1e-150, 1e-160, 1e-200)
    },
    "columns of scales 1e149 and 1e-150": lambda: case(two_clusters() * [1e149, 1e-150]),
    "columns of scale 1e149, equal volumes": lambda: case(1e149 * two_clusters(), covariance_type="EVV"),
    "columns of scale 1e-150, equal volumes": lambda: case(1e-150 * two_clusters(), covariance_type="EVI"),
    "columns of scale 1e-150, shared axes": lambda: case(1e-150 * two_clusters(), covariance_type="VVE"),
    "columns of scale 1e-160, equal shapes": lambda: case(1e-160 * two_clusters(), covariance_type="VEE"),
    "columns of scales 1e149 and 1e-150, shared axes": lambda: case(
        two_clusters() * [1e149, 1e-150], covariance_type="EVE"
    ),
    "columns of scales 1e8 and 1e-8": lambda: case(two_clusters() * [1e8, 1e-8], 3),
    "columns of scales 1e8 and 1e-8, spherical": lambda: case(two_clusters() * [1e8, 1e-8], covariance_type="EII"),
    "all rows denormal": lambda: case(denormal()),
    "half the rows denormal": lambda: case(denormal(share=0.5)),
    "an offset of 1e8": lambda: case(two_clusters() + 1e8),
    "an offset of 1e15": lambda: case(two_clusters() + 1e15),
    "an offset of 1e15, one feature": lambda: case(two_clusters(n_features=1) + 1e15, 3),
    "offsets of each column's own": lambda: case(np.add(two_clusters(n_features=3), [1e8, -1e12, 0.0])),
    "offsets and scales of each column's own": lambda: case(two_clusters() * [1e-3, 1e5] + [1e8, -1e12]),
    "scattered by 1e-8 of the offset": lambda: case(two_clusters() * 1e-8 + 1.0, 3),
    "single precision, offset 1e6": lambda: case((two_clusters() + 1e6).astype(np.float32)),
    "single precision, scale 1e18": lambda: case((two_clusters() * 1e18).astype(np.float32)),
    "single precision, scale 1e-30": lambda: case((two_clusters() * 1e-30).astype(np.float32)),
}

KINDS_OF_ARRAY: dict[str, Made] = {
    **{
        f"rows of {kind}": partial(lambda kind: case(np.abs(np.round(two_clusters())).astype(kind)), kind)
        for kind in ("int64", "int8", "uint8", "float32", "float16")
    },
    "booleans": lambda: case(binary() > 0),
    "Fortran order": lambda: case(np.asfortranarray(two_clusters())),
    "every second column, backwards": lambda: case(two_clusters(n_features=6)[::-1, ::2]),
    "read-only rows": lambda: case(read_only(two_clusters())),
    "the wrong byte order": lambda: case(two_clusters().astype(">f8")),
    "objects that are numbers": lambda: case(two_clusters().astype(object)),
    "a list of lists": lambda: case(two_clusters(20).tolist()),
    "nested tuples": lambda: case(tuple(map(tuple, two_clusters(20).tolist()))),
    "a pandas frame of integers": lambda: case(pd.DataFrame(np.round(two_clusters()).astype(int), columns=["a", "b"])),
    "a pandas frame of mixed kinds": lambda: case(pd.DataFrame({"a": np.arange(40), "b": np.arange(40) % 3 > 0})),
}

SHAPES: dict[str, Made] = {
    "fewer rows than features": lambda: case(noise(6, 10)),
    "fewer rows than features, one component": lambda: case(noise(6, 10), 1),
    "fewer rows than features, no ridge, diagonal": lambda: case(noise(8, 10), 1, covariance_type="diag", reg_covar=0),
    "as many rows as features": lambda: case(noise(10, 10)),
    "20 components on 30 rows": lambda: case(noise(30), 20),
    "20 components on 30 rows, EM by hand": lambda: case(noise(30), 20, init_params=np.arange(30) % 20),
    **{
        f"50 features on 60 rows, {name}": partial(lambda name: case(noise(60, 50), 2, covariance_type=name), name)
        for name in TYPES
    },
    "50 features on 60 rows, 10 components": lambda: case(noise(60, 50), 10),
    "singleton clusters": lambda: case(1e3 * noise(7), 7),
    "singleton clusters beside a large one": lambda: case(with_rows(noise(), [50.0, 0.0], [0.0, 50.0]), 3),
    "clusters of two rows": lambda: case(pairs(), 6),
    "clusters of two rows, shared axes": lambda: case(pairs(), 6, covariance_type="EVE"),
    "rows on a line": lambda: case(line()),
    "rows on a line, equal shapes": lambda: case(line(), 3, covariance_type="VEV"),
    "rows on a circle": lambda: case(circle(), 6),
    "rows on a lattice": lambda: case(lattice(), 5),
    "rounded rows of few distinct values": lambda: case(np.round(noise(300)), 5),
    "sorted rows": lambda: case(np.sort(two_clusters(), axis=0), 3),
    "alternating rows": lambda: case(np.tile([[0.0, 0.0], [5.0, 1.0]], (50, 1)) + 1e-3 * noise(), 2),
    "twelve components on noise": lambda: case(noise(150), 12, n_init=3),
}

WEIGHTED: dict[str, Made] = {
    "most weights zero": lambda: case(two_clusters(), sample_weight=weights(heavy=1.0, n_heavy=8)),
    "weight on two rows alone": lambda: case(two_clusters(), sample_weight=weights(n_heavy=2)),
    "weights of 1e12": lambda: case(two_clusters(), sample_weight=np.full(100, 1e12)),
    "weights of 1e-12": lambda: case(two_clusters(), sample_weight=np.full(100, 1e-12)),
    "weights from 1e-200 to 1": lambda: case(two_clusters(), sample_weight=10.0 ** np.linspace(-200, 0, 100)),
    "denormal weights beside large": lambda: case(two_clusters(), sample_weight=np.tile([1e-310, 1.0], 50)),
    "one heavy weight": lambda: case(two_clusters(), 3, sample_weight=weights(of_rest=1.0, heavy=1e9)),
    "one far row of weight zero": lambda: case(one_far(1e100), sample_weight=weights(101, heavy=1.0, n_heavy=100)),
    "one far row of small weight": lambda: case(
        one_far(1e6), 3, sample_weight=np.append(np.ones(100), 1e-6), covariance_type="diag"
    ),
    "all rows equal, with weights": lambda: case(np.ones((20, 2)), sample_weight=np.arange(1, 21) / 7),
    "duplicates with weights": lambda: case(repeated(noise(3), 5), 4, sample_weight=np.arange(1, 16) / 3),
    "relative weights of 1e-320": lambda: case(
        two_clusters(), sample_weight=np.full(100, 1e-320), weights_are="relative"
    ),
    "relative weights of 1e300": lambda: case(
        two_clusters(), sample_weight=np.full(100, 1e300), weights_are="relative"
    ),
    "weights as integers": lambda: case(two_clusters(), sample_weight=np.arange(100) % 3),
}

OPTIONS: dict[str, Made] = {
    "duplicates and no ridge": lambda: case(repeated(noise(4), 20), 3, reg_covar=0),
    "all rows equal and no ridge": lambda: case(np.ones((20, 2)), reg_covar=0),
    "noise and no ridge": lambda: case(noise(), 4, reg_covar=0),
    "noise and no ridge, to the end": lambda: case(noise(60), 8, reg_covar=0, tol=1e-9, max_iter=1000),
    "rounded rows and no ridge": lambda: case(np.round(noise(100)), 4, reg_covar=0, covariance_type="diag"),
    "a singleton and no ridge": lambda: case(with_rows(noise(), [40.0, 40.0]), reg_covar=0),
    "a sentinel and no ridge, spherical": lambda: case(
        with_rows(two_clusters(), [-999_999.0, -999_999.0]), 3, reg_covar=0, covariance_type="spherical"
    ),
    "a huge ridge": lambda: case(two_clusters(), reg_covar=1e12),
    "a tiny ridge on duplicates": lambda: case(repeated(noise(4), 20), 4, reg_covar=1e-300),
    "equal weights on duplicates": lambda: case(repeated(noise(3), 20), 5, weights="equal"),
    "equal weights and a far row": lambda: case(one_far(1e6), 3, weights="equal"),
    **{
        f"duplicates from {start}": partial(lambda start: case(repeated(noise(3), 20), 5, init_params=start), start)
        for start in STARTS
    },
    **{
        f"a far row from {start}": partial(lambda start: case(one_far(1e9), 3, init_params=start, n_init=3), start)
        for start in STARTS
    },
    **{
        f"a far row from random rows, {name}": partial(
            lambda name: case(one_far(1e9), 3, init_params="random_from_data", n_init=3, covariance_type=name), name
        )
        for name in ("tied", "VEE", "VVE", "EVV")
    },
    **{
        f"all rows equal from {start}": partial(lambda start: case(np.ones((20, 2)), 3, init_params=start), start)
        for start in STARTS
    },
    "labels that leave a component empty": lambda: case(two_clusters(), 3, init_params=np.zeros(100, dtype=int)),
    "labels with a singleton": lambda: case(noise(), init_params=(np.arange(100) == 99).astype(int)),
    "equal responsibilities": lambda: case(noise(), 3, init_params=np.full((100, 3), 1 / 3)),
    "a start far from all rows": lambda: case(noise(), 2, means_init=[[1e8, 1e8], [1e9, -1e9]]),
    "a start of equal means": lambda: case(noise(), 3, means_init=np.zeros((3, 2))),
    "a start without weight for one": lambda: case(
        two_clusters(), init_params=Mixture([1.0, 0.0], [[0.0, 0.0], [8.0, 0.0]], [1.0, 1.0])
    ),
    **{
        f"a start that is a spike, {name}": partial(
            lambda name: case(
                two_clusters(),
                init_params=Mixture([0.5, 0.5], [[0.0, 0.0], two_clusters()[7]], [1.0, 1e-30]),
                covariance_type=name,
            ),
            name,
        )
        for name in ("full", "VEI", "VEV")
    },
    "no steps on duplicates": lambda: case(repeated(noise(3), 20), 4, max_iter=0),
    "one step on a far row": lambda: case(one_far(1e12), 3, max_iter=1),
    "many steps without tolerance": lambda: case(repeated(noise(5), 4), 3, tol=0, max_iter=300),
    "compiled, a far row": lambda: case(one_far(1e100), 3, engine="fused"),
    "holes": lambda: case(with_holes(two_clusters()), 2),
    "holes, and as many components as rows": lambda: case(with_holes(noise(6)), 6),
    "holes and a far row": lambda: case(with_holes(one_far(1e12)), 3),
    "holes and a very far row": lambda: case(with_holes(one_far(1e100)), 3),
    "holes among equal rows": lambda: case(with_holes(np.ones((60, 2))), 3),
    "each row misses a value": lambda: case(np.where(np.eye(2, dtype=bool)[np.arange(40) % 2], np.nan, noise(40)), 2),
    "a column that is observed once": lambda: case(np.column_stack([noise(40), [1.0, *[np.nan] * 39]]), 2),
    "holes in single precision": lambda: case(with_holes(two_clusters()).astype(np.float32), 2),
    "holes without ridge": lambda: case(with_holes(noise(30)), 3, reg_covar=0.0, prior=None),
    **{
        f"holes, {name}": partial(lambda name: case(with_holes(noise(40)), 3, covariance_type=name), name)
        for name in ("tied", "diag", "spherical", "EVE", "VEV")
    },
    "compiled, all rows equal": lambda: case(np.ones((600, 2)), 3, engine="fused"),
}

ERRORS: dict[str, Made] = {
    "a column of NaN": lambda: case(
        [[np.nan, 0.0], [np.nan, 2.0], [np.nan, 4.0]], error="all values in column 0 are missing; drop the column"
    ),
    "nothing but NaN": lambda: case(np.full((3, 2), np.nan), error="all values in columns 0, 1 are missing"),
    "NaN and truncated EM": lambda: case(
        [[np.nan, 0.0], [1.0, 2.0], [3.0, 4.0]],
        algorithm="truncated",
        error="needs complete rows",
    ),
    "infinity beside NaN": lambda: case([[np.inf, np.nan], [1.0, 2.0], [3.0, 4.0]], error="infinity in column 0"),
    "infinity": lambda: case([[np.inf, 0.0], [1.0, 2.0], [3.0, 4.0]], error="contains infinity"),
    "None for a column": lambda: case(np.array([[None, 0.0], [None, 2.0]]), error="values in column 0 are missing"),
    "complex numbers": lambda: case(two_clusters() * 1j, error="Complex data not supported"),
    "strings": lambda: case([["a", "b"], ["c", "d"]], error="could not convert string to float|decimal bytes/strings"),
    "one dimension": lambda: case(np.arange(10.0), error="Expected 2D array, got 1D array instead"),
    "three dimensions": lambda: case(np.zeros((4, 3, 2)), error="Found array with dim 3"),
    "no rows": lambda: case(np.zeros((0, 2)), error=r"Found array with 0 sample\(s\)"),
    "no columns": lambda: case(np.zeros((5, 0)), error=r"Found array with 0 feature\(s\)"),
    "one row": lambda: case([[1.0, 2.0]], 1, error=r"Found array with 1 sample\(s\).* a minimum of 2"),
    "ragged lists": lambda: case([[1.0], [1.0, 2.0]], error="inhomogeneous"),
    "a sparse matrix": lambda: case(sparse.csr_array(np.eye(5)), error="Sparse data was passed"),
    "fewer rows than components": lambda: case(
        noise(3), 5, error="Expected n_samples >= n_components but got n_components = 5, n_samples = 3"
    ),
    "fewer rows with weight than components": lambda: case(
        noise(), 3, sample_weight=weights(n_heavy=2), error="n_components = 3, n_samples = 2"
    ),
    "no weight at all": lambda: case(two_clusters(), sample_weight=np.zeros(100), error="at least one non-zero number"),
    "negative weights": lambda: case(two_clusters(), sample_weight=-np.ones(100), error="[Nn]egative values in"),
    "NaN among weights": lambda: case(two_clusters(), sample_weight=weights(of_rest=np.nan), error="contains NaN"),
    "weights of 1e-320": lambda: case(
        two_clusters(), sample_weight=np.full(100, 1e-320), error="sample_weight is too small"
    ),
    "a weight of NaN for all": lambda: case(two_clusters(), sample_weight=np.nan, error="sample_weight .*contains NaN"),
    "too few weights": lambda: case(two_clusters(), sample_weight=np.ones(99), error="sample_weight.shape"),
    "weights whose sum overflows": lambda: case(
        two_clusters(), sample_weight=np.full(100, 1e307), error="sample_weight.*too large|overflow"
    ),
    "columns of scale 1e160": lambda: case(two_clusters() * 1e160, error="too large|overflow"),
    "one row of 1e200": lambda: case(with_rows(two_clusters(), [1e200, 0.0]), error="too large|overflow"),
    "labels of another length": lambda: case(noise(), init_params=np.zeros(99, dtype=int), error=r"got shape \(99,\)"),
    "labels beyond the components": lambda: case(
        noise(), init_params=np.arange(100), error="must be integers from 0 to 1, got int64 from 0 to 99"
    ),
    "responsibilities that do not sum to one": lambda: case(
        noise(), init_params=np.ones((100, 2)), error="must be at least 0 and sum to 1"
    ),
}

DEGENERATE: dict[str, Made] = {
    **EQUAL_ROWS,
    **COLUMNS,
    **FAR,
    **SCALES,
    **KINDS_OF_ARRAY,
    **SHAPES,
    **WEIGHTED,
    **OPTIONS,
}
"""All that can be fitted, after a fashion."""
