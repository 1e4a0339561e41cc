"""Un-blending: half-transparent marks that stand still are solved for and taken off, not painted over."""
