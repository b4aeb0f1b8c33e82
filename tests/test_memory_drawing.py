"""One style for all figures: what is written, and what is left where drawing fails."""

import pytest
from PIL import Image

from sw.experiments.memory.drawing import figure


def test_a_figure_has_its_size_and_no_version_and_one_that_fails_leaves_nothing(tmp_path):
    from matplotlib import pyplot

    path = tmp_path / "a.png"
    with figure(path, rows=2, columns=3, size=(4, 2.5), sharex=True) as axes:
        assert axes.shape == (2, 3)
        assert axes[0, 0].figure.get_size_inches().tolist() == [4, 2.5]
        assert axes[0, 0].get_shared_x_axes().joined(axes[0, 0], axes[1, 2])
    with Image.open(path) as picture:
        assert "Software" not in picture.info and picture.info["dpi"][0] == pytest.approx(130, 0.01)
    with pytest.raises(ZeroDivisionError), figure(tmp_path / "b.png"):
        raise ZeroDivisionError
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
    assert pyplot.get_fignums() == []
