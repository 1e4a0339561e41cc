"""Scripts that users run with vspipe or copy; `reading` is what they share."""
