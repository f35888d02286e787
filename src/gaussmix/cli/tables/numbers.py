"""Numbers from columns of text: decimal marks, separators of thousands, signs, missing values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from gaussmix.cli.tables.dialect import EN_DASH, is_number
from gaussmix.cli.tables.options import MISSING_MARKS, Format

__all__ = ["NumberColumn", "read_numbers", "sign_beside"]

_SPACES_AND_QUOTES = "'\u2019 \u00a0\u202f"
"""Separators of thousands beside the one of the two marks that is no decimal mark."""

_CURRENCIES = "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|KRW|MXN|NOK|PLN|SEK|TRY|USD|ZAR"
"""The codes of currencies that often stand before numbers."""

_SIGN = re.compile(
    rf"[+\-\u2212]?(?P<before>[$€£¥]|(?:{_CURRENCIES})(?=\s))?\s*"
    r"[+\-\u2212]?\d[\d.,'\u2019\u00a0\u202f ]*"
    r"(?P<after>\s?(?:[%‰°*]|[$€£¥]|[a-zA-Zµ°²³/]{1,5})?)"
)
"""A number between signs: of a currency before it; of a percentage, a currency or a unit, or a star after it."""


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """A column of text, read as numbers.

    Attributes
    ----------
    values : polars.Series
        The numbers, float64; null where the text is missing or is no number.
    texts : polars.Series of bool
        The places of values that are no numbers.
    grouped : bool
        Whether separators of thousands were taken out.
    marked : bool
        Whether any value has a mark.
    unclear : int or None
        The first row whose mark may be a decimal mark or separate thousands, where each mark of the column may.
    negated : int or None
        The first row whose number is in parentheses, or has its minus sign behind it.
    """

    values: pl.Series
    texts: pl.Series
    grouped: bool
    marked: bool
    unclear: int | None
    negated: int | None


def read_numbers(column: pl.Series, decimal: str, given: Format, *, may_be_unclear: bool) -> NumberColumn:
    """Return the numbers in a column of text.

    Parameters
    ----------
    column : polars.Series of str
        The texts.
    decimal : str
        The decimal mark.
    given : Format
        Marks for missing values and signs beside numbers.
    may_be_unclear : bool
        Whether to look for marks that may be decimal marks or separate thousands.
    """
    text = _stripped(column, given.strip)
    missing = text.is_in([*MISSING_MARKS, *given.missing])
    text = pl.select(pl.when(~missing).then(text)).to_series().alias(column.name)
    text = text.str.replace(r"^([+\-]?\d*[.,]\d+)[dD]([+\-]?\d+)$", "${1}e${2}")  # Fortran's exponents
    text, negated = _minus_in_front(text, decimal)
    plain, grouped = _without_groups(text, decimal)
    values = _without(_booleans(text, plain.cast(pl.Float64, strict=False)), given.missing)
    texts = text.is_not_null() & values.is_null() & ~_are(text, given.missing)
    marked, unclear = False, None
    if may_be_unclear:
        marks = text.str.contains(r"[.,]").fill_null(value=False) & ~texts
        marked, unclear = bool(marks.any()), _unclear(text, marks)
    return NumberColumn(values.alias(column.name), texts, grouped, marked, unclear, negated)


def _minus_in_front(text: pl.Series, decimal: str) -> tuple[pl.Series, int | None]:
    """Return numbers as ``(2.5)`` and ``2.5-`` with the minus sign before them, and the first row of such a number.

    Where all numbers of a column are in parentheses, as standard errors and numbers of lines are, they stay texts.
    """
    number = rf"(\d[\d.,{re.escape(_SPACES_AND_QUOTES)}]*)"
    bracketed = text.str.contains(rf"^\({number}\)$").fill_null(value=False)
    behind = text.str.contains(rf"^{number}-$").fill_null(value=False)
    if bracketed.any() and not any(is_number(one, decimal) for one in text.filter(~bracketed).drop_nulls()):
        bracketed = bracketed & False
    negated = bracketed | behind
    if not negated.any():
        return text, None
    moved = text.str.replace(rf"^\(?{number}[-)]$", "-${1}")
    return pl.select(pl.when(negated).then(moved).otherwise(text)).to_series(), int(negated.arg_true()[0])


def _without_groups(text: pl.Series, decimal: str) -> tuple[pl.Series, bool]:
    """Return numbers with a decimal point and without separators of thousands, and whether there were any."""
    if decimal == "." and text.cast(pl.Float64, strict=False).null_count() == text.null_count():
        return text, False
    group = re.escape(("," if decimal == "." else ".") + _SPACES_AND_QUOTES)
    pattern = rf"^[+\-]?[1-9]\d{{0,2}}(?:[{group}]\d{{3}})+(?:{re.escape(decimal)}\d*)?$"
    grouped = text.str.contains(pattern).fill_null(value=False)
    plain = pl.select(pl.when(grouped).then(text.str.replace_all(rf"[{group}]", "")).otherwise(text)).to_series()
    if decimal == ",":
        foreign = plain.str.contains(".", literal=True) & ~grouped
        plain = pl.select(pl.when(~foreign).then(plain.str.replace(",", ".", literal=True))).to_series()
    return plain, bool(grouped.any())


def _stripped(column: pl.Series, signs: Sequence[str]) -> pl.Series:
    text = column.fill_null("").str.strip_chars().str.replace_all("\u2212", "-", literal=True)
    text = text.str.replace(rf"^{EN_DASH}([\d.,])", "-${1}")
    text = text.str.replace(r"""^="([^"]*)"$""", "${1}").str.replace(r"^'([+\-]?\d)", "${1}")  # texts of spreadsheets
    for sign in signs:
        text = text.str.strip_prefix(sign).str.strip_suffix(sign).str.strip_chars()
        text = text.str.replace(rf"^([+\-]){re.escape(sign)}", "${1}")
    return text


