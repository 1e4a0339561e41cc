"""How doctor tells what it found."""

import json

from osdclean.engine.cli.doctor import command
from osdclean.engine.cli.doctor.check import FAIL, OK, WARN, Check
from osdclean.engine.cli.main import main


def test_doctor_tells_and_counts(monkeypatch, capsys):
    made = [
        Check(name="python", state=OK, found="3.12"),
        Check(name="x264", state=WARN, found="gone"),
        Check(name="x265", state=FAIL, found="gone", mend="apt install x265"),
    ]
    monkeypatch.setattr(command, "checks", lambda quick: iter(made))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "fail  x265                    gone\n      mend: apt install x265\n1 to mend\n" in said
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["checks"][2] == {"name": "x265", "state": "fail", "found": "gone", "mend": "apt install x265"}
    del made[2]
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("all well\n")
