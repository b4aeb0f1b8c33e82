"""The options of every verb: the names, defaults and ranges that users and scripts rely on."""

from pathlib import Path

import pytest
import typer

from sw.cli import Misuse, app

VERBS = typer.main.get_command(app).commands
DEVICE = {"device": "golden", "gate": None, "no_gate": False, "steps": None, "filters": 5,
          "baud": 3_000_000, "data": None}  # fmt: skip
MEMORY = {"skeleton": "digits-memory", "gate": None, "no_gate": False, "images": 1000, "noise": 100,
          "full": False, "seed": 0, "no_chip": False, "data": None, "letters": None,
          "output": Path("build/memory"), "docs": False}  # fmt: skip
SHAPE = {"gated": True, "start": None, "every": None, "mapping": None, "multiplier": None,
         "channels": None, "image": None, "side": None, "steps": None,
         "boundary": None}  # fmt: skip
TRAIN = SHAPE | {"name": "digits", "data": None, "fit": False, "output": Path("build/train"),
         "ship": False,
         "device": "cpu", "threads": 1, "recipe": "restore", "seed": 0, "batches": 16000,
         "qat_batches": None, "hold_batches": None, "motion": 160.0, "forget": 0.0, "begin": None,
         "after": None, "hurt": 0.0,
         "letters": "letters-upper", "rehearsal": "stored", "loss": None, "supervise": "last",
         "teacher": None, "optimiser": "soap", "rate": 0.02, "qat_rate": 0.001, "hold_rate": 0.008,
         "averaging": 0.999, "weight_bits": 8, "plane_bits": 8, "batch": 32, "damage": 0.7,
         "noise": 0.0, "dropout": 0.0}  # fmt: skip
LEAST = {
    "restore": ["x", "--skeleton", "s", "--output", "o"],
    "referee": ["--output", "o"],
    "baseline": ["mlp"],
    "export": ["s"],
    "verilog": ["s"],
    "bitstream": ["b"],
    "netlist-sim": ["b"],
    "reskeleton": ["b", "s", "--output", "o"],
    "program": ["b"],
    "compare": ["s", "--data", "d"],
}
"""What a verb must be told; the others need nothing."""

DEFAULTS = {
    "restore": DEVICE | {"source": "x", "skeleton": "s", "output": Path("o"), "damage": None,
                         "originals": None, "from_step": 0, "invert": False, "fit": False,
                         "trace": None},
    "play": {"device": None, "port": 8420, "filters": 5, "baud": 3_000_000, "output": None},
    "check": {"device": "golden", "skeleton": (), "quick": False, "seed": 0, "filters": 5,
              "baud": 3_000_000, "output": Path("build/check/check.json")},
    "eval": DEVICE | {"subject": None, "images": None, "damage": 0.7, "output": None,
                      "curves": False, "ship": False},
    "export": {"subject": "s", "onnx": None, "qonnx": None, "c": None, "no_gate": False,
               "gate": None, "steps": None},
    "train": TRAIN,
    "yours": SHAPE | {"data": Path("sklearn:digits"), "fit": False, "damage": 0.7, "batches": 4000,
                      "images": 20, "seed": 0, "name": "yours", "output": Path("build/yours"),
                      "docs": False},
    "ablate": {"rows": None, "seeds": "0,1", "batches": 800, "qat_batches": 200,
               "qat_rate": 1e-3, "threads": 1, "data": None, "output": Path("build/ablation"),
               "docs": False, "part": "ablation"},
    "referee": {"output": Path("o"), "data": None, "second": False},
    "baseline": {"name": "mlp", "data": None, "output": Path("build/baselines"), "batches": None,
                 "batch": None, "loss": None, "threads": 1, "device": "cpu", "ship": False},
    "verilog": {"subjects": ["s"], "filters": None, "hardwired": False,
                "output": Path("build/verilog")},
    "estimate": {"board": None, "filters": None, "link": "uart", "skeleton": None,
                 "channels": None, "multiplier": None, "side": None, "boundary": None,
                 "all": False, "hardwired": False, "place": False, "output": None},
    "bitstream": {"board": "b", "subjects": (), "filters": None, "link": "uart", "seeds": 5,
                  "output": None},
    "netlist-sim": {"board": "b", "subjects": (), "link": "uart", "images": 1, "states": False},
    "reskeleton": {"bitstream": Path("b"), "subjects": ["s"], "output": Path("o")},
    "program": {"board": "b", "bitstream": None, "link": "uart", "flash": False},
    "asic": {"subjects": (), "library": "sg13g2", "corner": "typ", "design": "f1", "liberty": None,
             "skeleton_memory": "logic", "output": None, "librelane": None,
             "tiny_tapeout": None, "clock_gates": False},
    "asic-sim": {"subjects": (), "library": "sg13g2", "corner": "typ", "design": "f1",
                 "liberty": None, "images": 1, "seed": 0, "clock_gates": False,
                 "energy": False},
    "sim": {"subject": "digits", "images": 20, "filters": None, "hardwired": False,
            "netlist": False, "gate": None,
            "no_gate": False, "data": None},
    "simulate": {"subjects": (), "board": None, "filters": None, "baud": 3_000_000},
    "demo": {"subject": "digits", "images": 20, "output": Path("build/demo"), "filters": 5},
    "bench": {"output": Path("build/bench/results.json"), "board": "ulx3s-25f"},
    "memory": MEMORY | {"experiments": ()},
    "compare": {"skeletons": ["s"], "data": Path("d"), "fit": False, "baselines": None,
                "images": None, "name": "yours", "output": Path("build/compare"), "docs": False},
    "docs": {"check": False, "pictures": False},
}  # fmt: skip

