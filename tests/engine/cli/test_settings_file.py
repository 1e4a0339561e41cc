"""Options from files: which file and section counts, what goes before what, and what is refused."""

import argparse

import pytest
from osdclean.engine.cli import clean, settings_file
from osdclean.engine.cli.clean import coding
from osdclean.engine.cli.failure import CommandError
from osdclean.engine.cli.main import parser_for
from osdclean.engine.cli.settings_file import FOR_CLEAN, FOR_MASK, FOR_PREVIEW, VALUES, taken


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's own file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = settings_file.user_file()
    file.parent.mkdir(parents=True)
    return file


@pytest.fixture
def beside(tmp_path, home):
    folder = tmp_path / "flights"
    folder.mkdir()
    return folder / "osdclean.toml"


def parsed(*words, rest=()):
    parser = argparse.ArgumentParser()
    clean.add_arguments(parser)
    args = parser.parse_args(["in.mp4", "out.mkv", *words])
    args.encoder_options = list(rest)
    return args


def options(beside, *words, name="GX01.MP4", rest=(), names=FOR_CLEAN):
    return taken(parsed(*words, rest=rest), beside.parent / name, names)


def test_every_option_of_a_file_is_one_of_the_command_line_with_the_same_values():
    parser = argparse.ArgumentParser()
    clean.add_arguments(parser)
    actions = {action.dest: action for action in parser._actions}
    for name, value in VALUES.items():
        if name == "encoder_options":
            continue
        action = actions[name]
        assert f"--{name.replace('_', '-')}" in action.option_strings
        assert action.default is None
        assert value.fits({int: 3, float: 0.5}.get(action.type, "x")) or action.choices or action.nargs == 0
        for choice in action.choices or ():
            assert value.fits(choice), (name, choice)
        assert not value.fits([])
        assert not value.fits({})
    assert set(VALUES) == set(FOR_CLEAN)
    assert set(FOR_PREVIEW) < set(FOR_CLEAN)
    assert set(FOR_MASK) < set(FOR_CLEAN)


def test_without_a_file_the_command_line_is_all_there_is(beside):
    found = options(beside, "--crf", "20", rest=["--tune", "grain"])
    assert found.origins == {"crf": "command line", "encoder_options": "command line"}
    assert found.args.kind is None
    assert coding(found.args).encoder == "x265"


def test_command_line_goes_before_the_file_beside_and_this_before_the_users(beside, home):
    home.write_text('kind = "logo"\ncrf = 30\npreset = "slow"\ngrow = 5\n')
    beside.write_text("crf = 25\npreset = 'fast'\n")
    found = options(beside, "--crf", "20")
    assert (found.args.crf, found.args.preset, found.args.kind, found.args.grow) == (20, "fast", "logo", 5)
    assert found.origins == {"crf": "command line", "preset": str(beside), "kind": str(home), "grow": str(home)}


def test_first_camera_that_fits_goes_before_what_holds_for_all(beside):
    beside.write_text(
        'kind = "osd"\nhold = 3\n[[camera]]\nmatch = ["GX*.mp4", "GH*"]\nhold = 4\n'
        '[[camera]]\nmatch = "*"\nhold = 5\nsensitivity = 0.7\n'
    )
    found = options(beside, name="gx01.MP4")
    assert (found.args.hold, found.args.kind, found.args.sensitivity) == (4, "osd", None)
    assert found.origins["hold"].endswith("osdclean.toml, camera GX*.mp4 GH*")
    assert options(beside, name="DJI_1.mp4").args.hold == 5
    assert options(beside, name="DJI_1.mp4").args.sensitivity == 0.7


def test_paths_are_beside_the_file_that_names_them(beside, home):
    home.write_text('detector = "d.safetensors"\nmodel = "sttn:nets/net.pth"\n')
    beside.write_text('include = "masks/in.png"\nexclude = "/x/out.png"\n')
    found = options(beside).args
    assert found.include == str(beside.parent / "masks" / "in.png")
    assert found.exclude == "/x/out.png"
    assert found.detector == str(home.parent / "d.safetensors")
    assert found.model == f"sttn:{home.parent / 'nets' / 'net.pth'}"
    home.write_text('model = "default"\n')
    assert options(beside).args.model == "default"


def test_mask_and_finding_of_different_layers_do_not_meet(beside, home):
    home.write_text('kind = "logo"\nhold = 2\n')
    beside.write_text('mask = "mask.png"\n')
    found = options(beside)
    assert found.args.mask == str(beside.parent / "mask.png")
    assert found.args.kind is None
    assert found.args.hold is None
    found = options(beside, "--kind", "osd")
    assert (found.args.mask, found.args.kind, found.args.hold) == (None, "osd", 2)
    assert options(beside, "--keep-mask", "m.mkv").args.mask is None


