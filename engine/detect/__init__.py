"""Detection: where a picture is covered by an overlay, and by which kind."""
