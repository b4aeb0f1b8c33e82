"""Boards and their parts: what replaces the portable primitives."""
