"""The comparison: a table of all restorers on the same digits, and curves against damage."""
