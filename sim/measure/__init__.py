"""Clocks, rates and toggles, counted in simulation."""
