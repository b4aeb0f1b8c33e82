"""Plain names: what Amaranth's become in the Verilog, and that they stay apart."""

import re

import pytest

from hw.flow.names import instance_path, module_name, plain_name, rename

DESIGN = r"""
module \top
  attribute \src "a \\b.py:1"
  wire width 4 input 0  \i__payload
  wire width 4 \i_payload$3
  wire width 2 \i_payload$3.low
  wire width 1 \i_payload$3[0]
  wire width 1 \context
  wire width 1 \$signal
  wire width 2 $6
  memory width 8 size 4 \rows$2
  cell $memrd_v2 $5
    connect \DATA $6
    parameter \MEMID "\\rows$2"
    connect \ADDR \i_payload$3 [1:0]
  end
  cell \top.part \part
    connect \output \context
    connect \port$7$0 \i__payload [3:2]
  end
  process $4
    assign \context [0] 1'0
    switch { \$signal [0] $6 [1] }
      case 1'1
        assign \context [0] \i_payload$3[0]
    end
  end
connect \i_payload$3 \i__payload [3:0]
end
module \top.part
  wire width 1 output 0  \output
  wire width 2 input 1  \port$7$0
  wire width 1 input 2  \port$8$0
  wire width 1 input 3  \port$9$0
  wire width 2 output 4  \port$10$2
  wire width 8 \address
connect \address { 3'000 \port$8$0 [0] 2'00 \port$7$0 [1:0] }
connect \port$10$2 \sum$4 [5:4]
end
"""


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("i_data", "i_data"),
        ("i_data__payload", "i_data_payload"),
        ("slot$4.address", "slot_4_address"),
        ("codes[3]", "codes_3"),
        ("codes[3].bias", "codes_3_bias"),
        ("context", "context_"),
        ("checker", "checker_"),
        ("thalweg.checker", "thalweg_checker"),
    ],
)
def test_a_name_becomes_plain_and_a_plain_one_stays(name, plain):
    assert plain_name(name) == plain_name(plain) == plain
    assert re.fullmatch(r"[a-z]\w*", plain)


def test_a_module_is_named_after_its_path_in_the_design_and_in_the_verilog():
    assert instance_path("chip.checker.rom") == "chip.checker_.rom"
    for path in ("chip.checker.rom", instance_path("chip.checker.rom")):
        assert module_name("top", path) == "top_chip_checker_rom"


def test_every_name_of_a_design_is_renamed_where_it_stands():
    text = rename(DESIGN)
    wires = re.findall(r"^(?:wire|memory) .*\\(\S+)$", text, re.MULTILINE)
    first = ["i_payload", "i_payload_2", "i_payload_2_low", "i_payload_2_0"]
    # Parts without a name are called after the bits of the signal that they are.
    ports = ["output_", "address_1_0", "address_4", "port", "sum_5_4"]
    assert wires == [*first, "context_", "signal", "net_6", "rows", *ports, "address"]
    for line in (
        'parameter \\MEMID "\\\\rows"',
        r"connect \ADDR \i_payload_2 [1:0]",
        r"cell \top_part \part",
        r"connect \output_ \context_",
        r"connect \address_1_0 \i_payload [3:2]",
        r"assign \context_ [0] \i_payload_2_0",
        r"switch { \signal [0] \net_6 [1] }",
        r"cell $memrd_v2 $5",
        r"wire width 2 \net_6",
        r"connect \DATA \net_6",
        r"connect \i_payload_2 \i_payload [3:0]",
        r"module \top_part",
        r"connect \address { 3'000 \address_4 [0] 2'00 \address_1_0 [1:0] }",
    ):
        assert line in text
    assert r'attribute \src "a \\b.py:1"' in text, "texts stay"


def test_names_that_would_be_the_same_get_numbers_and_ports_keep_theirs():
    wires = ["wire width 1 \\a_b", "wire width 1 \\a.b", "wire width 1 input 0  \\a__b"]
    text = rename("module \\top\n  " + "\n  ".join([*wires, "wire width 1 \\a$b"]) + "\nend\n")
    assert re.findall(r"^wire .*\\(\w+)$", text, re.MULTILINE) == ["a_b_2", "a_b_3", "a_b", "a"]
