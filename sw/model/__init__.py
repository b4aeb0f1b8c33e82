"""The rule and the gate in PyTorch: quantisers, one step, weights, and the proof against golden."""
