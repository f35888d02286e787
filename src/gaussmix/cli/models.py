"""The models of commands."""

from pathlib import Path

from gaussmix.cli.errors import CommandError
from gaussmix.mixture import Mixture
from gaussmix.persist import ModelFileError, load

__all__ = ["load_model"]


def load_model(model: Path, file: str | None = None) -> Mixture:
    """Return the mixture in a model file.

    Parameters
    ----------
    model : Path
        The model file.
    file : str or None
        The table of the command, in place of which the user may have given the model.

    Raises
    ------
    CommandError
        If the file holds no model, or names of features that are no text.
    """
    try:
        mixture = load(model)
    except ModelFileError as error:
        if file is not None and _is_model(Path(file)):
            raise CommandError(f"{file} is the model; name it before the table {model}.") from error
        raise CommandError(f"{error} MODEL must be a file that gaussmix fit --out wrote.") from error
    for name in mixture.feature_names or ():
        if not name.isprintable() and name.encode(errors="replace").decode() != name:
            raise CommandError(f"{model} has a feature whose name is no text, {name!r}; save it with another name.")
    return mixture


def _is_model(path: Path) -> bool:
    try:
        load(path)
    except (ModelFileError, OSError):
        return False
    return True
