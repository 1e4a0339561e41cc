"""The host loads the plugin first: only then can its modules be imported."""

import vapoursynth as vs

vs.core.osdclean.Version()
