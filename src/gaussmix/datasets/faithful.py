"""The eruptions of the geyser Old Faithful."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_faithful"]

_TABLE = Path(__file__).with_name("faithful.csv")


def load_faithful(*, as_frame: bool = False) -> Bunch:
    """Return 272 eruptions of the geyser Old Faithful: their durations, and the waiting times until the next ones.

    The table comes with gaussmix. There is no target: both columns are features.

    Parameters
    ----------
    as_frame : bool, default=False
        True for a pandas frame as `data`, in place of an array.

    Returns
    -------
    sklearn.utils.Bunch
        A dictionary whose entries are attributes, too:

        data : ndarray or pandas.DataFrame of shape (272, 2)
            Durations and waiting times, in minutes.
        feature_names : list of str
            ``["eruptions", "waiting"]``.
        frame : pandas.DataFrame of shape (272, 2) or None
            `data`, if it is a frame.
        DESCR : str
            A description, with the source of the table.
        filename : str
            The path of the CSV file, for the command line.

    Raises
    ------
    ModuleNotFoundError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    Härdle (1991), Smoothing Techniques with Implementation in S; Azzalini & Bowman (1990), Applied Statistics 39.

    Examples
    --------
    >>> from gaussmix.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> faithful.data[:3]
    array([[ 3.6  , 79.   ],
           [ 1.8  , 54.   ],
           [ 3.333, 74.   ]])
    >>> load_faithful(as_frame=True).data.median()
    eruptions     4.0
    waiting      76.0
    dtype: float64
    """
    frame = _read_frame() if as_frame else None
    return Bunch(
        data=np.loadtxt(_TABLE, delimiter=",", skiprows=1) if frame is None else frame,
        feature_names=["eruptions", "waiting"],
        frame=frame,
        DESCR=_TABLE.with_suffix(".rst").read_text(encoding="utf-8"),
        filename=str(_TABLE),
    )


def _read_frame() -> object:
    try:
        import pandas as pd  # noqa: PLC0415 - pandas is needed for frames alone
    except ModuleNotFoundError as error:
        msg = "load_faithful(as_frame=True) needs pandas; install it with: pip install pandas"
        raise ModuleNotFoundError(msg, name="pandas") from error
    return pd.read_csv(_TABLE)
