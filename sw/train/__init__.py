"""Training: float warm-up, quantisation-aware training, export, proof, evaluation, provenance."""

from sw.train.options import Options
from sw.train.run import train

__all__ = ["Options", "train"]
