"""The measurement of the page's engine."""

import json
import shutil

from golden.skeleton import SHIPPED
from sw.play import speed
from tests.node import needs_node, node


@needs_node
def test_node_measures_steps_and_digits(tmp_path):
    done = node("speed.mjs", SHIPPED / "digits-ca", tmp_path / "speed.json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((tmp_path / "speed.json").read_text())
    assert set(found) == {"page_steps_per_second", "page_digits_per_second"}
    assert found["page_steps_per_second"] > found["page_digits_per_second"] > 0


def test_without_node_a_line_says_so(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = []
    assert speed.measure(said.append) == {}
    assert said == ["node is not installed: the page's engine is not measured"]
