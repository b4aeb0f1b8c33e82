"""Networks that the automaton is compared with, and their weights."""
