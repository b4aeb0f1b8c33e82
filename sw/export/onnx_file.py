"""A whole run as an ONNX file, in the standard's form or in QONNX's."""

from __future__ import annotations

from importlib import metadata

from onnx import ModelProto, helper

from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.export.graph import Graph, Quantised, Standard
from sw.export.unrolled import unroll

__all__ = ["model_of"]

OPSET = 13
"""Version of the standard's operators: the first with all that is used here, for old runtimes."""

IR = 8
"""Version of the file format: runtimes since 2021 read it."""


def model_of(
    skeleton: Skeleton, network: GateNetwork | None, steps: int, *, quantised: bool = False
) -> ModelProto:
    """Return a run of ``steps`` steps as an ONNX model; without a network the rule runs alone."""
    graph: Graph = (Quantised if quantised else Standard)(skeleton.spec)
    unroll(graph, skeleton, network, steps)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "automaton", graph.inputs, graph.outputs, list(graph.constants.values())
        ),
        opset_imports=[helper.make_opsetid(name, 1 if name else OPSET) for name in graph.domains],
        ir_version=IR,
        producer_name="thalweg",
        producer_version=metadata.version("thalweg"),
        doc_string="An image laid on a lattice, the steps of a neural cellular automaton, read-out",
    )
    helper.set_model_props(
        model,
        {
            "skeleton": skeleton.name,
            "digest": skeleton.digest,
            "steps": str(steps),
            "gated": str(network is not None).lower(),
        },
    )
    return model
