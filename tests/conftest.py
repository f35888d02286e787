import os

os.environ["SCIPY_ARRAY_API"] = "1"  # read once by scipy: without it a check of scikit-learn is skipped

import pytest
from hypothesis import HealthCheck, settings

from gaussmix.datasets import load_faithful

settings.register_profile(
    "laws",
    deadline=None,  # the first example of a compiled path waits for the compiler
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("laws")


@pytest.fixture(scope="session")
def faithful():
    return load_faithful().data