def _are(text: pl.Series, marks: Sequence[str]) -> pl.Series:
    """Return where a text is the same number as a mark for missing values."""
    numbers = [float(mark) for mark in marks if _is_float(mark)]
    if not numbers:
        return pl.repeat(value=False, n=len(text), eager=True)
    return text.cast(pl.Float64, strict=False).is_in(numbers).fill_null(value=False)


def _without(values: pl.Series, marks: Sequence[str]) -> pl.Series:
    """Return the numbers, with null in place of those that stand for missing values."""
    numbers = [float(mark) for mark in marks if _is_float(mark)]
    return values if not numbers else pl.select(pl.when(~values.is_in(numbers)).then(values)).to_series()


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _booleans(text: pl.Series, values: pl.Series) -> pl.Series:
    """Return the values; of a column of ``true`` and ``false`` alone, 1 and 0."""
    if not values.null_count() > text.null_count():
        return values
    lower = text.str.to_lowercase()
    truth = lower.is_in(["true", "false"])
    known = text.is_not_null()
    if not known.any() or not (truth | ~known).all():
        return values
    return pl.select(pl.when(known).then((lower == "true").cast(pl.Float64))).to_series()


def _unclear(text: pl.Series, marked: pl.Series) -> int | None:
    """Return the first row with a mark before three digits, where no other value of the column says what it means."""
    three = text.str.contains(r"^[+\-]?[1-9]\d{0,2}[.,]\d{3}$").fill_null(value=False)
    if not three.any() or (marked & ~three).any():
        return None
    return int(three.arg_true()[0])


def sign_beside(texts: Sequence[str]) -> str | None:
    """Return the sign or the unit beside all these numbers, as ``%``, ``$`` and ``kg``; None where they have none."""
    found = {
        (match["before"] or "") + match["after"].strip() if (match := _SIGN.fullmatch(text)) else "" for text in texts
    }
    return found.pop() or None if len(found) == 1 else None
