"""The comparison: every restorer on the same digits, one row each, and curves against damage."""
