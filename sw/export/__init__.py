"""Skeletons in other forms: an ONNX graph, its quantised form, a C file; each held to golden."""
