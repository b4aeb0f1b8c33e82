"""The link: from a board's two wires to the streams of the chip."""
