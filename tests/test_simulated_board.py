"""The simulated board, wire and netlist: what their library, which is played, is told, and when."""

import os
import select
import termios
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from amaranth import Shape

from golden.wire import PATIENCE
from hw.ports import FLUSH
from hw.shapes import Geometry
from hw.skeleton_memory import images, layouts
from sim.devices import served, terminal
from sim.devices.board import CLOCK, RATIO, SimulatedBoard, SimulatedPort
from sim.devices.designs import BoardDesign, WireDesign
from sim.devices.netlist import NetlistBoard
from sim.devices.terminal import BACKLOG, BURST, serve
from sim.devices.wire import SimulatedWire
from tests.device_suite import SPEC, skeletons

GEOMETRY = Geometry(spec=SPEC, filters=2)


class Library(MagicMock):
    """A library that keeps what it is told; `rows` has the words that were stored."""

    def __init__(self, **options):
        super().__init__(**options)
        self.rows, self.told = {}, []

    def listen(self, words):
        """Keep the words of each row, so many of them, and the other calls in their order."""

        def store(board, memory, row, items):
            assert board == "it" and (memory, row) not in self.rows
            self.rows[memory, row] = sum(items[k] << 32 * k for k in range(words[memory]))
            return 0

        self.board_store.side_effect = store
        self.board_new.side_effect = lambda ratio: (self.told.append(("new", ratio)), "it")[1]
        for name in ("pace", "reset", "send", "think"):
            function = getattr(self, f"board_{name}")
            function.side_effect = lambda *given, name=name: self.told.append((name, *given[1:]))
        return self


