"""Amaranth gateware: blocks, engine, chip, Verilog."""
