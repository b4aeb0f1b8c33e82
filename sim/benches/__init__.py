"""cocotb benches, and the tests that run them."""
