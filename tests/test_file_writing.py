"""Files that are written, removed and locked: links, folders, names, and what is left behind."""

import errno
import fcntl
import json
import os
import re
import stat
import threading

import pytest

from golden import files
from golden.errors import InputError
from golden.files import (
    LARGEST,
    kind_of,
    lock,
    read_bytes,
    remove,
    replacement,
    require_regular,
    temporary_name,
    write_json,
)


def refuses(text):
    return pytest.raises(InputError, match=f"^{re.escape(text)}$")


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "file", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with replacement(link) as temporary:
        assert temporary.parent == target.parent
        temporary.write_text("new")
    assert link.is_symlink() and target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, kind in (("pipe", "a named pipe"), ("folder", "a folder")):
        path = tmp_path / name
        with refuses(f"{path} must be a file to write, not {kind}"), replacement(path):
            pytest.fail("nothing may be written")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("make", ["replacement", "lock", "write_json"])
def test_folders_are_made_where_missing(tmp_path, make):
    if make == "lock":
        with lock(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b").is_dir()
    elif make == "write_json":
        write_json(tmp_path / "a" / "b" / "c", 1)
    else:
        with replacement(tmp_path / "a" / "b" / "c") as temporary:
            temporary.write_text("1\n")
    assert make == "lock" or (tmp_path / "a" / "b" / "c").read_text() == "1\n"


def test_a_file_is_removed_and_one_that_is_gone_is_no_error(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    remove(path)
    assert not path.exists()
    remove(path)
    path.mkdir()
    with refuses(f"{path} must be removable: Is a directory"):
        remove(path)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.json", ".part.json"),
        ("a.tar.gz", ".part.gz"),
        ("a", ".part"),
        ("a.parquet", ".part.parquet"),  # 8 bytes
        ("a.parquets", ".part"),
        ("a.äöüß", ".part"),  # 9 bytes
        ("n" * 250 + ".v", ".part.v"),
    ],
)
def test_a_file_being_written_has_a_name_of_its_own_with_the_same_ending(name, ending):
    found = temporary_name(name)
    assert re.fullmatch(rf"\.[0-9a-f]{{8}}\.{os.getpid()}{re.escape(ending)}", found)
    assert found != temporary_name("b" + name)


def test_a_lock_is_given_back_whatever_happens(tmp_path):
    def is_free():
        file = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True

    with pytest.raises(KeyError), lock(tmp_path):
        assert not is_free()
        raise KeyError
    assert is_free()


def test_a_drive_that_knows_no_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def none(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    waits = []
    with lock(tmp_path, lambda: waits.append(1)):
        assert not waits


def test_a_lock_that_another_holds_is_told_of_and_then_waited_for(tmp_path, monkeypatch):
    told = []

    def held(file, how):
        told.append(how)
        if len(told) == 1:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", held)
    with lock(tmp_path, lambda: told.append("waits")):
        told.append("in")
    assert told == [fcntl.LOCK_EX | fcntl.LOCK_NB, "waits", fcntl.LOCK_EX, "in"]


def test_json_is_indented_as_told_and_every_number_is_one(tmp_path):
    path, values = tmp_path / "file", {"b": [1], "a": "ä"}
    for indent in (2, 1):
        write_json(path, values, *([] if indent == 2 else [indent]))
        assert path.read_text(encoding="utf-8") == json.dumps(values, indent=indent) + "\n"
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert list(tmp_path.iterdir()) == [path] and json.loads(path.read_text()) == values


@pytest.mark.parametrize("read", [read_bytes, require_regular])
def test_half_a_gibibyte_is_the_most_that_is_read(tmp_path, read):
    assert LARGEST == 536_870_912
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with refuses(f"{path} must have at most 536,870,912 bytes"):
        read(path)
    with path.open("wb") as file:
        file.truncate(LARGEST)
    require_regular(path)


@pytest.mark.parametrize("data", [b"", b"1234", b"12345"])
def test_a_pipe_is_read_once_and_no_further_than_may_be(data):
    reads, writes = os.pipe()
    os.write(writes, data)
    os.close(writes)
    path = f"/dev/fd/{reads}"
    if len(data) == 5:
        with refuses(f"{path} must have at most 4 bytes"):
            read_bytes(path, 4, once=True)
    else:
        assert read_bytes(path, 4, once=True) == data
    os.close(reads)


def test_a_pipe_is_waited_for_where_it_may_be_one(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    late = threading.Timer(0.1, path.write_bytes, [b"late"])
    late.start()
    assert read_bytes(path, 9, once=True) == b"late"
    late.join()


def test_a_file_that_may_not_be_opened_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("")

    def closed(*given, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "open", closed, raising=False)
    for look in (require_regular, read_bytes):
        with refuses(f"{path} must be a readable file: Permission denied"):
            look(path)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (stat.S_IFBLK, "a device"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFDIR, "a folder"),
        (stat.S_IFIFO, "a named pipe"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFREG, "something else"),
        (None, "something else"),
    ],
)
def test_what_is_no_file_has_a_name_for_people(monkeypatch, tmp_path, mode, kind):
    monkeypatch.setattr(files, "mode", lambda path: mode)
    assert kind_of(tmp_path) == kind
