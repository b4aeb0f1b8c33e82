import json
import os
import signal
from dataclasses import replace

import pytest

import sw.train.run as training
from golden.errors import InputError
from golden.spec import Gate, Spec
from sw.data.load import Digits, show_digits
from sw.experiments.ablation import page
from sw.experiments.ablation.measure import Ablation
from sw.experiments.ablation.rows import ROWS, Row, choose_rows
from sw.experiments.table.automata import link_bytes
from sw.train.options import Options
from sw.train.run import train_batch

GATE = Gate(input_channel=0, output_channel=1, start=1)
TINY = Spec(channels=2, multiplier=1, steps=2, gate=GATE)
BASE = Row(name="base", says="as it is")
PHASES = Row(name="phase4", says="phases", changes={"mapping": "phase4", "plane_bits": 4}, qat=2)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def digits():
    images, labels = show_digits()
    return Digits(images[:32], labels[:32], images[40:46], labels[40:46], "show digits")


@pytest.fixture
def ablation(tmp_path, digits):
    """Two rows of runs that take a moment."""
    base = Options(spec=TINY, output=tmp_path / "ablation", batches=2, qat_batches=1, batch=2)
    return Ablation(base, digits, (BASE, PHASES))


def test_every_row_makes_options():
    base = Options(batches=800, qat_batches=200)
    made = {}
    for row in ROWS:
        if row.lacks() is None:
            made[row.name] = row.options(base, 1)
    assert made["base"] == replace(base, seed=1)
    told = [json.dumps(options.trained_with(), sort_keys=True) for options in made.values()]
    assert len(set(told)) == len(told)
    assert made["no-gate"].spec.gate is None
    assert made["m-6"].spec.multiplier == 6
    assert [made[name].qat_batches for name in ("qat-half", "qat-double")] == [100, 400]
    openings = {
        name: [step for step in range(1, 11) if made[name].spec.gate.is_open(step)]
        for name in ("once", "from-4", "every-step")
    }
    assert openings == {
        "once": [5],
        "from-4": [*range(4, 11)],
        "every-step": [*range(1, 11)],
    }


def test_rows_are_trained_measured_and_kept(ablation, monkeypatch):
    first = ablation.run(ablation.rows, (0, 1))
    monkeypatch.setattr(training, "train_batch", None)
    again = ablation.run(ablation.rows, (0, 1))

    assert first == again == json.loads(ablation.path.read_text())
    assert (first["batches"], first["qat_batches"], first["batch"]) == (2, 1, 2)
    assert first["digits"] == {"rows": "test", "images": 6}
    base, phases = first["rows"]
    assert phases["changes"] == {"mapping": "phase4", "plane_bits": 4, "qat_batches": 2}
    assert base["link_bytes"] == 2 * 784 + 2 * (1024 + 256)
    assert phases["link_bytes"] == 2 * 784 + 2 * (512 + 256)
    assert [run["seed"] for run in phases["runs"]] == [0, 1]
    apart = [
        one["psnr_mean"] - other["psnr_mean"]
        for one, other in zip(phases["runs"], base["runs"], strict=True)
    ]
    assert phases["psnr_to_base"] == pytest.approx(sum(apart) / 2, abs=1e-3)
    assert (base["psnr_to_base"], base["digit_id_to_base"]) == (None, None)
    decibels = [run["psnr_mean"] for run in base["runs"]]
    assert base["psnr_mean"] == pytest.approx(sum(decibels) / 2, abs=1e-3)
    assert base["psnr_spread"] == pytest.approx(max(decibels) - min(decibels), abs=1e-3)
    left = {path.name for path in (ablation.base.output / "runs").glob("*/*")}
    assert left == {"result.json"}


def test_another_budget_leaves_what_was_measured(ablation):
    ablation.run([BASE], (0,))
    longer = Ablation(replace(ablation.base, batches=3), ablation.digits, ablation.rows)
    assert [len(row["runs"]) for row in longer.run([BASE], (0, 1))["rows"]] == [2]
    assert [len(row["runs"]) for row in ablation.results()["rows"]] == [1]


def test_a_broken_run_goes_on(ablation, monkeypatch):
    whole = ablation.run([PHASES], (0,))["rows"][0]["runs"][0]
    again = Ablation(
        replace(ablation.base, output=ablation.base.output / "again"),
        ablation.digits,
        ablation.rows,
    )
    trained = []

    def stopping(*arguments):
        trained.append(1)
        if len(trained) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return train_batch(*arguments)

    monkeypatch.setattr(training, "train_batch", stopping)
    with pytest.raises(SystemExit) as stop:
        again.run([PHASES], (0,))
    assert stop.value.code == 128 + signal.SIGTERM
    found = again.run([PHASES], (0,))["rows"][0]["runs"][0]

    assert len(trained) == 4
    assert found | {"seconds": 0} == whole | {"seconds": 0}


