"""Golden beside its peers: one rule, the same images, the same steps, in turn and in one run.

What a peer computes is compared with golden before it is timed. A peer that is not installed is
left out: `pip install 'thalweg[peers]'` brings all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch

from golden.compare import require_equal
from golden.model import Model
from golden.native.build import Unavailable
from golden.samples import calibrated
from golden.skeleton import Skeleton
from golden.spec import Spec

__all__ = ["measure"]

IMAGES = 128
ROUNDS = 5

Run = Callable[[], np.ndarray]
"""Computes the states after all steps from the images."""


def measure(progress: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the digits a second of golden and its peers, ungated, on one thread and on all."""
    rng = np.random.default_rng(0)
    skeleton = calibrated(Spec(), rng)
    images = rng.integers(0, 256, (IMAGES, skeleton.spec.image, skeleton.spec.image), np.uint8)
    found, before = {}, torch.get_num_threads()
    for threads in sorted({1, os.cpu_count() or 1}):
        progress(f"timing golden and its peers, {threads} threads")
        torch.set_num_threads(threads)
        runs = contenders(skeleton, images, threads)
        found[str(threads)] = {
            name: round(IMAGES / seconds, 1) for name, seconds in time_in_turn(runs).items()
        }
    torch.set_num_threads(before)
    return {"peers": {"steps": skeleton.spec.steps, "images": IMAGES, "threads": found}}


def contenders(skeleton: Skeleton, images: np.ndarray, threads: int) -> dict[str, Run]:
    """Return all that is there and computes golden's codes, by name."""
    runs: dict[str, Run] = {}
    for name, prepare in PEERS.items():
        try:
            runs[name] = prepare(skeleton, images, threads)
        except (ImportError, Unavailable):
            continue
    want = golden_of("torch")(skeleton, images, threads)()
    for name, run in runs.items():
        require_equal(run(), want, f"{name}, digit {{}}")
    return runs


def time_in_turn(runs: dict[str, Run]) -> dict[str, float]:
    """Return the median seconds of each, all of them timed once a round."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - begin)
    return {name: median(seconds) for name, seconds in found.items()}


def golden_of(backend: str) -> Callable[[Skeleton, np.ndarray, int], Run]:
    """Return what prepares golden with a backend."""

    def prepare(skeleton: Skeleton, images: np.ndarray, threads: int) -> Run:
        model = Model(skeleton, backend)
        return lambda: model.step(model.encode(images), skeleton.spec.steps)

    return prepare


def with_onnx_runtime(skeleton: Skeleton, images: np.ndarray, threads: int) -> Run:
    """ONNX Runtime on the exported graph."""
    from sw.export.onnx_file import model_of
    from sw.export.runners import runtime

    onnxruntime = runtime()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    graph = model_of(skeleton, None, skeleton.spec.steps).SerializeToString()
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    return lambda: session.run(["state"], {"image": images})[0]


def with_jax(skeleton: Skeleton, images: np.ndarray, threads: int) -> Run:
    """JAX, compiled, written as one would: two convolutions a step, in golden's float32.

    It takes as many threads as it likes, so it is timed on all of them alone.
    """
    if threads == 1:
        raise ImportError
    import jax
    from jax import lax, numpy

    spec, model = skeleton.spec, Model(skeleton, "torch")
    mixes = model.mixes.view(spec.multiplier, spec.channels, spec.channels).permute(2, 1, 0)
    kernels, offsets, weights, bias = (
        numpy.asarray(array.numpy())
        for array in (
            model.kernels.transpose(0, 1).reshape(spec.filters, 1, 3, 3),
            model.offsets.T.reshape(1, spec.filters, 1, 1),
            mixes.reshape(spec.channels, spec.filters, 1, 1),
            model.bias.view(1, -1, 1, 1),
        )
    )

    def step(states: Any, _: Any) -> tuple[Any, None]:
        sums = lax.conv_general_dilated(
            states, kernels, (1, 1), "SAME", feature_group_count=spec.channels
        )
        hidden = numpy.floor(numpy.clip(sums + offsets, 0, 255))
        change = numpy.trunc(lax.conv_general_dilated(hidden, weights, (1, 1), "SAME") + bias)
        return numpy.clip(states + change, -128, 127), None

    @jax.jit
    def run(states: Any) -> Any:
        return lax.scan(step, states, length=spec.steps)[0].astype(numpy.int8)

    return lambda: np.asarray(run(model.encode(images).astype(np.float32)))


PEERS: dict[str, Callable[[Skeleton, np.ndarray, int], Run]] = {
    "golden, native": golden_of("native"),
    "golden, PyTorch": golden_of("torch"),
    "ONNX Runtime": with_onnx_runtime,
    "JAX": with_jax,
}
"""What is timed, by name."""
