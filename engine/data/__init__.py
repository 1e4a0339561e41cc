"""Dataset tools: stills and pairs of clips out of footage, and the datasets that read them."""
