"""Restoration of an input: images, folders, pictures, reports."""
