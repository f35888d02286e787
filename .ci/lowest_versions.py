"""Print the lowest versions that pyproject.toml allows for running and testing, as requirements for pip."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
groups = [project["dependencies"], *(project["optional-dependencies"][name] for name in ("cli", "plot", "test"))]
for requirement in (each for group in groups for each in group):
    name, bound, versions = requirement.partition(">=")
    if bound:
        print(f"{name}=={versions.partition(',')[0]}")
