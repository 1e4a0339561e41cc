"""Jobs in chunks, small enough for tests."""

#: Arguments of the node with which a block is done in no time, and a chunk of two blocks.
BLOCKS = ("--period", 6, "--warmup", 6, "--lookahead", 6)
CHUNKS = ("--chunk", 12)