def test_quality_goes_with_the_encoder_that_it_was_chosen_for(beside, home):
    home.write_text('encoder = "x264"\ncrf = 16\npreset = "slow"\nencoder-options = ["--tune", "film"]\n')
    found = options(beside)
    assert coding(found.args).rest == ["--tune", "film"]
    assert coding(found.args).encoder == "x264"
    found = options(beside, "--encoder", "ffv1")
    assert (found.args.crf, found.args.preset, found.args.encoder_options) == (None, None, [])
    assert options(beside, "--preset", "fast").args.crf == 16


def test_a_command_takes_its_own_options_alone(beside):
    beside.write_text('mask = "mask.png"\ngrow = 7\ncrf = 3\ndevice = "cpu"\n')
    found = options(beside, names=FOR_MASK)
    assert found.origins == {"device": str(beside)}
    assert found.args.grow is None


def test_switches_say_which_file_is_read(beside, home, tmp_path):
    home.write_text("grow = 1\n")
    beside.write_text("grow = 2\n")
    other = tmp_path / "other.toml"
    other.write_text("hold = 3\n")
    found = options(beside, "--settings", str(other))
    assert (found.args.grow, found.args.hold) == (None, 3)
    assert options(beside, "--no-settings").origins == {}
    with pytest.raises(CommandError, match="contradict"):
        options(beside, "--no-settings", "--settings", str(other))
    with pytest.raises(CommandError, match=r"gone\.toml cannot be read: No such file"):
        options(beside, "--settings", "gone.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("krf = 3", r"osdclean\.toml: there is no option krf \(= 3\); did you mean crf\?"),
        ("sc-treshold = 0.1", "did you mean sc-threshold"),
        ("[goggles]\ncrf = 3", r"there is no option goggles \(= \{'crf': 3\}\); the options are mask, kind"),
        ('crf = "good"', "crf must be a number, passed 'good'"),
        ("grow = 2.5", r"grow must be a whole number, passed 2\.5"),
        ("hold = true", "hold must be a whole number, passed True"),
        ("unblend = 1", "unblend must be true or false, passed 1"),
        ('kind = ["osd"]', r"kind must be text in quotes, passed \['osd'\]"),
        ('encoder = "av1"', "encoder must be one of x265, x264, ffv1, passed 'av1'"),
        ('encoder-options = "--tune"', "encoder-options must be words in quotes"),
        ("grow = 900", "grow must be 0 to 64, passed 900"),
        ('kind = "ods"', "kind must be one of osd, logo"),
        ("sensitivity = 2", "sensitivity must be 0 to 1, passed 2"),
        ('region = "1,2"', "must be LEFT,TOP,WIDTH,HEIGHT in whole pixels, passed 1,2"),
        ("crf = ", "is no TOML: Invalid value"),
        ("sc-threshold = 0.1\nsc_threshold = 0.2", r"sc_threshold is given twice, 0\.1 and 0\.2"),
        ('mask = "m.png"\nkind = "osd"', "kind tell how a mask is found, and mask gives one"),
        ("[camera]\ncrf = 3", r"must begin with \[\[camera\]\]"),
        ("[[camera]]\ncrf = 3", r"\[\[camera\]\] number 1 must say whose files .* passed match = None"),
        ("[[camera]]\nmatch = 3", "passed match = 3"),
        ('[[camera]]\nmatch = "GX*"\ncrf = "x"', r"osdclean\.toml, camera GX\*: crf must be a number"),
    ],
)
def test_what_a_file_must_not_say_is_one_line_with_file_option_and_value(beside, text, said):
    beside.write_text(text)
    with pytest.raises(CommandError, match=said) as error:
        options(beside, name="other.mp4")
    assert str(beside) in str(error.value)
    assert "\n" not in str(error.value)


def test_file_that_is_no_text(beside):
    beside.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="is no TOML"):
        options(beside)


def test_preview_and_mask_take_the_switches_too():
    from osdclean.engine.cli.commands import COMMANDS

    parser = parser_for(*(command for command in COMMANDS if command.name in ("preview", "mask")))
    for words in (["preview", "a.mp4"], ["mask", "a.mp4", "-o", "m.mkv"]):
        assert parser.parse_args([*words, "--no-settings"]).no_settings
