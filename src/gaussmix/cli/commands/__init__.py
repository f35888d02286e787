"""The commands and their options, one command in each file.

Each command imports what it needs when it runs, so that ``gaussmix --help`` loads neither NumPy nor polars.
"""

from gaussmix.cli.app import app
from gaussmix.cli.commands.fit import Criterion, fit
from gaussmix.cli.commands.impute import impute
from gaussmix.cli.commands.outliers import outliers
from gaussmix.cli.commands.predict import predict
from gaussmix.cli.commands.sample import sample
from gaussmix.cli.commands.score import score
from gaussmix.cli.commands.show import show

__all__ = ["Criterion", "app", "fit", "impute", "outliers", "predict", "sample", "score", "show"]
