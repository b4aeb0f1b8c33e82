"""The chip in simulation against golden, code for code."""
