"""The hardwired chip: one skeleton's multiplications as adders, one cell a clock."""
