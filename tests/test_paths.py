"""What the documents and docstrings name is there."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = [
    path
    for folder in ("golden", "sw", "hw", "sim", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".cpp", ".h", ".v")
]
SUFFIXES = "py|md|json|cpp|h|v|toml|txt|png"
PLACE = re.compile(rf"\b(?:golden|sw|hw|sim|tests|docs)/[\w./-]+\.(?:{SUFFIXES})\b")
MADE_UP = {
    "hw/.../block.py",
    "docs/boards/name.json",
    "tests/test_block.py",
    "golden/skeletons/NAME/skeleton.json",
    "docs/a.json",
    "docs/one.md",
    "docs/two.md",
    "sw/no_such_file.py",
}
"""Files that a document tells a reader to make, and that tests make or miss."""


def named_files(text):
    """Return the files that a text names, also those beside another: `a/b.py`, `c.py`."""
    found = set(PLACE.findall(text))
    for first, others in re.findall(r"`((?:\w+/)+)\w+\.py`((?:, `\w+\.py`)+)", text):
        found |= {first + name for name in re.findall(r"\w+\.py", others)}
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    assert [name for name in named_files(text) - MADE_UP if not (ROOT / name).exists()] == []
    folder = path.parent
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_file_that_code_names_is_there():
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in CODE
        for name in PLACE.findall(path.read_text(encoding="utf-8"))
        if name not in MADE_UP and not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_name_in_backticks_of_ours_can_be_imported():
    missing = []
    for path in [*DOCUMENTS, *CODE]:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:golden|sw|hw|sim)(?:\.\w+)+)`", text):
            if not is_there(name):
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert missing == []


def is_there(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            annotations = getattr(found, "__annotations__", {})
            if not hasattr(found, part) and part not in annotations:
                return False
            found = getattr(found, part, None)
        return True
    return False
