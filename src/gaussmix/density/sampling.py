"""New rows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from gaussmix._types import Floats, Labels, Seed
from gaussmix.density.arguments import count

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["sample", "sample_blocks"]

_BLOCK = 2**16


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
    """Draw new rows.

    Parameters
    ----------
    n_samples : int, default 1
        How many rows to draw.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.
    return_components : bool, default False
        Whether to return also the component that each row was drawn from.
    shuffle : bool, default True
        Whether rows come in random order. Otherwise those of the first component come first, and so on.
    stratified : bool, default False
        Whether each component gives as many rows as its weight says, to the nearest whole number up or down, rather
        than a random number. Averages over such rows vary less.

    Returns
    -------
    rows : (n_samples, D) ndarray
    components : (n_samples,) ndarray of int
        Only where `return_components`.

    Raises
    ------
    ValueError
        If `n_samples` is negative, or not a whole number.

    See Also
    --------
    Mixture.sample_blocks : more rows than fit into memory.

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
    count("n_samples", n_samples, 0)
    rng = np.random.default_rng(random_state)
    counts = _stratified(rng, n_samples, mixture.weights) if stratified else rng.multinomial(n_samples, mixture.weights)
    components = np.repeat(np.arange(mixture.n_components), counts)
    if shuffle:
        rng.shuffle(components)
    rows = np.empty((n_samples, mixture.n_features))
    for start in range(0, n_samples, _BLOCK):
        rows[start : start + _BLOCK] = _drawn(mixture, rng, components[start : start + _BLOCK])
    return (rows, components) if return_components else rows


def sample_blocks(
    mixture: "Mixture", n_samples: int, *, n_rows: int = _BLOCK, random_state: Seed = None
) -> Iterator[tuple[Floats, Labels]]:
    """Draw new rows block by block: any number of them, in the memory of one block.

    Parameters
    ----------
    n_samples : int
        How many rows to draw in all.
    n_rows : int, default 65536
        Rows in a block; the last one may have fewer.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Yields
    ------
    rows : (b, D) ndarray
    components : (b,) ndarray of int
        The component that each row was drawn from.

    Raises
    ------
    ValueError
        If `n_samples` is negative or `n_rows` less than 1, or either not a whole number.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.25, 0.75], [[0.0], [9.0]], [1.0, 1.0])
    >>> n_large = sum((rows > 10).sum() for rows, _ in mixture.sample_blocks(1_000_000, random_state=0))
    >>> round(float(n_large) / 1_000_000, 2)                         # 0.75 times a normal's tail beyond 1
    0.12
    """
    count("n_samples", n_samples, 0)
    count("n_rows", n_rows, 1)
    rng = np.random.default_rng(random_state)
    return _blocks(mixture, rng, n_samples, n_rows)


def _blocks(
    mixture: "Mixture", rng: np.random.Generator, n_samples: int, n_rows: int
) -> Iterator[tuple[Floats, Labels]]:
    for start in range(0, n_samples, n_rows):
        components = rng.choice(mixture.n_components, size=min(n_rows, n_samples - start), p=mixture.weights)
        yield _drawn(mixture, rng, components), components


def _drawn(mixture: "Mixture", rng: np.random.Generator, components: Labels) -> Floats:
    """A row ``(b, D)`` from each of these components."""
    rows = np.empty((len(components), mixture.n_features))
    order = np.argsort(components, kind="stable")
    ends = np.cumsum(np.bincount(components, minlength=mixture.n_components))
    for k, places in enumerate(np.split(order, ends[:-1])):
        white = rng.standard_normal((len(places), mixture.n_features))
        rows[places] = mixture.means[k] + mixture.covariances.colour(k, white)
    return rows


def _stratified(rng: np.random.Generator, n_samples: int, weights: Floats) -> Labels:
    """How many of n evenly spaced points, begun at random, fall to each component: ``(K,)``."""
    heights = np.concatenate([[0.0], np.cumsum(weights)])
    before = np.ceil(n_samples * (heights / heights[-1]) - rng.random())
    return np.asarray(np.diff(before).astype(np.intp))
