"""Learners: what optimises them, how they begin, what they read, and the batches of a stage."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import sw.train.identity as identities
import sw.train.learner as learning
import sw.train.run as run
import sw.train.teacher as teaching
from golden.errors import InputError
from sw.data.load import Digits
from sw.runs import checkpoint
from sw.train.calibrate import quantise
from sw.train.identity import weights_read
from sw.train.learner import Learner, begin, build
from sw.train.losses import Loss
from sw.train.options import Options
from sw.train.origins import shorten_ways
from sw.train.plans import PLANS
from sw.train.recipes import RECIPES, Restore
from tests.runs import CORNERS, LABELS, SMALL, resume, save, teach

pytestmark = pytest.mark.usefixtures("one_thread")


def test_what_optimises_a_rule_and_its_gate():
    learner = begin(Options(spec=SMALL))
    (soap,), (adam,) = (each.param_groups for each in learner.optimisers)
    names = [type(each).__name__ for each in learner.optimisers]
    assert names == ["SOAP", "Adam"]
    assert (tuple(soap["betas"]), soap["weight_decay"], soap["share"]) == ((0.9, 0.95), 0.0, 1.0)
    assert (tuple(adam["betas"]), adam["weight_decay"], adam["share"]) == ((0.9, 0.999), 0, 0.04)
    assert adam["fused"] and (soap["lr"], adam["lr"]) == (0, 0)
    for group, model in ((soap, learner.rule), (adam, learner.gate)):
        for one, other in zip(group["params"], model.parameters(), strict=True):
            assert one is other


@pytest.mark.parametrize(
    ("stage", "frozen", "exact"),
    [
        ("float", False, False),
        ("hold", False, False),
        ("qat", False, True),
        ("letters", True, True),
    ],
)
def test_a_stage_says_what_is_frozen_and_what_is_exact(stage, frozen, exact):
    options = Options(spec=SMALL)
    fresh = begin(options)
    if exact:
        fresh = quantise(fresh, CORNERS, options)
    learner = Learner(rule=fresh.rule, gate=fresh.gate, stage=stage)
    assert (learner.frozen, learner.machine().exact) == (frozen, exact)
    assert all(each.requires_grad is not frozen for each in learner.rule.parameters())
    assert all(each.requires_grad for each in learner.gate.parameters())
    assert len(learner.optimisers) == 2 - frozen
    assert learner.models == [learner.rule, learner.gate]
    assert replace(learner, gate=None).models == [learner.rule]


def test_averages_are_copies_and_those_that_are_given_stay():
    fresh = begin(Options(spec=SMALL))
    for average, parameter in zip(fresh.averages, fresh.parameters, strict=True):
        assert torch.equal(average, parameter) and not average.requires_grad
        assert average.data_ptr() != parameter.data_ptr()
    given = [torch.zeros(1)]
    assert Learner(rule=fresh.rule, gate=None, stage="qat", averages=given).averages is given


def test_a_run_begins_with_numbers_of_its_seed_rule_first():
    options = Options(spec=SMALL, seed=3, optimiser="adam")
    found = begin(options)
    generator = torch.Generator().manual_seed(3)
    rule, gate = build(options)
    rule.initialise(generator)
    gate.initialise(generator)
    for one, other in ((found.rule, rule), (found.gate, gate)):
        for left, right in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(left, right)
    assert (found.stage, found.batch, found.optimiser) == ("float", 0, "adam")
    assert begin(replace(options, spec=replace(SMALL, gate=None))).gate is None


def test_models_are_built_with_the_bits_and_for_the_device_that_are_told(monkeypatch):
    made = []

    def model(name):
        def make(*given, **named):
            made.append((name, given, named))
            return SimpleNamespace(to=lambda device: (name, device))

        return make

    monkeypatch.setattr(learning, "Rule", model("rule"))
    monkeypatch.setattr(learning, "Gate", model("gate"))
    options = Options(spec=SMALL, weight_bits=5, plane_bits=4)
    assert build(options, "of rule", "of gate") == (("rule", "cpu"), ("gate", "cpu"))
    assert made == [
        ("rule", (SMALL, "of rule"), {"weight_bits": 5}),
        ("gate", (SMALL, "of gate"), {"plane_bits": 4}),
    ]
    bare = Options(spec=replace(SMALL, gate=None))
    assert build(bare) == (("rule", "cpu"), None)


def test_the_files_that_a_run_reads(tmp_path):
    (tmp_path / "skeleton.json").write_text("{}")
    folder = str(tmp_path)
    shelf = identities.weights_of("unet")
    assert weights_read(Options()) == []
    assert weights_read(Options(teacher="unet")) == [shelf]
    assert weights_read(Options(teacher="unet", begin=folder)) == [
        shelf,
        tmp_path / "float.safetensors",
    ]
    assert weights_read(Options(recipe="letters", begin=folder)) == [
        tmp_path / "skeleton.json",
        tmp_path / "gate.safetensors",
    ]


def test_a_checkpoint_keeps_every_part():
    learner = begin(Options(spec=SMALL))
    learner.batch, learner.seconds = 5, 7.5
    kept = learner.state()
    assert (kept["stage"], kept["batch"], kept["seconds"]) == ("float", 5, 7.5)
    assert kept["averages"] is learner.averages and len(kept["optimisers"]) == 2
    assert [each.data_ptr() for each in kept["parameters"]] == [
        each.data_ptr() for each in learner.parameters
    ]
    assert kept["rule"] == kept["gate"] == [] and kept["pool"] is kept["prototypes"] is None


# The batches of a stage.


@pytest.mark.parametrize(
    ("recipe", "stage", "wanted"),
    [
        ("restore", "float", "restore"),
        ("restore", "qat", "restore"),
        ("memory", "float", "restore"),
        ("memory", "hold", "hold"),
        ("memory", "qat", "hold"),
        ("letters", "letters", "relearn"),
    ],
)
def test_a_batch_is_worked_by_its_recipe(monkeypatch, recipe, stage, wanted):
    fresh, asked = begin(Options(spec=SMALL)), []
    learner = Learner(rule=fresh.rule, gate=fresh.gate, stage=stage)
    options = Options(spec=SMALL, recipe=recipe, begin="digits" if stage == "letters" else None)
    assert RECIPES[recipe].stages[stage].loss.__name__ == wanted

    def work(*given):
        asked.append(given)
        total = sum(each.sum() for each in learner.parameters)
        return Loss(total, torch.tensor([1.0, 0.0]))

    teach(monkeypatch, options, stage, work)
    _, decibels = run.train_batch(learner, CORNERS, replace(options, batches=9))
    assert asked == [(learner, CORNERS, replace(options, batches=9))]
    assert decibels == pytest.approx((0 + 90) / 2), "at most 90 dB"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_the_stages_of_its_plan(recipe):
    options = Options(spec=SMALL, recipe=recipe, begin="digits")
    assert tuple(RECIPES[recipe].stages) == tuple(options.stages()) == PLANS[recipe].stages
    assert list(RECIPES) == list(PLANS)
    first, *later = RECIPES[recipe].stages.values()
    assert first.enter("learner", None, options) == "learner"
    assert all(stage.enter is not first.enter for stage in later)


def test_gradients_and_loss_are_averaged_over_processes_before_they_are_clipped(monkeypatch):
    fresh = begin(Options(spec=SMALL))
    learner = Learner(rule=fresh.rule, gate=fresh.gate, stage="letters", optimiser="adam")
    options = Options(spec=SMALL, recipe="letters", begin="digits")
    given = []

    def average(tensors):
        given.extend(tensors)
        tensors[0].fill_(4.5)
        for tensor in tensors[1:]:
            tensor.zero_()

    def work(*ignored):
        return Loss(sum(each.sum() for each in learner.gate.parameters()), torch.ones(1))

    monkeypatch.setattr(run, "average", average)
    teach(monkeypatch, options, "letters", work)
    value, _ = run.train_batch(learner, CORNERS, options)
    assert value == 4.5
    assert [each.shape for each in given[1:]] == [p.shape for p in learner.gate.parameters()]
    assert all(each.grad.eq(0).all() for each in learner.gate.parameters())


def test_gradients_do_not_add_up_from_batch_to_batch(monkeypatch):
    learner = begin(Options(spec=SMALL))
    teach(
        monkeypatch,
        Options(spec=SMALL),
        "float",
        lambda *given: Loss(1e-6 * sum(p.sum() for p in learner.parameters), torch.ones(1)),
    )
    for _ in range(3):
        run.train_batch(learner, CORNERS, Options(spec=SMALL))
    torch.testing.assert_close(learner.parameters[0].grad.flatten(), torch.full((4,), 1e-6))


@pytest.mark.parametrize(
    ("recipe", "stage", "batches"),
    [("memory", "qat", [4]), ("restore", "qat", []), ("memory", "hold", [])],
)
def test_ways_are_shortened_where_states_are_held_in_qat(monkeypatch, recipe, stage, batches):
    options = Options(
        spec=SMALL, recipe=recipe, qat_batches=6, hold_batches=6 if recipe == "memory" else None
    )
    fresh, asked = begin(options), []
    learner = Learner(rule=fresh.rule, gate=None, stage=stage)

    def batch(learner, images, told):
        learner.batch += 1
        return 1.0, 1.0

    def note(one, *rest):
        asked.append((one.batch, *rest))

    monkeypatch.setattr(run, "train_batch", batch)
    monkeypatch.setattr(run, "save", lambda *given: None)
    here = RECIPES[recipe].stages[stage]
    assert here.late is (shorten_ways if batches else None)
    if batches:
        monkeypatch.setitem(RECIPES[recipe].stages, stage, replace(here, late=note))
    run.run_stage(learner, CORNERS, options, None, [])
    assert asked == [(number, CORNERS, options) for number in batches]


@pytest.mark.parametrize("leads", [True, False])
def test_a_stage_stops_for_a_signal_that_any_process_received(monkeypatch, capsys, leads):
    options, saved = Options(spec=SMALL, batches=9), []
    learner = begin(options)

    def batch(learner, images, told):
        learner.batch += 1
        return 1.0, 1.0

    monkeypatch.setattr(run, "train_batch", batch)
    monkeypatch.setattr(run, "gather_signals", lambda received: [15] if learner.batch == 3 else [])
    monkeypatch.setattr(run, "leads", lambda: leads)
    monkeypatch.setattr(run, "LOG_EVERY", 2)
    monkeypatch.setattr(run, "save", lambda *given: saved.append(given))
    with pytest.raises(run.Stopped) as stop:
        run.run_stage(learner, CORNERS, options, "checkpoint", [])
    assert stop.value.number == 15 and learner.batch == 3
    assert saved == [(learner, "checkpoint")]
    assert capsys.readouterr().err.count("iter") == leads


# The teacher.


def test_a_teacher_sees_shares_and_its_answer_is_held_within_the_grey_levels(monkeypatch):
    seen = []

    class Network(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return torch.tensor([-1.0, 0.5, 2.0]).view(3, 1, 1, 1).expand(3, 1, 28, 28)

    monkeypatch.setattr(teaching, "teacher", lambda name: Network())
    options = Options(teacher="mlp")
    damaged = torch.full((3, 28, 28), 51.0)
    found = teaching.aim(torch.full((3, 28, 28), 100.0), damaged, options)
    assert seen[0].shape == (3, 1, 28, 28)
    torch.testing.assert_close(seen[0], torch.full((3, 1, 28, 28), 0.2))
    assert found[:, 3, 4].tolist() == [50, 113.75, 177.5]


def test_the_teacher_is_the_baseline_of_its_name(monkeypatch):
    teaching.teacher.cache_clear()
    asked = []
    monkeypatch.setattr(teaching, "load_shipped", lambda name: asked.append(name) or name.upper())
    assert [teaching.teacher(name) for name in ("mlp", "unet", "mlp")] == ["MLP", "UNET", "MLP"]
    assert asked == ["mlp", "unet"]
    teaching.teacher.cache_clear()


def test_a_checkpoint_is_read_where_the_run_computes(monkeypatch, tmp_path):
    asked, options = [], Options(spec=SMALL)
    monkeypatch.setattr(checkpoint, "read", lambda *given: asked.append(given) or {})
    object.__setattr__(options, "device", "elsewhere")
    digits = Digits(CORNERS, LABELS, None, None, "corners")
    with pytest.raises(InputError):
        Restore(options, digits).resume(checkpoint.Checkpoint(tmp_path, "data"))
    assert asked == [(tmp_path, "elsewhere")]


@pytest.mark.parametrize("batch", [0, 7])
def test_a_run_goes_on_from_the_first_batch_and_from_the_last(tmp_path, batch):
    options, path = Options(spec=SMALL, batches=7), tmp_path / "checkpoint.pt"
    learner = begin(options)
    learner.batch = batch
    save(learner, options, path)
    assert resume(options, path).batch == batch


def test_another_error_of_an_optimiser_is_not_taken_for_divergence(monkeypatch):
    learner = begin(Options(spec=SMALL))

    def fail():
        raise RuntimeError("a defect")

    monkeypatch.setattr(learner.optimisers[0], "step", fail)
    with pytest.raises(RuntimeError, match=r"^a defect$"):
        run.step(learner)
    assert learner.batch == 0