@pytest.fixture
def played(monkeypatch):
    """Have boards made of a library that is played; return it, and the designs asked for."""
    words = [-(-Shape.cast(layout).width // 32) for layout in layouts(GEOMETRY).values()]
    library, asked = Library().listen(words), []
    monkeypatch.setattr(served, "build_library", lambda *given: (asked.append(given), "path")[1])
    monkeypatch.setattr(served, "load", lambda path, functions: {"path": library}[path])
    return library, asked


def stored(rows):
    """Memory images by the number of the memory and the row."""
    return {
        (index, row): value
        for index, name in enumerate(layouts(GEOMETRY))
        for row, value in enumerate(rows[name])
    }


@pytest.mark.parametrize("own", [False, True])
def test_a_board_is_made_filled_paced_and_reset(played, own):
    library, asked = played
    rows = images(GEOMETRY, skeletons()[::-1] if own else skeletons())
    given = {"divisor": 5, "patience": 77, "ratio": 1.5, "progress": "say"}
    board = SimulatedBoard(GEOMETRY, skeletons(), memories=rows if own else None, **given)
    assert asked == [(BoardDesign(GEOMETRY, 5, 77), "say")]
    assert library.told == [("new", 1.5), ("pace", 5, 5), ("reset", FLUSH)]
    assert library.rows == stored(rows)
    assert (board.divisor, board.patience, board.geometry) == (5, 77, GEOMETRY)
    handle = board._handle
    handle.__del__()
    handle.__del__()
    library.board_delete.assert_called_once_with("it")


def test_a_board_has_the_usual_wires_unless_told_otherwise(played):
    library, asked = played
    SimulatedBoard(GEOMETRY, skeletons())
    assert asked == [(BoardDesign(GEOMETRY, 8, PATIENCE), print)]
    assert library.told == [("new", RATIO), ("pace", 8, 8), ("reset", FLUSH)]


def test_a_wire_is_made_filled_and_paced(played):
    library, asked = played
    wire = SimulatedWire(GEOMETRY, skeletons(), pace=2.5, patience=99, progress="say")
    assert asked == [(WireDesign(GEOMETRY, 99), "say")]
    assert library.told == [("new", 1), ("pace", 2.5, 2.5)]
    assert library.rows == stored(images(GEOMETRY, skeletons())) and wire.patience == 99
    wire.think(321)
    assert library.told[2:] == [("think", 321)]
    library.rows.clear()
    SimulatedWire(GEOMETRY, skeletons()[:1])
    assert asked[1] == (WireDesign(GEOMETRY, PATIENCE), print)


def test_a_memory_that_is_not_there_is_told_of(played):
    library, _ = played
    library.board_store.side_effect = lambda *given: 1
    with pytest.raises(ValueError, match=r"^The board has no memory 0$"):
        SimulatedBoard(GEOMETRY, skeletons())


def test_a_board_sends_receives_and_tells_its_clocks(played):
    library, _ = played
    board = SimulatedBoard(GEOMETRY, skeletons())
    library.told.clear()

    def receive(it, data, most):
        data[:3] = b"a\0c"
        return min(3, most)

    library.board_receive.side_effect = receive
    assert (board.receive(), board.receive(2 + 1)) == (b"a\0c", b"a\0c")
    assert [call.args[2] for call in library.board_receive.mock_calls] == [4096, 3]
    port = SimulatedPort(board)
    port.write(b"\0\1\2")
    board.pace(3, 4)
    board.pace(7)
    assert library.told == [("send", b"\0\1\2", 3), ("pace", 3, 4), ("pace", 7, 7)]
    assert port.patience == 2 * board.patience
    library.board_clock.side_effect = lambda it, limit, quiet: 100 * limit + quiet
    assert board.clock(7, 5) == 705
    for name, number in (("clocks", 11), ("chip_clocks", 12), ("quiet", 13)):
        getattr(library, f"board_{name}").side_effect = {"it": number}.get
        assert getattr(board, name) == number


def test_a_netlist_is_clocked_by_its_fastest_clock_and_not_reset(played):
    library, asked = played
    library.listen([1, 1])
    link = SimpleNamespace(patience=55)
    linked = SimpleNamespace(link=link)
    top = SimpleNamespace(
        pll=SimpleNamespace(chip_output=6, link_output=16),
        board=SimpleNamespace(geometry=GEOMETRY, divisor=9, linked=linked),
    )
    design = SimpleNamespace(memories={"first": "a", "second": "b"})
    board = NetlistBoard(design, top, progress="say")
    assert asked == [(design, "say")] and library.told == [("new", 8), ("pace", 9, 9)]
    assert (board.geometry, board.divisor, board.patience) == (GEOMETRY, 9, 55)
    board.fill("second", [5, 511])
    assert library.rows == {(1, 0): 5, (1, 1): 511}

    library.board_clocks.return_value = 0
    board.send(b"ab")  # the design's own reset is over when a host speaks
    library.board_clock.assert_called_once_with("it", FLUSH, FLUSH)
    library.board_clocks.return_value = FLUSH
    board.send(b"c")
    library.board_clock.assert_called_once()
    assert library.told[2:] == [("send", b"ab", 2), ("send", b"c", 1)]


class Ended(Exception):
    """What ends a board that is served for ever."""


class Served:
    """A board that is served, for so many rounds; what comes of it, round by round."""

    divisor, patience = 8, 100

    def __init__(self, *rounds, quiet=0):
        self.rounds, self.paces, self.sent, self.clocked = iter(rounds), [], [], []
        self.quiets = iter(quiet) if quiet else None
        self.pace, self.send = self.paces.append, self.sent.append

    @property
    def quiet(self):
        return next(self.quiets) if self.quiets else 0

    def clock(self, limit, quiet):
        self.clocked.append((limit, quiet))

    def receive(self, most):
        assert most == BURST
        answer = next(self.rounds, None)
        if answer is None:
            raise Ended
        return answer() if callable(answer) else answer


@pytest.fixture
def terminals(monkeypatch):
    """The pseudo-terminals that are opened; each must be closed at both ends."""
    opened, real = [], os.openpty
    monkeypatch.setattr(os, "openpty", lambda: (opened.append(real()), opened[-1])[1])
    yield opened
    for descriptor in (one for pair in opened for one in pair):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_host_at_the_pseudo_terminal_is_heard_at_its_rate_and_answered(terminals):
    host, heard = [], []
    board = Served(b"an\nswer\x03", lambda: (heard.append(os.read(host[0], 100)), b"")[1])

    def ready(path):
        host.append(os.open(path, os.O_RDWR | os.O_NOCTTY))
        assert not os.get_blocking(terminals[0][0]), "a host that does not read would stop it"
        attributes = termios.tcgetattr(host[0])
        assert attributes[4] == attributes[5] == termios.B3000000
        assert not attributes[3] & (termios.ICANON | termios.ECHO)
        attributes[4] = attributes[5] = termios.B1000000
        termios.tcsetattr(host[0], termios.TCSANOW, attributes)
        os.write(host[0], b"que\nry")

    with pytest.raises(Ended):
        serve(board, ready=ready)
    assert (board.paces, board.sent) == ([CLOCK / 1_000_000], [b"que\nry"])
    assert board.clocked == [(BURST, BURST)] * 3
    assert heard == [b"an\nswer\x03"]
    os.close(host[0])


@pytest.mark.parametrize(("divisor", "rate"), [(24, termios.B1000000), (25, termios.B38400)])
def test_a_rate_without_a_name_is_the_boards(terminals, divisor, rate):
    board, shown = Served(b""), []
    board.divisor = divisor

    def ready(path):
        theirs = terminals[0][1]
        shown.extend(termios.tcgetattr(theirs)[4:6])
        assert terminal.rate_of(theirs, 7) == {24: 1_000_000, 25: 38_400}[divisor]
        attributes = termios.tcgetattr(theirs)
        attributes[4] = attributes[5] = termios.B0
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        assert terminal.rate_of(theirs, 7) == 7

    with pytest.raises(Ended):
        serve(board, ready=ready)
    assert shown == [rate, rate]


def test_an_idle_board_waits_for_its_host_and_a_busy_one_does_not(monkeypatch, terminals):
    waits, delivered = [], []
    monkeypatch.setattr(select, "select", lambda *given: (waits.append(given[3]), ([], [], []))[1])
    board = Served(b"", b"", b"x", b"", b"", quiet=(200, 201, 999, 999, 999, 999))
    left = iter([b"", b"", b"x", b"", b"", b""])
    monkeypatch.setattr(
        terminal, "deliver", lambda file, data: (delivered.append(data), next(left))[1]
    )
    with pytest.raises(Ended):
        serve(board, ready=lambda path: None)
    assert waits == [0, None, None, 0, None, None]
    assert delivered == [b"", b"", b"x", b"x", b""]


def test_what_a_host_does_not_read_is_kept_up_to_a_limit(monkeypatch, terminals):
    assert BACKLOG == 65536
    monkeypatch.setattr(terminal, "BACKLOG", 10)
    delivered = []
    monkeypatch.setattr(terminal, "deliver", lambda file, data: (delivered.append(data), data)[1])
    with pytest.raises(Ended):
        serve(Served(b"abcdef", b"ghijkl", b"m"), ready=lambda path: None)
    assert delivered == [b"abcdef", b"cdefghijkl", b"defghijklm"]


def test_a_full_pseudo_terminal_takes_what_it_has_room_for():
    near, far = os.pipe()
    os.set_blocking(far, False)
    try:
        data = bytes(range(256)) * 1024
        rest = terminal.deliver(far, data)
        assert 0 < len(rest) < len(data) and data.endswith(rest)
        assert (
            terminal.deliver(far, rest[:5000]) == rest[:5000] and terminal.deliver(far, b"") == b""
        )
        assert os.read(near, len(data)) == data[: len(data) - len(rest)]
    finally:
        os.close(near)
        os.close(far)


def test_every_rate_of_a_terminal_is_known_by_its_number():
    assert {terminal.RATES[termios.B9600], terminal.RATES[termios.B921600]} == {9600, 921600}
    assert all(np.asarray(list(terminal.RATES.values())) >= 0)
