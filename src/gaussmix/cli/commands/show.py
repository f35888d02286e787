"""The command `gaussmix show` and its options."""

from gaussmix.cli.options import Brief, Json, Model, command

__all__ = ["show"]


@command
def show(model: Model, *, json: Json = False, brief: Brief = False) -> None:
    """Print the parameters of a model."""
    from gaussmix.cli import showing  # noqa: PLC0415 - numpy and polars come with it

    showing.show(model, as_json=json, brief=brief)
