"""Checks of a device against golden: what a person with a new board runs first."""
