"""Training: float warm-up, quantisation-aware training, export, proof, evaluation, provenance."""