RANGES = [
    *((verb, "--steps", 0, 1_000_000) for verb in ("restore", "eval")),
    *((verb, "--damage", 0, 1) for verb in ("restore", "eval")),
    *(
        (verb, "--baud", 300, 24_000_000)
        for verb in ("restore", "play", "check", "eval", "simulate")
    ),
    ("restore", "--from-step", 0, 1_000_000),
    ("eval", "--images", 1, None),
    ("compare", "--images", 1, None),
    ("export", "--steps", 1, None),
    ("play", "--port", 0, 65535),
    ("sim", "--images", 1, None),
    ("demo", "--images", 1, 100),
    ("netlist-sim", "--images", 1, 100),
    ("bitstream", "--seeds", 1, 1000),
    ("estimate", "--filters", 1, None),
    ("estimate", "--channels", 4, 16),
    ("estimate", "--side", 4, 64),
    ("memory", "--images", 10, None),
    ("memory", "--noise", 10, 100_000),
    ("memory", "--seed", 0, None),
    ("check", "--seed", 0, None),
]


def parsed(verb, *words):
    """Return what a verb is called with, for these words and the least that it must be told."""
    return VERBS[verb].make_context(verb, [*LEAST.get(verb, []), *map(str, words)]).params


def test_these_are_all_verbs():
    assert set(VERBS) == set(DEFAULTS)


@pytest.mark.parametrize("verb", DEFAULTS)
def test_a_verb_that_is_told_the_least_does_the_usual(verb):
    assert parsed(verb) == DEFAULTS[verb]


@pytest.mark.parametrize(("verb", "option", "least", "most"), RANGES)
def test_numbers_are_taken_up_to_their_bounds_and_refused_beyond(verb, option, least, most):
    name = option[2:].replace("-", "_")
    for edge, beyond in ((least, -1), (most, 1)):
        if edge is not None:
            assert parsed(verb, option, edge)[name] == edge
            with pytest.raises(Misuse) as error:
                parsed(verb, option, edge + beyond)
            assert f"'{option}'" in error.value.format_message()


FLAGS = {"gated": "--no-gate"}
VALUES = {"damage": 0.25, "baud": 9600, "images": 33}
ARGUMENTS = {
    *(("restore", "source"), ("eval", "subject"), ("sim", "subject"), ("demo", "subject")),
    *(("baseline", "name"), ("bitstream", "board"), ("netlist-sim", "board"), ("program", "board")),
    *(("reskeleton", "bitstream"), ("memory", "experiments"), ("export", "subject")),
    ("compare", "skeletons"),
}


@pytest.mark.parametrize("verb", DEFAULTS)
def test_each_option_has_its_own_name_and_changes_nothing_else(verb):
    usual = DEFAULTS[verb]
    for name, value in usual.items():
        if name == "subjects" or (verb, name) in ARGUMENTS:
            continue
        if value == ():  # it may be given several times
            words = [f"--{name}", "a", f"--{name}", "b"]
            assert [*parsed(verb, *words)[name]] == ["a", "b"]
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            assert parsed(verb, FLAGS.get(name, option)) == usual | {name: not value}
        else:
            given = VALUES.get(name, 11)
            found = parsed(verb, option, given)
            assert found == usual | {name: found[name]} and str(found[name]) in (
                str(given), f"{given}.0",
            )  # fmt: skip
