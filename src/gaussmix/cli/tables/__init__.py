"""Tables as people have them: found formats, typed columns, doubts in sentences."""

from gaussmix.cli.tables.options import Format, Missing, Selection
from gaussmix.cli.tables.raw import Doubt, RawTable
from gaussmix.cli.tables.read import Table, read, read_for
from gaussmix.cli.tables.texts import SEPARATOR_NAMES

__all__ = ["SEPARATOR_NAMES", "Doubt", "Format", "Missing", "RawTable", "Selection", "Table", "read", "read_for"]
