"""Exported skeletons: what others compute from them equals golden, code for code."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes

from golden.gate import GateLayer, GateNetwork
from golden.machine import Machine
from golden.samples import calibrated, extreme, network, uniform
from golden.skeleton import SHIPPED, Layer, Skeleton
from golden.spec import Gate, Spec
from sw.export.export import FORMS, compare
from sw.export.onnx_file import model_of
from sw.export.runners import runtime

GATE = Gate(input_channel=1, output_channel=2, start=2, every=2)
SMALL = Spec(height=6, width=10, channels=3, multiplier=7, image=4, steps=3, gate=GATE)
WIDEST = Spec(height=8, width=6, channels=16, multiplier=8, image=6, boundary="wrap", gate=GATE)
PHASES = replace(GATE, every=1, mapping="phase4")
CASES = {
    "one channel": (calibrated, Spec(height=4, width=4, channels=1, multiplier=1, image=2), 5),
    "small": (calibrated, SMALL, 3),
    "past the trained number": (calibrated, SMALL, 9),
    "all phases, wrapping": (calibrated, replace(SMALL, boundary="wrap", gate=PHASES), 7),
    "the most filters": (calibrated, WIDEST, 4),
    "uniform": (uniform, WIDEST, 4),
    "uniform, zero": (uniform, replace(WIDEST, boundary="zero"), 4),
    "extremes": (extreme, replace(WIDEST, gate=replace(PHASES, every=2)), 6),
    "no margin": (extreme, Spec(height=6, width=6, channels=2, multiplier=3, image=6), 4),
}


def case(name):
    make, spec, steps = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    gate = None if spec.gate is None else network(spec, rng)
    images = rng.integers(0, 256, (4, spec.image, spec.image), np.uint8)
    images[0], images[1] = 0, 255
    return make(spec, rng), gate, steps, images


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_every_code_equals_golden(name, form, tmp_path):
    skeleton, gate, steps, images = case(name)
    FORMS[form].write(skeleton, gate, steps, tmp_path / "file")
    found = FORMS[form].run(tmp_path / "file", skeleton.spec, steps, images)
    assert found.restored.dtype == np.uint8 or form == "qonnx"
    assert found.states.dtype == np.int8 or form == "qonnx"
    codes = images.size + len(images) * np.prod(skeleton.spec.lattice)
    assert compare(found, skeleton, gate, steps, images) == codes


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_of_a_gate_are_exact(form, sign, tmp_path):
    """Planes of -128, weights of 127 and biases at their ends, with every shift."""
    open_at_once = Gate(input_channel=0, output_channel=1, start=1)
    spec = Spec(channels=2, multiplier=1, image=2, gate=open_at_once)
    rng = np.random.default_rng(4)
    low = np.array([-(2**19), 0])
    zeros = calibrated(spec, rng)
    skeleton = replace(
        zeros,
        encode=Layer(np.zeros(2, int), low, np.zeros(2, int)),
        update=Layer(np.zeros((2, 2), int), np.zeros(2, int), np.zeros(2, int)),
    )
    signs = rng.choice([127, -127], (1024, 1024))
    signs[::3] = 127 * sign  # these sums come to the very ends
    biases = np.where(np.arange(1024) % 2, (1 << 17) - 1, -(1 << 17))
    shifts = np.arange(1024) % 24
    hidden = GateLayer(signs.astype(np.int8), biases.astype(np.int32), shifts.astype(np.uint8))
    output = GateLayer(hidden.weight[:256], hidden.bias[:256], hidden.shift[:256])
    gate = GateNetwork(hidden, output)
    images = np.zeros((1, 2, 2), np.uint8)
    FORMS[form].write(skeleton, gate, 1, tmp_path / "file")
    found = FORMS[form].run(tmp_path / "file", spec, 1, images)
    assert compare(found, skeleton, gate, 1, images)
    assert len(np.unique(found.states[0, 1])) > 3


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_graph_takes_batches_of_any_size(count):
    skeleton, gate, steps, _ = case("small")
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, 4, 4), np.uint8)
    model = model_of(skeleton, gate, steps).SerializeToString()
    session = runtime().InferenceSession(model, providers=["CPUExecutionProvider"])
    restored, states = session.run(["restored", "state"], {"image": images})
    machine = Machine(skeleton, gate)
    want = machine.carry_on(machine.model.encode(images), steps)
    np.testing.assert_array_equal(states, want)
    np.testing.assert_array_equal(restored, machine.model.readout(want))


def test_a_graph_has_the_inputs_and_outputs_said_and_operators_of_the_standard():
    skeleton = Skeleton.load(SHIPPED / "digits")
    model = model_of(skeleton, GateNetwork.load(SHIPPED / "digits" / "gate.safetensors"), 10)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [each.domain for each in model.opset_import] == [""]
    said = {
        value.name: (
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    }
    assert said == {
        "image": ("UINT8", ["n", 28, 28]),
        "restored": ("UINT8", ["n", 28, 28]),
        "state": ("INT8", ["n", 16, 32, 32]),
    }
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told == {"skeleton": "digits", "digest": skeleton.digest, "steps": "10", "gated": "true"}


def test_a_graph_runs_equal_with_and_without_optimisation():
    skeleton, gate, steps, images = case("the most filters")
    model = model_of(skeleton, gate, steps).SerializeToString()
    found, onnxruntime = [], runtime()
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        found.append(session.run(None, {"image": images}))
    for each in zip(*found, strict=True):
        np.testing.assert_array_equal(*each)


def test_the_quantised_form_says_how_wide_every_tensor_is():
    skeleton, gate, steps, _ = case("small")
    model = ModelWrapper(model_of(skeleton, gate, steps, quantised=True))
    model = model.transform(InferShapes()).transform(InferDataTypes(allow_scaledint_dtypes=True))
    kinds = {"restored": "UINT8", "state": "INT8"}
    assert {name: model.get_tensor_datatype(name).name for name in kinds} == kinds
    found = [model.get_tensor_datatype(node.output[0]).name for node in model.graph.node
             if node.op_type == "Quant"]  # fmt: skip
    layers = ("encode", "perceive", "update", "readout", "gate.hidden", "gate.output")
    assert found.count("SCALEDINT<8>") == len(layers)
    assert set(found) == {"UINT8", "INT8", "INT25", "UINT7", "SCALEDINT<8>"}
