"""What verbs of training hand on: every option reaches the argument it is meant for."""

from pathlib import Path

import pytest

import sw.train.run
from sw.data.load import show_digits
from sw.judge.evaluate import Judged
from sw.judge.referee import FIRST
from sw.judge.referee.second import SECOND
from sw.train.options import Options, spec_for
from tests.recorded import Calls

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

TRAIN = {
    ("--name", "x"): {"name": "x"},
    ("--data", "d"): {"data": Path("d")},
    ("--output", "o"): {"output": Path("o")},
    ("--ship",): {"ship": True},
    ("--threads", 2): {"threads": 2},
    ("--recipe", "memory"): {"recipe": "memory", "spec": spec_for("memory")},
    ("--seed", 3): {"seed": 3},
    ("--batches", 41): {"batches": 41},
    ("--qat-batches", 42): {"qat_batches": 42},
    ("--begin", "digits-ca"): {"begin": "digits-ca"},
    ("--loss", "mse"): {"loss": "mse"},
    ("--supervise", "every"): {"supervise": "every"},
    ("--teacher", "mlp"): {"teacher": "mlp"},
    ("--optimiser", "adam"): {"optimiser": "adam"},
    ("--rate", 0.5): {"rate": 0.5},
    ("--qat-rate", 0.25): {"qat_rate": 0.25},
    ("--averaging", 0.5): {"averaging": 0.5},
    ("--weight-bits", 5): {"weight_bits": 5},
    ("--plane-bits", 4): {"plane_bits": 4},
    ("--start", 2): {"spec": spec_for("restore", start=2)},
    ("--every", 4): {"spec": spec_for("restore", every=4)},
    ("--mapping", "phase4"): {"spec": spec_for("restore", mapping="phase4")},
    ("--multiplier", 3): {"spec": spec_for("restore", multiplier=3)},
    ("--no-gate",): {"spec": spec_for("restore", False)},
    ("--batch", 7): {"batch": 7},
    ("--damage", 0.5): {"damage": 0.5},
    ("--noise", 1.5): {"noise": 1.5},
    ("--dropout", 0.125): {"dropout": 0.125},
}
MEMORY = {
    ("--hold-batches", 43): {"hold_batches": 43},
    ("--motion", 2.5): {"motion": 2.5},
    ("--hold-rate", 0.125): {"hold_rate": 0.125},
}
LETTERS = {
    ("--letters", "letters-lower"): {"letters": "letters-lower"},
    ("--rehearsal", "dreams"): {"rehearsal": "dreams"},
}
RUNS = [
    *((words, Options(**fields)) for words, fields in TRAIN.items()),
    *((("--recipe", "memory", *words), Options(recipe="memory", spec=spec_for("memory"), **fields))
      for words, fields in MEMORY.items()),
    *((("--recipe", "letters", "--begin", "digits", *words),
       Options(recipe="letters", begin="digits", **fields)) for words, fields in LETTERS.items()),
]  # fmt: skip


@pytest.mark.parametrize(("words", "wanted"), RUNS, ids=lambda value: str(value)[:40])
def test_each_option_of_training_is_its_own_field(thalweg, monkeypatch, words, wanted):
    runs = []
    monkeypatch.setattr(sw.train.run, "train", runs.append)
    assert thalweg("train", *words) == (0, "", "")
    assert runs == [wanted] != [Options()]


def test_training_tells_its_device(fails):
    fails("device must be cpu or cuda, not 'gpu'", "train", "--device", "gpu")
    fails("device must be cpu or cuda, not 'gpu'", "baseline", "mlp", "--device", "gpu")


