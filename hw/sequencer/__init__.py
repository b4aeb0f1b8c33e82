"""The sequencer: passes are chosen, read, computed and written back; each context's run is kept."""
