"""From a design to files: Verilog, netlists, bitstreams, and the tools that make them."""
