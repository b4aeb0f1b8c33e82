"""The page's chip against the simulated board behind its pseudo-terminal."""

from tests.node import needs_node
from tests.page_board import follow, require_calls_equal, save_skeleton
from tests.slow.test_every_device import terminal  # noqa: F401 - a fixture

pytestmark = needs_node


def test_the_page_follows_a_board_code_for_code(terminal, tmp_path):  # noqa: F811
    skeleton = save_skeleton(tmp_path, 1)
    found = follow(terminal, tmp_path)
    assert found["repeats"] == 0
    require_calls_equal(found, skeleton)
