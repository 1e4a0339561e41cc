"""Synthetic overlays and scenes: what training, the demo and the benchmark lay over clean pictures."""
