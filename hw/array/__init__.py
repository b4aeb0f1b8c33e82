"""The systolic array: window, perception chains, mixing columns, accumulators, residual."""
