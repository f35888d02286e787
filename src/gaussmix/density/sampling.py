"""Draw new rows from a mixture."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from gaussmix._threads import one_thread, side_by_side
from gaussmix._types import Floats, Labels, Seed
from gaussmix.arguments import as_generator, check_count

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["sample", "sample_blocks"]

# A block of sample_blocks holds so many rows by default.
_BLOCK = 2**16
# A thread draws at least so many numbers at once, which takes about a millisecond.
_NUMBERS = 2**18
# A thread draws at least so many numbers for each component, so that Python's cost per component is small.
_NUMBERS_PER_COMPONENT = 2**11


@overload
def sample(
    mixture: "Mixture",
    n_samples: int = ...,
    *,
    random_state: Seed = ...,
    return_components: Literal[False] = ...,
    shuffle: bool = ...,
    stratified: bool = ...,
) -> Floats: ...


@overload
def sample(
    mixture: "Mixture",
    n_samples: int = ...,
    *,
    random_state: Seed = ...,
    return_components: Literal[True],
    shuffle: bool = ...,
    stratified: bool = ...,
) -> tuple[Floats, Labels]: ...


def sample(
    mixture: "Mixture",
    n_samples: int = 1,
    *,
    random_state: Seed = None,
    return_components: bool = False,
    shuffle: bool = True,
    stratified: bool = False,
) -> Floats | tuple[Floats, Labels]:
    """Draw new rows from the mixture.

    Parameters
    ----------
    n_samples : int, default 1
        Number of rows to draw.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.
    return_components : bool, default False
        If True, also return the component from which each row was drawn.
    shuffle : bool, default True
        If True, the rows are in random order. Otherwise they are in the order of their components.
    stratified : bool, default False
        If True, the number of rows of each component is `n_samples` times its weight, rounded up or down, in place of a
        random number. Averages over such rows vary less.

    Returns
    -------
    rows : (n_samples, D) ndarray
    components : (n_samples,) ndarray of int
        Returned only if `return_components` is True.

    Raises
    ------
    ValueError
        If `n_samples` is negative or not a whole number.

    See Also
    --------
    Mixture.sample_blocks : Draw more rows than fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.25, 0.75], [[0.0, 0.0], [9.0, 9.0]], [1.0, 1.0])
    >>> mixture.sample(1000, random_state=0).shape
    (1000, 2)
    >>> rows, components = mixture.sample(1000, random_state=0, return_components=True, stratified=True)
    >>> np.bincount(components)
    array([250, 750])
    """
    check_count("n_samples", n_samples, 0)
    rng = as_generator(random_state)
    counts = (
        _stratified_counts(rng, n_samples, mixture.weights)
        if stratified
        else rng.multinomial(n_samples, mixture.weights)
    )
    try:
        components = np.repeat(np.arange(mixture.n_components), counts)
        if shuffle:
            rng.shuffle(components)
        rows = _draw_rows(mixture, rng, components)
    except MemoryError as error:
        msg = f"n_samples is too large for the memory of this computer, {n_samples}; draw the rows with sample_blocks."
        raise MemoryError(msg) from error
    return (rows, components) if return_components else rows


def sample_blocks(
    mixture: "Mixture", n_samples: int, *, n_rows: int = _BLOCK, random_state: Seed = None
) -> Iterator[tuple[Floats, Labels]]:
    """Draw any number of new rows block by block, in the memory of one block.

    Parameters
    ----------
    n_samples : int
        Total number of rows to draw.
    n_rows : int, default 65536
        Number of rows in a block; the last block may have fewer.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Yields
    ------
    rows : (b, D) ndarray
    components : (b,) ndarray of int
        The component from which each row was drawn.

    Raises
    ------
    ValueError
        If `n_samples` is negative, `n_rows` is less than 1, or either is not a whole number.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.25, 0.75], [[0.0], [9.0]], [1.0, 1.0])
    >>> n_large = sum((rows > 10).sum() for rows, _ in mixture.sample_blocks(1_000_000, random_state=0))
    >>> round(float(n_large) / 1_000_000, 2)                         # 0.75 times a normal's tail beyond 1
    0.12
    """
    check_count("n_samples", n_samples, 0)
    check_count("n_rows", n_rows, 1)
    rng = as_generator(random_state)
    return _blocks(mixture, rng, n_samples, n_rows)


def _blocks(
    mixture: "Mixture", rng: np.random.Generator, n_samples: int, n_rows: int
) -> Iterator[tuple[Floats, Labels]]:
    for start in range(0, n_samples, n_rows):
        yield sample(mixture, min(n_rows, n_samples - start), random_state=rng, return_components=True)


def _draw_rows(mixture: "Mixture", rng: np.random.Generator, components: Labels) -> Floats:
    """Draw a row from each component in a list, ``(b,) -> (b, D)``.

    A long list is divided into parts, which threads draw in parallel. Each part has its own generator, so that the
    result does not depend on the number of threads.
    """
    rows = np.empty((len(components), mixture.n_features))
    size = -(-max(_NUMBERS, _NUMBERS_PER_COMPONENT * mixture.n_components) // mixture.n_features)
    spans = [slice(start, start + size) for start in range(0, len(rows), size)]

    def draw(part: tuple[slice, np.random.Generator]) -> None:
        _fill(mixture, part[1], components[part[0]], rows[part[0]])

    if len(spans) <= 1:
        with one_thread(rows.size * mixture.n_features):
            draw((slice(None), rng))
    else:
        own = map(np.random.default_rng, rng.integers(2**32, size=(len(spans), 4)))
        for _ in side_by_side(draw, list(zip(spans, own, strict=True))):
            pass
    return rows


def _fill(mixture: "Mixture", rng: np.random.Generator, components: Labels, rows: Floats) -> None:
    """Fill an array with rows from the components; rows are drawn in the order of the components and then reordered."""
    small = np.min_scalar_type(mixture.n_components)  # NumPy sorts integers of at most 16 bits by counting
    order = np.argsort(components.astype(small), kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    drawn = rng.standard_normal(rows.shape)
    counts = np.bincount(components, minlength=mixture.n_components)
    ends = np.cumsum(counts)
    for k in np.flatnonzero(counts).tolist():
        own = drawn[ends[k] - counts[k] : ends[k]]
        np.add(mixture.covariances.colour(k, own), mixture.means[k], out=own)
    np.take(drawn, places, axis=0, out=rows, mode="clip")  # with other modes NumPy would fill a copy first


def _stratified_counts(rng: np.random.Generator, n_samples: int, weights: Floats) -> Labels:
    """Return the number of rows of each component, ``(K,)``, by systematic sampling with a random start."""
    heights = np.concatenate([[0.0], np.cumsum(weights)])
    before = np.ceil(n_samples * (heights / heights[-1]) - rng.random())
    return np.asarray(np.diff(before).astype(np.intp))
