"""Libraries that are kept: what is trusted of them, and what an object of one is told."""

import hashlib
from types import SimpleNamespace

import pytest

from golden import library
from sim.devices.library import Handle


@pytest.mark.parametrize("there", ["both", "library", "stamp", "neither"])
def test_a_library_is_whole_where_its_checksum_lies_beside_it(tmp_path, there):
    path = tmp_path / "step.so"
    if there in ("both", "library"):
        path.write_bytes(b"code")
    if there in ("both", "stamp"):
        library.stamp(path).write_text(hashlib.sha256(b"code").hexdigest())
    assert library.stamp(path) == tmp_path / "step.sha256"
    assert library.is_whole(path) is (there == "both")


def test_a_library_that_cannot_be_read_is_not_whole(tmp_path):
    path = tmp_path / "step.so"
    path.mkdir()
    library.stamp(path).write_text("")
    assert not library.is_whole(path)


@pytest.mark.parametrize("damage", [None, "cut", "no stamp"])
def test_a_library_is_built_only_where_it_is_not_whole(tmp_path, damage):
    path, built = tmp_path / "step.so", []

    def build():
        built.append(path)
        path.write_bytes(b"code")
        library.write_stamp(path)

    for _ in range(2):
        assert library.keep_library(path, tmp_path, build, built.clear) == path
    if damage == "cut":
        path.write_bytes(b"cod")
    elif damage == "no stamp":
        library.stamp(path).unlink()
    library.keep_library(path, tmp_path, build, built.clear)
    assert len(built) == 1 + (damage is not None) and library.is_whole(path)


def test_an_object_is_made_told_and_deleted_once():
    told = []
    functions = SimpleNamespace(
        it_new=lambda *given: (told.append(("new", *given)), "handle")[1],
        it_delete=lambda *given: told.append(("delete", *given)),
        it_store=lambda *given: told.append((*given[:3], [*given[3][:2]])),
    )
    handle = Handle(functions, "it", 1, 2)
    handle.store(7, 2, [5 << 32 | 6, 8])
    del handle
    assert told == [
        ("new", 1, 2),
        ("handle", 7, 0, [6, 5]),
        ("handle", 7, 1, [8, 0]),
        ("delete", "handle"),
    ]


def test_a_memory_that_is_not_there_is_told_of():
    functions = SimpleNamespace(
        it_new=lambda: "handle", it_delete=lambda *given: None, it_store=lambda *given: 1
    )
    with pytest.raises(ValueError, match=r"^The it has no memory 3$"):
        Handle(functions, "it").store(3, 1, [0])
