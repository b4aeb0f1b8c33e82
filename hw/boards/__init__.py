"""Boards and the parts on them: what replaces the portable primitives, and the flow to a bitstream."""
