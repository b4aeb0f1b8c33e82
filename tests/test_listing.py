"""The Verilog as people read it: its header, and how it declares ports."""

import re

import pytest

from golden.wire import COMMAND, Operation
from hw.flow.listing import WAIVERS, describe, present
from hw.ports import FLUSH

TEXT = r"""(* top =  1  *)
module top(i_command_payload, i_command_valid, other_clk, rst, i_command_ready, clk
, odd);
  reg \$auto$verilog_backend.cc:2505:dump_module$3  = 0;
  input [4:0] i_command_payload;
  wire [4:0] i_command_payload;
  input i_command_valid;
  wire i_command_valid;
  input other_clk;
  wire other_clk;
  input rst;
  wire rst;
  (* keep = 32'd1 *)
  output i_command_ready;
  reg i_command_ready = 1'h0;
  input clk;
  wire clk;
  output signed [1:0] odd;
  wire signed [1:0] odd;
  reg [7:0] rows [1:0];
  always @* begin
    if (\$auto$verilog_backend.cc:2505:dump_module$3 ) begin end
  end
endmodule

module inner(b, clk, a);
  input b;
  wire b;
  input clk;
  wire clk;
  output a;
  wire a;
  assign a = b;
endmodule
"""
GATE = {"field": "gate", "offset": 1, "bits": 2, "fields": []}
GATE["fields"] = [{"field": "every", "offset": 1, "bits": 1}]
PORTS = {
    "clk": {"direction": "in", "bits": 1},
    "rst": {"direction": "in", "bits": 1},
    "none": {"direction": "in", "bits": 1},
    "i_command_payload": {
        "direction": "in",
        "bits": 5,
        "fields": [
            {"field": "last", "offset": 0, "bits": 1},
            GATE,
            {"field": "operation", "offset": 3, "bits": 2, "values": {"ZERO": 4, "RUN": 5}},
        ],
    },
    "i_command_valid": {"direction": "in", "bits": 1},
    "i_command_ready": {"direction": "out", "bits": 1},
    "odd": {"direction": "out", "bits": 2},
}


@pytest.fixture(scope="module")
def listing():
    """What becomes of the text."""
    return present(TEXT, "top", PORTS, ["a toy"])


def test_ports_are_declared_one_a_line_in_their_order(listing):
    assert (
        "module top (\n"
        "  input  wire other_clk,\n"
        "  input  wire clk,\n"
        "  input  wire rst,\n"
        "  input  wire [4:0] i_command_payload,\n"
        "  input  wire i_command_valid,\n"
        "  (* keep = 32'd1 *)\n"
        "  output reg i_command_ready = 1'h0,\n"
        "  output wire signed [1:0] odd\n"
        ");\n"
        "  reg at_start = 0;\n"
        "  reg [7:0] rows [1:0];\n"
        "  always @* begin\n"
        "    if (at_start) begin end\n"
        "  end\n"
        "endmodule\n"
    ) in listing
    inner = "  input  wire clk,\n  input  wire b,\n  output wire a\n"
    assert f"module inner (\n{inner});\n  assign a = b;\nendmodule\n" in listing


def test_a_header_tells_every_port_and_field(listing):
    lines = [line.split() for line in listing.splitlines() if line.startswith("//")]
    assert lines[0] == ["//", "a", "toy"]
    table = [line[1:] for line in lines if len(line) > 2]
    for want in (
        "in clk clock: every register",
        f"in rst reset, synchronous, active high, for at least {FLUSH} clocks;",
        "in other_clk clock:",
        "in [4:0] i_command_payload what to do, and with which context",
        "[0] last whether it is the plane's last code",
        "[2:1] gate when and where",
        f"[2] every {COMMAND['every'].meaning}",
        f"[4:3] operation {COMMAND['operation'].meaning}",
        f"4 ZERO {Operation.ZERO.meanings[0]}",
        "out [1:0] odd",
    ):
        assert any(line[: len(want.split())] == want.split() for line in table), want
    assert "none" not in [word for line in table for word in line[:2]], "no such port"


def test_a_header_tells_why_each_warning_is_switched_off(listing):
    head, _, rest = listing.partition("// verilator lint_save\n")
    comment = " ".join(re.sub(r"^// *", "", line) for line in head.splitlines())
    for rule, reason in WAIVERS.items():
        assert f"{rule} {reason}" in re.sub(" +", " ", comment)
        assert f"// verilator lint_off {rule}\n" in rest
    assert rest.endswith("endmodule\n// verilator lint_restore\n")
    assert "verilator" not in head, "a comment that begins so is an order"


def test_a_chip_is_described_by_its_facts():
    facts = {
        "top": "it",
        "spec": {"height": 8, "width": 16, "channels": 4, "multiplier": 3},
        "filters": 2,
        "contexts": 7,
        "clocks_per_step": 99,
        "clocks_per_run": {"overhead": 11},
        "skeleton_places": 6,
        "skeletons": [{"name": "one", "digest": "123"}, {"name": "other", "digest": "456"}],
    }
    text = "\n".join(re.sub(" +", " ", line) for line in describe(facts))
    for want in (
        "it: a chip",
        "7, of 8 x 16 cells of 4 channels",
        "2 of 12 a clock",
        "steps * 99 + 11 for a run",
        "6 places, counted from 0:\n one 123\n other 456\n",
        "it.json",
    ):
        assert want in text
