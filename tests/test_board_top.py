# amaranth: UnusedElaboratable=no
"""A board's top, part by part: its PLL's dividers and pins, its reset, its wires and lamps."""

from types import SimpleNamespace

import pytest
from amaranth import Fragment, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from golden.spec import Spec
from hw.boards import pll, top
from hw.boards.catalogue import find_board
from hw.boards.ecp5 import Ecp5
from hw.boards.pll import Pll, pll_settings
from hw.boards.top import BoardTop
from hw.flow.build import geometry_of
from hw.shapes import Geometry
from tests.streams import finish

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), filters=1, contexts=2)
PLL = Pll(input=5, feedback=32, chip_output=3, link_output=8, clock=160, link=60)


@pytest.mark.parametrize(
    ("name", "device", "reference", "filters", "clock", "multipliers"),
    [
        ("ulx3s-12f", "LFE5U-12F", 25, 2, 175, 28),
        ("ulx3s-25f", "LFE5U-25F", 25, 2, 175, 28),
        ("ulx3s-45f", "LFE5U-45F", 25, 5, 175, 72),
        ("ulx3s-85f", "LFE5U-85F", 25, 10, 140, 156),
        ("versa-ecp5-5g", "LFE5UM5G-45F", 100, 5, 200, 72),
    ],
)
def test_a_board_is_that_of_its_datasheet(name, device, reference, filters, clock, multipliers):
    board = find_board(name)
    platform = board.make_platform()
    assert (board.name, platform.device, board.clock) == (name, device, clock)
    assert (platform.default_clk_frequency, board.part.multipliers) == (
        reference * 1e6,
        multipliers,
    )
    assert isinstance(platform, Ecp5), "its primitives are the part's own"
    skeleton = SimpleNamespace(name="x", spec=Spec())
    geometry = geometry_of(board, [skeleton])
    assert geometry == Geometry(filters=filters)


@pytest.mark.parametrize(
    ("reference", "clock", "dividers"),
    [
        # Input, feedback, chip's and link's output, and the link's MHz.
        (25, 160, (5, 32, 3, 8, 60)),  # the oscillator at 480 MHz; 640 and 800 give 36 and less
        (25, 150, (1, 6, 3, 6, 75)),
        (100, 200, (1, 2, 3, 8, 75)),
        (12, 48, (1, 4, 9, 6, 72)),
        (25, 375, (1, 15, 2, 10, 75)),  # the oscillator is not as slow as 375 MHz
        (100, 900, None),  # nor as fast as 900 MHz
        (25, 84.375, (8, 27, 8, 9, 75)),  # the slowest that the phase detector takes
        (4.6875, 600, (1, 128, 1, 8, 75)),  # the largest feedback
        (5, 645, None),  # and one more
        (28.125, 3.515625, (8, 1, 128, 6, 75)),  # the largest output
        (167, 501, None),  # 3 MHz are 167 times less
    ],
)
def test_the_pll_has_the_fastest_link_that_its_dividers_allow(reference, clock, dividers):
    if dividers is None:
        with pytest.raises(ValueError, match=r"and cannot$"):
            pll_settings(reference, clock)
    else:
        assert pll_settings(reference, clock) == Pll(*dividers[:4], clock, dividers[4])


class PlayedBoard(wiring.Component):
    """What stands for a `Board`: it sends back what it hears, and has two contexts that run."""

    def __init__(self, geometry, skeletons, *, divisor):
        self.lit = Signal(2)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "running": Out(2)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.tx.eq(self.rx), self.running.eq(self.lit)]
        return m


class PlayedPlatform:
    """A platform of a clock, a UART and lamps, which notes what is asked for."""

    default_clk = "clk25"
    default_clk_frequency = 25e6

    def __init__(self):
        self.clock, self.rx, self.tx = Signal(), Signal(), Signal()
        self.lamps = [Signal(name=f"lamp{index}") for index in range(2)]
        self.asked, self.constraints = [], []

    def request(self, name, number=0, **options):
        self.asked.append((name, number, options))
        if name == "uart":
            return SimpleNamespace(rx=SimpleNamespace(i=self.rx), tx=SimpleNamespace(o=self.tx))
        if name == "led":
            return SimpleNamespace(o=self.lamps[number])
        return SimpleNamespace(i=self.clock)

    def add_clock_constraint(self, clock, frequency):
        self.constraints.append((clock, frequency))


@pytest.fixture
def played(monkeypatch):
    """A top whose board and PLL are played: the top, its platform, its fragment, the PLL's pins."""
    pins = {}

    def instance(kind, **arguments):
        pins.update(arguments, kind=kind)
        return Module()

    monkeypatch.setattr(top, "Board", PlayedBoard)
    monkeypatch.setattr(pll, "Instance", instance)
    design, platform = BoardTop(GEOMETRY, ("a", "b"), pll=PLL), PlayedPlatform()
    fragment = Fragment.get(design, platform)
    return SimpleNamespace(design=design, platform=platform, fragment=fragment, pins=pins)


