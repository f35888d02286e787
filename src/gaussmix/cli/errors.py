"""What stops a command: one sentence for the user."""

__all__ = ["CommandError", "listed", "sentence"]

_MANY = 8


class CommandError(Exception):
    """A file, or the data in it, that a command cannot use. Its message names the file and says what to do."""


def sentence(error: Exception) -> str:
    """An error in one line: the operating system's come without their number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error)


def listed(items: list[str]) -> str:
    """Items in a sentence, the first few where there are many."""
    if len(items) > _MANY:
        return f"{', '.join(items[:_MANY])} and {len(items) - _MANY} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
