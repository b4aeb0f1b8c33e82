"""Simulation: cocotb benches on Verilator and the fast simulated device."""
