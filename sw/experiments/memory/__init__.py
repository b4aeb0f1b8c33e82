"""Memory by falling, measured: one file an experiment, and beside it the file of its figure."""
