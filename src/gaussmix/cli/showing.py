"""The work of `gaussmix show`."""

from pathlib import Path

from gaussmix.cli import console, json_output, outputs
from gaussmix.cli.models import load_model

__all__ = ["show"]


def show(model: Path, *, as_json: bool, brief: bool) -> None:
    """Print the parameters of a model."""
    mixture = load_model(model)
    if as_json:
        outputs.print_json(json_output.mixture_record(mixture))
    else:
        console.print_mixture(mixture, brief=brief)
