"""The pictures of the documentation; ``docs/pictures/make.py --check`` draws them again."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs/pictures"))
import make  # noqa: E402 - it is no part of the package

sys.path.remove(str(ROOT / "docs/pictures"))


def test_each_picture_of_a_page_is_drawn_by_a_script_and_each_script_has_a_page():
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    shown = {name for text in texts for name in re.findall(r"\bpictures/([\w-]+)\.png", text)}
    assert shown == set(make.PICTURES)


@pytest.fixture
def kept(tmp_path):
    figure, ax = plt.subplots(figsize=(4.0, 3.0))
    ax.plot([1.0, 2.0, 4.0])
    figure.savefig(tmp_path / "kept.png")
    return tmp_path / "kept.png"


def test_the_same_picture_has_no_difference(kept):
    assert make.difference(kept, kept) == ""


def test_a_digit_that_differs_is_a_difference(kept, tmp_path):
    image = plt.imread(kept)
    image[100:110, 100:106, :3] = 1.0 - image[100:110, 100:106, :3]  # as large as a digit
    plt.imsave(tmp_path / "drawn.png", image)
    assert "differs from what its script draws" in make.difference(kept, tmp_path / "drawn.png")


def test_a_picture_of_another_size_is_a_difference(kept, tmp_path):
    plt.imsave(tmp_path / "drawn.png", np.ones((30, 40, 3)))
    assert "another size" in make.difference(kept, tmp_path / "drawn.png")


def test_a_picture_that_is_missing_is_a_difference(kept, tmp_path):
    assert "not in the repository" in make.difference(tmp_path / "missing.png", kept)
