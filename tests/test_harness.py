"""The harness of a chip that is only placed: every port counts, and few pins are left."""

import numpy as np
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.flow.harness import Harness


class Sums(wiring.Component):
    """Adds two numbers of a stream and a port; tells whether there is one."""

    pair: In(stream.Signature(4))
    more: In(4)
    total: Out(5)
    some: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.pair.ready.eq(self.more != 0),
            self.total.eq(self.pair.payload + self.more),
            self.some.eq(self.pair.valid),
        ]
        return m


def expected(chip, bits):
    """Return what comes out: inputs in the order of the signature, outputs likewise."""
    given, folded, found = [0] * 9, [0] * 7, []
    ports = [(path, member) for path, member, _ in chip.signature.flatten(chip)]
    for bit in bits:
        found.append(folded[-1])
        flat = iter(given)
        number = {}
        for path, member in ports:
            if member.flow is In:
                width = Shape.cast(member.shape).width
                number[path] = sum(next(flat) << place for place in range(width))
        more, payload = number["more",], number["pair", "payload"]
        values = {("total",): (payload + more, 5), ("some",): (number["pair", "valid"], 1),
                  ("pair", "ready"): (int(more != 0), 1)}  # fmt: skip
        outputs = []
        for path, member in ports:
            if member.flow is Out:
                value, width = values[path]
                outputs += [value >> place & 1 for place in range(width)]
        shifted = [given[-1], *folded[:-1]]
        folded = [a ^ b for a, b in zip(shifted, outputs, strict=True)]
        given = [bit, *given[:-1]]
    return found


def test_inputs_are_shifted_in_and_all_outputs_folded_out():
    bits = np.random.default_rng(0).integers(0, 2, 300).tolist()
    dut, found = Harness(Sums()), []

    async def bench(ctx):
        for bit in bits:
            ctx.set(dut.i, bit)
            found.append(ctx.get(dut.o))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == expected(dut.chip, bits) and 0 < sum(found) < len(found)
