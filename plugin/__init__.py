"""The VapourSynth plugin: all that knows the host's C interface. The host loads it; nobody else imports it."""
