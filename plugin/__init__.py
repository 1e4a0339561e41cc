"""The VapourSynth plugin: all that knows the host's C interface. Only the host loads it."""
