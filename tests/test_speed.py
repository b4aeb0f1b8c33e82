import torch

import sw.experiments.measured as page
from golden.spec import Spec
from sw.model.step import TrainingMachine
from sw.train import speed


def test_docs_show_what_training_measures(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name, value in {"ROUNDS": 1, "BATCH": 2, "THEIR_SIZE": 2, "SIDE": 64}.items():
        monkeypatch.setattr(speed, name, value)
    measured = speed.measure(progress=lambda text: None)["training"]
    torch.set_num_threads(threads)

    assert all(value > 0 for key, value in measured.items() if not key.startswith("hours"))
    ratio = measured["steps_plain_ms"] / measured["steps_fused_ms"]
    assert abs(measured["steps_plain_to_fused"] - ratio) < 0.1 * ratio
    rows = page.training(measured).splitlines()[2:]
    assert len(rows) == len(measured) - 1  # the rate and the share of it stand in one row
    assert f"| {measured['steps_plain_to_fused']:.1f} x |" in rows[2]
    assert page.training(None) == ""


def test_measuring_leaves_the_choice_of_step_as_it_was(monkeypatch):
    monkeypatch.setenv("THALWEG_FUSED", "x")
    with speed.choose_step(False):
        assert speed.os.environ["THALWEG_FUSED"] == "0"
    assert speed.os.environ["THALWEG_FUSED"] == "x"


def test_figures_follow_from_times(monkeypatch):
    times = iter([[0.5, 0.25, 0.001], [0.125, 0.5], [0.2, 0.3], [0.1875]])
    monkeypatch.setattr(speed, "seconds", lambda *works: next(times))
    monkeypatch.setattr(speed, "learner", lambda *given: None)
    steps, batches = speed.step_times(), speed.batch_times()

    rate = 2 * 1024**3 / 0.001
    # 32 digits, ten steps, forward once and backward twice: 9 * 80 + 80 * 16 a cell.
    needed = 32 * 10 * 3 * 1024 * 2000 * 2 / rate
    assert steps == {
        "steps_plain_ms": 500.0,
        "steps_fused_ms": 250.0,
        "steps_plain_to_fused": 2.0,
        "gemm_gflops": round(rate / 1e9, 1),
        "steps_share_of_gemm": round(needed / 0.25, 3),
    }
    assert batches == {
        "batch_plain_ms": 500.0,
        "batch_fused_ms": 125.0,
        "batch_plain_to_fused": 4.0,
        "batch_beside_neighbour_to_alone": 1.5,
        "hours_of_40000_batches_of_64": round(40_000 * (0.8 * 0.2 + 0.2 * 0.3) / 3600, 2),
    }


def test_nothing_is_measured_where_there_is_no_fused_step(monkeypatch):
    said, asked = [], []
    monkeypatch.setattr(speed, "step_library", lambda *given: asked.append(given))
    assert speed.measure(said.append) == {} and said == []
    assert asked == [(Spec(), torch.device("cpu"))]


def test_works_are_timed_in_turn_after_a_first_time_and_the_median_counts(monkeypatch):
    order, clock = [], [0.0]
    costs = {"a": iter([9, 1, 2, 6, 9]), "b": iter([9, 5, 5, 5, 5])}

    def work(name):
        order.append(name)
        clock[0] += next(costs[name])

    monkeypatch.setattr(speed, "ROUNDS", 3)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: clock[0])
    assert speed.seconds(lambda: work("a"), lambda: work("b")) == [2, 5]
    assert order == ["a", "b"] * 4


def test_seven_rounds_of_batches_of_thirty_two_are_timed():
    assert (speed.ROUNDS, speed.BATCH, speed.SIDE) == (7, 32, 1024)


