"""The chip in standard cells: its memories as macros, mapped, timed and reported."""