@pytest.mark.parametrize(
    ("words", "kind", "file"),
    [((), FIRST, "weights.safetensors"), (("--second",), SECOND, "second.safetensors")],
)
def test_the_referee_is_trained_on_the_data_named(thalweg, monkeypatch, words, kind, file):
    calls, record = Calls(), {"test_right": 98, "test_digits": 99}
    monkeypatch.setattr("sw.data.load.load", calls.fake("load", "digits"))
    monkeypatch.setattr("sw.judge.referee.train.train", calls.fake("train", record))
    told = f"98 of 99 clean test digits read right\nwrote o/{file}\n"
    assert thalweg("referee", "--data", "d", "--output", "o", *words) == (0, told, "")
    assert calls == [
        ("load", (Path("d"),), {"download": True}),
        ("train", ("digits", Path("o"), kind), {}),
    ]


def test_a_baseline_is_told_every_option(thalweg, monkeypatch):
    calls = Calls()
    monkeypatch.setattr("sw.experiments.baselines.make.make", calls.fake("make", "there"))
    usual = {"threads": 1, "device": "cpu", "shipping": False}
    usual |= {"batches": None, "batch": None, "loss": None}
    assert thalweg("baseline", "mlp") == (0, "wrote there\n", "")
    assert calls.of("make") == (("mlp", None, Path("build/baselines")), usual)
    calls.clear()
    words = ("--data", "d", "--output", "o", "--batches", 7, "--batch", 8, "--loss", "log-mse")
    thalweg("baseline", "unet", *words, "--threads", 2, "--device", "cuda", "--ship")
    given = {"threads": 2, "device": "cuda", "shipping": True}
    given |= {"batches": 7, "batch": 8, "loss": "log-mse"}
    assert calls.of("make") == (("unet", Path("d"), Path("o")), given)


def digits_of(count):
    """Return what is played as the data: digits of which so many are judged."""
    images, labels = (rows[:count] for rows in show_digits())
    return Judged("test", images, labels)


@pytest.fixture
def ablated(monkeypatch):
    """Have `thalweg ablate` train nothing; return what it calls."""
    calls = Calls()

    class Ablation:
        path = Path("o/results.json")

        def __init__(self, *given):
            calls.append(("Ablation", given, {}))
            self.run = calls.fake("run", "results")

    monkeypatch.setattr("sw.experiments.ablation.measure.Ablation", Ablation)
    monkeypatch.setattr("sw.data.load.load", calls.fake("load", "digits"))
    monkeypatch.setattr("sw.judge.evaluate.digits_to_judge", calls.fake("judged", digits_of(1)))
    parts = {"ablation": calls.fake("table", "a table"), "seeds": calls.fake("seeds", "some seeds")}
    monkeypatch.setattr("sw.experiments.ablation.page.PARTS", parts)
    monkeypatch.setattr("sw.experiments.ablation.page.require_publishable", calls.fake("require"))
    monkeypatch.setattr(
        "sw.experiments.ablation.page.publish", calls.fake("publish", "docs/a.json")
    )
    monkeypatch.setattr("sw.cli.docs.docs", calls.fake("docs"))
    return calls


def test_an_ablation_takes_its_data_and_goes_into_no_docs_unless_told(thalweg, ablated):
    from sw.experiments.ablation.rows import ROWS

    assert thalweg("ablate", "--data", "d") == (0, "a table\nwrote o/results.json\n", "")
    assert ablated.names == ["load", "Ablation", "run", "table"]
    assert ablated.of("load") == ((Path("d"),), {"download": True})
    base = Options(output=Path("build/ablation"), threads=1, batches=800, qat_batches=200)
    assert ablated.of("Ablation") == ((base, "digits", ROWS), {})
    assert ablated.of("run") == ((list(ROWS), [0, 1]), {})
    assert ablated.of("table") == (("results",), {})


def test_an_ablation_goes_into_docs_as_the_part_named(thalweg, ablated):
    told = "some seeds\nwrote o/results.json\nwrote docs/a.json\n"
    assert thalweg("ablate", "--docs", "--part", "seeds") == (0, told, "")
    assert ablated.names == ["load", "judged", "require", "Ablation", "run", "seeds", "publish",
                             "docs"]  # fmt: skip
    assert ablated.of("require") == (("test", "seeds"), {})
    assert ablated.of("publish") == ((Path("o/results.json"), "seeds"), {})
