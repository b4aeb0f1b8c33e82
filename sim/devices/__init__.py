"""The simulated chip and board, built by Verilator."""
