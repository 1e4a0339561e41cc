"""Packages and weights: what is missing, old or broken, and how to mend it."""

import base64
import hashlib
import sys
from importlib import metadata

import pytest
from osdclean.engine import weights
from osdclean.engine.cli.doctor import packages
from osdclean.engine.cli.doctor.check import FAIL, OK


def test_required_packages_are_those_of_the_installed_package():
    wanted = packages.required()
    assert wanted["torch"]
    assert "pytest" not in wanted
    assert packages.required("bench") == {"scikit-image": ""}


def test_package_that_is_missing_broken_or_old(monkeypatch):
    assert packages.package("numpy", "1.0").state == OK
    old = packages.package("numpy", "99.1")
    assert (old.state, old.found) == (FAIL, f"{metadata.version('numpy')}, older than 99.1")
    assert "install --upgrade 'numpy>=99.1'" in old.mend
    gone = packages.package("no-such-package", "")
    assert (gone.state, gone.found) == (FAIL, "not installed")
    assert gone.mend == f"{sys.executable} -m pip install 'no-such-package'"
    monkeypatch.setattr("importlib.import_module", lambda name: 1 / 0)
    broken = packages.package("numpy", "")
    assert broken.found == "cannot be loaded: division by zero"
    assert "--force-reinstall" in broken.mend


def test_versions_are_compared_as_numbers():
    assert packages.numbers("2.10.1+cpu") > packages.numbers("2.9")


def test_weights_are_loaded_and_compared_with_the_installed(tmp_path, monkeypatch):
    assert packages.weights_file(weights.DEFAULT, weights.load).state == OK
    cut = tmp_path / "default.safetensors"
    cut.write_bytes(weights.DEFAULT.read_bytes()[:1000])
    check = packages.weights_file(cut, weights.load)
    assert check.state == FAIL
    assert "force-reinstall" in check.mend
    monkeypatch.setattr(packages, "listed", lambda path: "another")
    assert "is not the file that was installed" in packages.weights_file(weights.DEFAULT, weights.load).found


def test_recorded_digest_is_that_of_the_file():
    """By what pip recorded of a package that is surely installed as files."""
    file = next(f for f in metadata.files("numpy") if f.name == "version.py")
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(packages, "PACKAGE", "numpy")
        digest = hashlib.sha256(file.locate().read_bytes()).digest()
        assert packages.listed(file.locate()) == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_the_portable_folder_is_not_told_to_install_extras(monkeypatch, tmp_path):
    assert [check.name for check in packages.extras()]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert not list(packages.extras())