def test_a_row_without_its_teacher_is_left_out_aloud(ablation, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sw.model.baselines.shelf.weights_of.__defaults__", (tmp_path,))
    taught = Row(name="taught", says="taught", changes={"teacher": "mlp"})
    lonely = Ablation(ablation.base, ablation.digits, (taught,))

    assert lonely.run([taught], (0,))["rows"] == []
    assert capsys.readouterr().err == (
        f"taught: left out, {tmp_path / 'mlp.safetensors'} must be there: "
        "thalweg baseline mlp --ship makes it\n"
    )


def test_rows_are_chosen_in_the_order_of_the_table():
    assert choose_rows([], ROWS) == list(ROWS)
    assert [row.name for row in choose_rows(["adam", "base"], ROWS)] == ["base", "adam"]


def test_command_line(thalweg, fails, monkeypatch, tmp_path, digits):
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    output = tmp_path / "out"
    amount = ("--batches", 1, "--qat-batches", 1, "--seeds", "0", "--output", output)
    code, out, _ = thalweg("ablate", "--rows", "base,weights-5-bits", *amount)
    assert code == 0
    assert out.splitlines()[-1] == f"wrote {output / 'results.json'}"
    assert "| the rule's weights of 5 bits | " in out

    names = ", ".join(row.name for row in ROWS)
    fails(f"Row must be one of {names}, not 'bogus'", "ablate", "--rows", "base,bogus")
    text = "--seeds must be numbers from 0 on, as in 0,1, not 'all'"
    fails(text, "ablate", "--seeds", "all")
    fails("--part must be ablation or seeds, not 'x'", "ablate", "--part", "x")


def test_every_option_of_the_command_reaches_the_runs(thalweg, monkeypatch, tmp_path, digits):
    asked = []
    monkeypatch.setattr("sw.data.load.load", lambda data, download: digits)
    monkeypatch.setattr(
        Ablation,
        "run",
        lambda self, rows, seeds: asked.append((self.base, self.digits, rows, seeds)) or {},
    )
    monkeypatch.setattr(page, "PARTS", {"seeds": lambda results: "a page"})
    amount = (
        "--batches",
        7,
        "--qat-batches",
        5,
        "--qat-rate",
        0.004,
        "--threads",
        2,
        "--seeds",
        "4,3",
        "--part",
        "seeds",
    )
    output = tmp_path / "out"
    code, out, _ = thalweg("ablate", "--rows", "adam,base", *amount, "--output", output)
    assert (code, out) == (0, f"a page\nwrote {output / 'results.json'}\n")
    base = Options(output=output, threads=2, batches=7, qat_batches=5, qat_rate=0.004)
    assert asked == [(base, digits, choose_rows(["base", "adam"], ROWS), [4, 3])]


def test_page_shows_what_was_measured(ablation, tmp_path):
    assert page.parts(tmp_path) == {"ablation": "", "seeds": ""}
    ablation.run(ablation.rows, (0,))
    copy = page.publish(ablation.path, "ablation", tmp_path)
    text = page.parts(tmp_path)["ablation"]
    head, text = text.split("\n\n")
    headings, _, base, phases = text.splitlines()
    assert head.startswith(
        "2 batches of 2 in float, 1 of QAT at a rate of 0.001; seeds per row: 1. Int8 on golden, "
    )
    assert headings.startswith("| change | mean PSNR | spread | difference to base |")
    assert base.startswith("| as it is | ")
    assert phases.count(" dB |") == 3
    results = json.loads(copy.read_text())
    results["digits"]["rows"] = "show"
    copy.write_text(json.dumps(results))
    with pytest.raises(InputError, match="Results in docs must be of MNIST's test digits"):
        page.publish(copy, "seeds", tmp_path)


def test_seeds_are_shown_run_by_run(ablation, tmp_path):
    runs = ablation.run([BASE], (0, 1, 2))["rows"][0]["runs"]
    page.publish(ablation.path, "seeds", tmp_path)
    text = page.parts(tmp_path)["seeds"]
    head, text = text.split("\n\n")
    _, _, *lines, spread = text.splitlines()
    assert "seeds per row: 3." in head
    for run, line in zip(runs, lines, strict=True):
        assert line.startswith(f"| as it is, seed {run['seed']} | {run['psnr_mean']:.2f} dB |")
    decibels = [run["psnr_mean"] for run in runs]
    assert spread.startswith(f"| spread | {max(decibels) - min(decibels):.2f} dB |")


def test_bytes_over_the_link_fall_with_the_bits_of_a_plane():
    spec = replace(TINY, steps=10)
    assert link_bytes(spec) - link_bytes(spec, 4) == 10 * 512
    assert link_bytes(replace(spec, gate=None), 4) == 2 * 784
