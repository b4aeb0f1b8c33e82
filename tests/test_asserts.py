"""``python -O`` removes assert statements: none may stand for a check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for name in ("golden", "sw", "hw", "sim") for path in (ROOT / name).rglob("*.py")]


def is_for_types(test):
    """Whether a test only says that something is not None, for who reads types."""
    if isinstance(test, ast.BoolOp):
        return isinstance(test.op, ast.And) and all(map(is_for_types, test.values))
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_assert_statement_checks_a_result(path):
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    lines = [x.lineno for x in found if isinstance(x, ast.Assert) and not is_for_types(x.test)]
    assert not lines