@pytest.mark.parametrize(
    ("options", "divisor"), [({}, 20), ({"baud": 1_000_000}, 60), ({"baud": 115_200}, 521)]
)
def test_a_bit_lasts_as_many_clocks_of_the_link_as_the_rate_asks_for(monkeypatch, options, divisor):
    made = []
    monkeypatch.setattr(top, "Board", lambda *given, divisor: made.append((*given, divisor)))
    BoardTop(GEOMETRY, ("a", "b"), pll=PLL, **options)
    assert made == [(GEOMETRY, ("a", "b"), divisor)]


def test_the_pll_is_fed_by_the_oscillator_and_by_the_chips_clock(played):
    pins, domains = played.pins, played.fragment.domains
    sync, link, locked = domains["sync"], domains["link"], pins.pop("o_LOCK")
    assert sync.clk is not link.clk and len(locked) == 1
    for pin in ("i_CLKI", "i_CLKFB", "o_CLKOP", "o_CLKOS"):
        wanted = {"i_CLKI": played.platform.clock, "o_CLKOS": link.clk}.get(pin, sync.clk)
        assert pins.pop(pin) is wanted, pin
    high = {"PHASEDIR", "PHASESTEP", "PHASELOADREG"}
    low = {"RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP", "ENCLKOS"}
    inputs = {name[2:]: pins.pop(name).value for name in sorted(pins) if name.startswith("i_")}
    assert inputs == dict.fromkeys(high, 1) | dict.fromkeys(low, 0)
    disabled = ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE")
    assert pins == {
        "kind": "EHXPLLL",
        **{f"p_{name}": "DISABLED" for name in disabled},
        "p_FEEDBK_PATH": "CLKOP",
        "p_CLKI_DIV": 5,
        "p_CLKFB_DIV": 32,
        "p_OUTDIVIDER_MUXA": "DIVA",
        "p_CLKOP_ENABLE": "ENABLED",
        "p_CLKOP_DIV": 3,
        "p_CLKOP_CPHASE": 2,
        "p_CLKOP_FPHASE": 0,
        "p_OUTDIVIDER_MUXB": "DIVB",
        "p_CLKOS_ENABLE": "ENABLED",
        "p_CLKOS_DIV": 8,
        "p_CLKOS_CPHASE": 7,
        "p_CLKOS_FPHASE": 0,
        "a_FREQUENCY_PIN_CLKI": "25.0",
        "a_FREQUENCY_PIN_CLKOP": "160",
        "a_FREQUENCY_PIN_CLKOS": "60",
    }
    constraints = {id(clock): frequency for clock, frequency in played.platform.constraints}
    assert constraints == {id(sync.clk): 160e6, id(link.clk): 60e6}
    assert played.platform.asked[0] == ("clk25", 0, {"dir": "i"})


def run(played, bench):
    """Run a bench on a played top; the simulator makes the link's clock."""
    simulator = Simulator(played.fragment)
    simulator.add_clock(1e-6, domain="link")
    simulator.add_testbench(bench)
    finish(simulator, 1000, "the top hangs")


def test_the_reset_is_held_until_the_pll_has_locked_and_16_clocks_more(played):
    reset, locked = played.fragment.domains["link"].rst, played.pins["o_LOCK"]
    held = []

    async def bench(ctx):
        for _ in range(40):
            await ctx.tick("link")
            assert ctx.get(reset) == 1
        ctx.set(locked, 1)
        for _ in range(20):
            held.append(ctx.get(reset))
            await ctx.tick("link")
        ctx.set(locked, 0)
        await ctx.tick("link").repeat(40)
        assert ctx.get(reset) == 0, "once is enough"

    assert played.fragment.domains["sync"].rst is None, "the crossing resets the chip"
    run(played, bench)
    assert held == [1] * 16 + [0] * 4


def test_wires_and_lamps_are_the_boards(played):
    platform, lit = played.platform, played.design.board.lit

    async def bench(ctx):
        for level, running in ((1, 0), (0, 1), (0, 2), (1, 3)):
            ctx.set(platform.rx, level)
            ctx.set(lit, running)
            await ctx.tick("link")
            assert ctx.get(platform.tx) == level
            assert [ctx.get(lamp) for lamp in platform.lamps] == [running & 1, running >> 1]

    run(played, bench)
    asked = [("uart", 0, {}), ("led", 0, {}), ("led", 1, {})]
    assert platform.asked == [("clk25", 0, {"dir": "i"}), *asked]
