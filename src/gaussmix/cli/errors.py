"""Errors of commands, and lists of names in sentences."""

__all__ = ["INTERRUPTED", "CommandError", "error_sentence", "listed", "printable"]

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 plus the number of the signal SIGINT, as in shells."""

_MOST_LISTED = 8
"""The number of items that a sentence lists; of more, it gives the number."""


class CommandError(Exception):
    """A file or its data that a command cannot use. The message names the file and tells the user what to do."""


def error_sentence(error: BaseException) -> str:
    """Return the message of an error in one line; errors of the operating system come without their number."""
    return printable(_message(error))


def printable(text: str) -> str:
    """Return text without characters that control a terminal: names and values come from files."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    if isinstance(error, MemoryError):
        return f"There is not enough memory: {str(error) or 'the table or the model is too large'}."
    return str(error)


def listed(items: list[str]) -> str:
    """Return items as a list in a sentence; of many items, the first few and the number of the others."""
    if len(items) > _MOST_LISTED:
        return f"{', '.join(items[:_MOST_LISTED])} and {len(items) - _MOST_LISTED} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