def test_the_batches_that_are_compared_are_of_one_learner_and_size(monkeypatch):
    ran, made = [], []

    def train_batch(learner, images, options):
        assert images.shape == (1000, 28, 28)
        ran.append((learner, options.batch, speed.os.environ["THALWEG_FUSED"]))

    def seconds(*works):
        for work in works:
            work()
        return [1.0] * len(works)

    monkeypatch.setattr(speed, "learner", lambda *given: made.append(given[:2]) or given[0])
    monkeypatch.setattr(speed, "train_batch", train_batch)
    monkeypatch.setattr(speed, "seconds", seconds)
    monkeypatch.delenv("THALWEG_FUSED", raising=False)
    speed.batch_times()
    assert made == [("qat", 32), ("float", 64)]
    batches = [("qat", 32, "1"), ("qat", 32, "0"), ("float", 64, "1"), ("qat", 64, "1")]
    assert ran == [*batches, ("qat", 32, "1")]
    assert "THALWEG_FUSED" not in speed.os.environ


def test_the_steps_that_are_compared_are_ten_of_the_same_states(monkeypatch):
    ran = []

    def learnt(model, states, step, count):
        ran.append((model, states.clone(), count))
        step(states)

    def seconds(plain, fused, product):
        plain()
        fused()
        assert product().shape == (1024, 1024)
        return [1.0, 1.0, 1.0]

    monkeypatch.setattr(speed, "run_and_learn", learnt)
    monkeypatch.setattr(speed, "seconds", seconds)
    made, stepped, of = [], [], TrainingMachine.of
    monkeypatch.setattr(TrainingMachine, "of", lambda *given: made.append(given) or of(*given))
    monkeypatch.setattr(TrainingMachine, "step", lambda *given: stepped.append(given))
    speed.step_times()
    (plain, states, count), (rule, others, again) = ran

    assert isinstance(plain, speed.PlainStep) and rule.exponents is not None
    assert count == again == 10 and torch.equal(states, others)
    assert states.shape == (32, 16, 32, 32) and states.abs().max() <= 40
    ((machine, given),) = stepped
    assert torch.equal(given, states) and made == [(rule, None)]
    assert (machine.spec, machine.exact) == (Spec(), True)


def test_gradients_are_found_and_put_away():
    layer, steps = torch.nn.Linear(3, 3), []
    noted = []
    layer.weight.register_hook(lambda gradient: noted.append(gradient.abs().sum().item()))

    def step(states):
        steps.append(states.requires_grad)
        return layer(states)

    speed.run_and_learn(layer, torch.ones(2, 3), step, 4)
    assert steps == [True] * 4 and noted[-1] > 0
    assert layer.weight.grad is None


def test_a_learner_to_time_is_at_the_beginning_of_its_stage(monkeypatch):
    asked = []
    monkeypatch.setattr(speed, "begin", lambda options: asked.append(options.batch) or "begun")
    monkeypatch.setattr(speed, "quantise", lambda *given: (*given[:2], given[2].batch))
    assert speed.learner("float", 5, "images") == "begun"
    assert speed.learner("qat", 6, "images") == ("begun", "images", 6)
    assert asked == [5, 6]


def test_the_plain_step_is_a_depthwise_convolution_and_a_mix():
    spec = Spec(height=6, width=6, channels=3, multiplier=2, image=4)
    plain = speed.PlainStep(spec)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.zero_()
        plain.layers[0].weight[4, 0, 1, 2] = 1.0  # a filter of channel 2, of the right neighbour
        plain.layers[2].weight[0, 4] = 3.0
        states = torch.randn(2, 3, 6, 6)
        found = plain(states)
    right = torch.nn.functional.pad(states[:, 2, :, 1:], (0, 1)).relu()
    torch.testing.assert_close(found[:, 0], states[:, 0] + 3 * right)
    assert torch.equal(found[:, 1:], states[:, 1:])


def test_steps_and_batches_are_timed_with_memory_that_is_kept(monkeypatch):
    order = []
    monkeypatch.setattr(speed, "step_library", lambda *given: "library")
    monkeypatch.setattr(speed, "keep_memory", lambda: order.append("kept"))
    monkeypatch.setattr(speed, "step_times", lambda: order.append("steps") or {"a": 1})
    monkeypatch.setattr(speed, "batch_times", lambda: order.append("batches") or {"b": 2})
    assert speed.measure(order.append) == {"training": {"a": 1, "b": 2}}
    said = ["timing the training step", "timing whole batches"]
    assert order == ["kept", said[0], "steps", said[1], "batches"]
