import numpy as np
import pytest

from gaussmix.plot.style import PALETTE, check_contents, format_percent, line_strengths, new_label, palette


def test_the_first_24_colours_differ():
    colours = palette(24)
    apart = np.abs(colours[:, None] - colours).sum(axis=2)
    assert apart[~np.eye(24, dtype=bool)].min() > 0.05


def test_colours_begin_with_the_palette_and_never_end():
    assert len(palette(100)) == 100
    np.testing.assert_array_equal(palette(100)[:8], palette(len(PALETTE)))


def test_colours_do_not_depend_on_how_many_there_are():
    np.testing.assert_array_equal(palette(30)[:11], palette(11))


# Viénot, Brettel & Mollon (1999): what those who lack one kind of cones see, in linear RGB.
PROTANOPE = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
DEUTERANOPE = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


@pytest.mark.parametrize("sees", [PROTANOPE, DEUTERANOPE])
def test_the_palette_can_be_told_apart_without_red_or_green(sees):
    seen = np.clip(palette(8) ** 2.2 @ sees.T, 0.0, 1.0) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen, axis=2)
    assert apart[~np.eye(8, dtype=bool)].min() > 0.1


def test_strengths_grow_with_weights():
    np.testing.assert_allclose(line_strengths(np.array([0.0, 0.25, 0.5])), [0.35, 0.675, 1.0])


def test_contents_rise():
    np.testing.assert_array_equal(check_contents([0.9, 0.5, 0.9]), [0.5, 0.9])
    np.testing.assert_array_equal(check_contents(0.1), [0.1])


@pytest.mark.parametrize(("probability", "text"), [(0.9, "90 %"), (0.999, "99.9 %"), (0.5, "50 %")])
def test_percent(probability, text):
    assert format_percent(probability) == text


def test_a_legend_says_nothing_twice(ax):
    for _ in range(2):
        ax.plot([0, 1], [0, 1], label=new_label(ax, "once"))
    assert ax.get_legend_handles_labels()[1] == ["once"]
