"""Baselines for comparison with the skeletons: trained networks and closed forms."""
