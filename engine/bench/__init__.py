"""Quality and speed on clean clips with synthetic overlays, against other methods."""
