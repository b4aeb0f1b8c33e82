"""Boards: their parts, pins and clocks, and the primitives that the parts have of their own."""
