"""Files: whatever is wrong with one is a line that names it."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from golden.errors import InputError, reason
from golden.files import (
    exists,
    is_dir,
    is_file,
    lock,
    read_bytes,
    read_json,
    reading,
    replacement,
    require_regular,
    resolve,
    write_json,
)

LONG = "n" * 300


def refuses(text):
    return pytest.raises(InputError, match=f"^{re.escape(text)}$")


def test_what_is_there_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    found = {
        name: (exists(tmp_path / name), is_file(tmp_path / name), is_dir(tmp_path / name))
        for name in (".", "file", "pipe", "link", "none", "file/below")
    }
    assert found == {
        ".": (True, False, True),
        "file": (True, True, False),
        "pipe": (True, False, False),
        "link": (False, False, False),
        "none": (False, False, False),
        "file/below": (False, False, False),
    }


def test_what_cannot_be_looked_at_is_one_line(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for path, text in (
        (tmp_path / LONG, "File name too long"),
        (tmp_path / "one", "Too many levels of symbolic links"),
        (tmp_path / "a\0b", "embedded null byte"),
    ):
        for look in (exists, is_file, is_dir):
            with refuses(f"{path} cannot be looked at: {text}"):
                look(path)
    with pytest.raises(InputError, match="one/x cannot be followed: "):
        resolve(tmp_path / "one" / "x")


@pytest.mark.parametrize("most", [3, 4])
def test_files_of_any_size_are_not_read(tmp_path, most):
    (tmp_path / "file").write_bytes(b"1234")
    for read in (read_bytes, require_regular):
        if most == 3:
            with refuses(f"{tmp_path}/file must have at most 3 bytes"):
                read(tmp_path / "file", most)
        else:
            assert read(tmp_path / "file", most) in (b"1234", None)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(str(tmp_path / "socket"))
    for name, kind in (("pipe", "a named pipe"), (".", "a folder"), ("socket", "a socket")):
        with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path / name))} must be "):
            read_bytes(tmp_path / name)
        with refuses(f"{tmp_path / name} must be a file, not {kind}"):
            require_regular(tmp_path / name)
    with refuses("/dev/zero must be a file, not a device"):
        read_bytes(Path("/dev/zero"))
    with refuses("/dev/zero must have at most 10 bytes"):
        read_bytes(Path("/dev/zero"), 10, once=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "FILE must have the key 'a' once, not twice"),
        ('[{"x": {"w": 0, "y": 1, "y": 2}}]', "FILE must have the key 'y' once, not twice"),
        ('{"a": NaN}', "FILE must be JSON: NaN is not a number"),
        ("[-Infinity]", "FILE must be JSON: -Infinity is not a number"),
        ("", "FILE must be JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "FILE must be JSON: "),
        ("9" * 10_000, "FILE must be JSON: "),
        (b"\xff", "FILE must be JSON: "),
    ],
    ids=["twice", "twice within", "nan", "infinity", "empty", "deep", "long", "bytes"],
)
def test_json_that_has_no_one_meaning_is_refused(tmp_path, text, told):
    path = tmp_path / "file.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError, match=re.escape(told.replace("FILE", str(path)))):
        read_json(path)


def test_json_comes_back(tmp_path):
    values = {"a": [1, 2.5, None, True], "b": {"c": "ä\ud800"}}
    write_json(tmp_path / "file.json", values)
    assert read_json(tmp_path / "file.json") == json.loads(json.dumps(values))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("x"), "F must be a thing: 'x'"),
        (OSError("cut short"), "F must be a thing: cut short"),
        (OSError(5, "Input/output error"), "F must be a readable file: Input/output error"),
        (RecursionError(), "F must be a thing: RecursionError"),
        (MemoryError(), "F cannot be read: there is not enough memory"),
    ],
)  # fmt: skip
def test_whatever_a_library_raises_about_a_file_names_it(error, told):
    with refuses(told), reading("F", "a thing"):
        raise error


def test_an_error_says_its_first_line():
    assert reason(ValueError("\n one \n two")) == "one"
    assert reason(ValueError()) == "ValueError"


def test_a_file_is_replaced_whole_or_stays(tmp_path):
    path = tmp_path / "folder" / f"{'n' * 251}.txt"
    with replacement(path) as temporary:
        temporary.write_text("one")
    for error in (ValueError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)), replacement(path) as temporary:
            temporary.write_text("tw")
            raise error
    with (
        refuses(f"{path} must be writable: No space left on device"),
        replacement(path) as temporary,
    ):
        temporary.write_text("tw")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "one" and list(path.parent.iterdir()) == [path]


def test_a_folder_is_locked_against_other_processes(tmp_path):
    code = (
        "import sys; from pathlib import Path; from golden.files import lock\n"
        "say = lambda text: print(text, flush=True)\n"
        "with lock(Path(sys.argv[1]), lambda: say('waits')): say('in')"
    )
    with lock(tmp_path / "folder"):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "folder")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout.readline() == "waits\n"
        assert other.poll() is None
    assert other.communicate(timeout=20)[0] == "in\n"
    assert not list((tmp_path / "folder").iterdir())
    (tmp_path / "file").write_text("")
    with refuses(f"{tmp_path}/file/x must be a writable folder: Not a directory"):
        lock(tmp_path / "file" / "x").__enter__()
