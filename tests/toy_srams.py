"""Verilog that does what the SRAMs of the PDKs do, for simulations: no file of a PDK is needed.

Where an SRAM gives anything, or gives no data in time, these give the opposite of its contents.
"""

from hw.asic.srams import SRAMS

__all__ = ["sram_models"]


def sram_models(library):
    """Return Verilog of every SRAM of a library, by its name."""
    make = ihp if library == "sg13g2" else openram
    return "\n".join(make(sram) for sram in SRAMS[library].srams)


def ihp(sram):
    """Return an SRAM of IHP's: it works when MEN is high, and DLY must be."""
    high, address = sram.bits - 1, sram.rows.bit_length() - 2
    sides = "A" if sram.single else "AB"
    names, lines = [], []
    for side in sides:
        inputs = {"CLK": 0, "MEN": 0, "WEN": 0, "REN": 0, "ADDR": address, "DIN": high, "BM": high}
        tests = {f"BIST_{name}": top for name, top in inputs.items()} | {"BIST_EN": 0, "DLY": 0}
        names += [f"input [{top}:0] {side}_{name}" for name, top in (inputs | tests).items()]
        names += [f"output [{high}:0] {side}_DOUT"]
        at = f"memory[{side}_ADDR]"
        lines += [
            f"    reg [{high}:0] {side}_shown;",
            f"    assign {side}_DOUT = {side}_DLY ? {side}_shown : ~{side}_shown;",
            f"    always @(posedge {side}_CLK) if ({side}_MEN && !{side}_BIST_EN) begin",
            f"        if ({side}_WEN)",
            f"            {at} <= ({at} & ~{side}_BM) | ({side}_DIN & {side}_BM);",
            f"        if ({side}_REN) {side}_shown <= {side}_WEN ? ~{at} : {at};",
            "    end",
        ]
    return module(sram, names, lines)


def openram(sram):
    """Return an SRAM of OpenRAM's: selects are low, and data come with the clock's other edge.

    They stay for the clock of the read alone.
    """
    high, address, mask = sram.bits - 1, sram.rows.bit_length() - 2, sram.bits // 8 - 1
    inputs = {"clk0": 0, "csb0": 0, "web0": 0, "wmask0": mask, "addr0": address, "din0": high}
    inputs |= {"clk1": 0, "csb1": 0, "addr1": address}
    names = [f"input [{top}:0] {name}" for name, top in inputs.items()]
    names += [f"output [{high}:0] dout0", f"output [{high}:0] dout1"]
    lines = ["    always @(posedge clk0) if (!csb0 && !web0) begin"]
    lines += [
        f"        if (wmask0[{part}])"
        f" memory[addr0][{8 * part + 7}:{8 * part}] <= din0[{8 * part + 7}:{8 * part}];"
        for part in range(mask + 1)
    ]
    lines += [
        "    end",
        f"    reg [{high}:0] shown;",
        "    assign dout0 = ~shown;",
        "    assign dout1 = shown;",
        "    always @(posedge clk1) shown <= csb1 ? ~memory[addr1] : memory[addr1];",
    ]
    return module(sram, names, lines)


def module(sram, names, lines):
    """Return a module with a memory."""
    return "\n".join([
        f"module {sram.name}(",
        ",\n".join(f"    {name}" for name in names),
        ");",
        f"    reg [{sram.bits - 1}:0] memory [0:{sram.rows - 1}];",
        *lines,
        "endmodule\n",
    ])
