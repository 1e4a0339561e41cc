"""The plugin in the frame server."""

import pytest
from osdclean.engine.cli.doctor import server
from osdclean.engine.cli.doctor.check import FAIL, OK
from osdclean.engine.cli.versions import version


@pytest.mark.parametrize(
    ("told", "state", "said"),
    [
        ({"osdclean": False}, FAIL, "VapourSynth has no core.osdclean"),
        ({"osdclean": True, "version": "0.0.1"}, FAIL, "0.0.1, where this command is"),
        ({"osdclean": True, "version": version()}, OK, version()),
    ],
)
def test_plugin_must_be_there_and_of_the_same_version(told, state, said):
    check = server.plugin(told)
    assert check.state == state
    assert said in check.found
    assert bool(check.mend) == (state == FAIL)
