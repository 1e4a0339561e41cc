"""The command line `osdclean`: one module per command, and the modules that they share."""
