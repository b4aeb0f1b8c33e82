"""`python -m sw.cli` is `thalweg`."""

from sw.cli import main

main()
