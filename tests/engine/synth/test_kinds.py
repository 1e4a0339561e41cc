"""The kinds that training sees besides the benchmark's: each does what its name says, and its mask tells all."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from osdclean.engine.errors import ArgumentError
from osdclean.engine.synth import captions, displays, marks, overlays, scripts, stamps, typeset, viewfinder
from osdclean.engine.synth import telemetry as flight_display

STYLED = overlays.KINDS_TRAINING[4:]
SIZES = [(240, 160), (97, 65), (16, 16), (17, 33)]


def shown(overlay):
    """The largest alpha of every frame."""
    return np.array([int(overlay.rgba(n)[..., 3].max()) for n in range(overlay.length)])


def box(overlay, n):
    y, x = np.nonzero(overlay.mask(n))
    return int(y.min()), int(x.min()), int(y.max()), int(x.max())


@pytest.fixture
def folder(tmp_path):
    """A folder with one picture: a ring with alpha."""
    picture = np.zeros((60, 80, 4), np.uint8)
    cv2.circle(picture, (40, 30), 20, (30, 200, 250, 255), 6)
    cv2.imwrite(str(tmp_path / "ring.png"), picture)
    return tmp_path


@pytest.mark.parametrize("kind", STYLED)
def test_same_seed_same_pixels_in_any_order(kind):
    a, b = (overlays.make(kind, 240, 160, 24, 30, 5) for _ in range(2))
    forward = [a.rgba(n).copy() for n in range(24)]
    for n in (23, 0, 11, 5, 23, 2):
        assert np.array_equal(b.rgba(n), forward[n])
    others = [overlays.make(kind, 240, 160, 24, 30, seed) for seed in (6, 7)]
    assert all(any(not np.array_equal(o.rgba(n), forward[n]) for n in range(24)) for o in others)


@pytest.mark.parametrize("kind", STYLED)
@pytest.mark.parametrize("size", SIZES)
def test_all_that_differs_lies_in_the_mask(kind, size):
    width, height = size
    clean = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    seen = False
    for seed in range(4):
        overlay = overlays.make(kind, width, height, 30, 25, seed)
        static = overlay.static_mask()
        for n in range(0, 30, 5):
            mask = overlay.mask(n)
            assert mask.shape == (height, width)
            changed = (overlays.lay(clean, overlay.rgba(n)) != clean).any(2)
            assert not (changed & (mask == 0)).any()
            assert not (mask & ~static).any()
            seen |= bool(changed.any())
    # Where nothing shows, nothing was tested; no reading of a display has room in two cells.
    assert seen or (kind == "telemetry-systems" and width < 20)


def test_subtitles_fade_in_and_out_monotonically():
    faded = 0
    for seed in range(12):
        overlay = captions.subtitles(200, 120, 200, 30, seed, fonts=())
        alpha = np.array([overlay.rgba(n)[..., 3].sum(dtype=np.int64) for n in range(200)])
        hidden = np.flatnonzero(alpha == 0)
        for start, stop in pairwise(hidden):
            text = alpha[start : stop + 1]
            if len(text) < 3:
                continue
            top = int(np.argmax(text))
            last = len(text) - 1 - int(np.argmax(text[::-1]))
            assert (np.diff(text[: top + 1]) > 0).all()
            assert (text[top : last + 1] == text[top]).all()
            assert (np.diff(text[last:]) < 0).all()
            faded += top > 2
    assert faded >= 5


def test_subtitles_have_boxes_outlines_and_one_or_two_lines():
    line = scripts.ink("Hill", 40, scripts.STROKES)
    common = {
        "face": scripts.STROKES, "colour": (255, 226, 60), "bold": False, "shadow": 0.0, "soft": 0.0, "fade": 0.0,
        "box_colour": (0, 0, 0), "box_per_line": False, "sung": (255, 0, 0),
    }  # fmt: skip
    boxed, red = captions.block([line], 40, captions.Style(outline=0.0, box=0.5, **common))
    assert 0.45 < (boxed[..., 3] == 128).mean() < 0.95
    bare, _ = captions.block([line], 40, captions.Style(outline=0.0, box=0.0, **common))
    lined, _ = captions.block([line], 40, captions.Style(outline=0.1, box=0.0, **common))
    letters = bare[..., 3] == 255
    assert np.abs(bare[letters][:, :3].astype(int) - (255, 226, 60)).max() <= 1
    assert np.abs(lined[letters][:, :3].astype(int) - bare[letters][:, :3]).max() <= 2
    # Black, and on every side: an outline of 2 pixels grows the letters by as much.
    ring = (lined[..., 3] > 200) & (cv2.dilate(bare[..., 3], np.ones((3, 3), np.uint8)) == 0)
    assert ring.sum() > 20
    assert lined[ring][:, :3].max() < 20
    assert (red[..., 3] == boxed[..., 3]).all()
    assert not (red[boxed[..., 3] == 255][:, 1] > 10).any()
    two, _ = captions.block([line, line], 40, captions.Style(outline=0.1, box=0.0, **common))
    assert two.shape[0] == lined.shape[0] + 26
    assert two[..., 3].sum(dtype=int) == pytest.approx(2 * lined[..., 3].sum(dtype=int), rel=0.1)


def test_a_colour_runs_along_a_sung_line():
    plain, sung = np.zeros((4, 20, 4), np.uint8), np.full((4, 20, 4), 255, np.uint8)
    assert captions._sung_to(plain, sung, 0.25, 1, False)[:, :, 0].tolist() == [[255] * 5 + [0] * 15] * 4
    assert captions._sung_to(plain, sung, 0.25, 1, True)[0, :, 0].tolist() == [0] * 15 + [255] * 5
    first, second = captions._sung_to(plain, sung, 0.75, 2, False)[[0, 2], :, 0].tolist()
    assert first == [255] * 20
    assert second == [255] * 10 + [0] * 10


def test_a_face_draws_a_script_only_with_letters_of_its_own():
    for script in scripts.WORDS:
        for face in scripts.faces(script)[:2]:
            if face.by == "strokes":
                continue
            letters = sorted(set(scripts.WORDS[script]) - set(" .,:;?!'-"))[:12]
            drawn = {scripts.ink(c, 24, face).tobytes() for c in letters}
            # Missing letters all look the same; a few real ones may.
            assert len(drawn) > 0.8 * len(letters)
    assert scripts.faces("latin", ()) == [scripts.STROKES]
    assert scripts.faces("chinese", ()) == []


@pytest.mark.parametrize("opencv", [True, False], ids=["OpenCV 5 alone", "strokes alone"])
def test_a_machine_without_fonts_and_pillow_writes_what_it_can(monkeypatch, opencv):
    if opencv and not hasattr(cv2, "FontFace"):
        pytest.skip("this OpenCV has no faces of its own")
    monkeypatch.setattr(scripts, "_pillow", lambda: (False, False))
    monkeypatch.setattr(scripts, "_system", lambda: ())
    if not opencv:
        monkeypatch.delattr(cv2, "FontFace", raising=False)
    able = {script for script in scripts.WORDS if scripts.faces(script)}
    assert able >= ({"latin", "cyrillic", "greek"} if opencv else {"latin"})
    assert not able & {"arabic", "devanagari"}
    displays._system.cache_clear()
    for kind in STYLED:
        assert overlays.make(kind, 240, 135, 30, 30, 3).static_mask().any()
    displays._system.cache_clear()


@pytest.mark.parametrize("script", scripts.WORDS)
def test_subtitles_of_every_script_that_can_be_written(script):
    overlay = captions.subtitles(240, 135, 60, 30, 2, script=script)
    if scripts.faces(script):
        assert (overlay.static_mask() > 0).mean() > 0.005
    else:
        assert overlay.length == 60  # another script stands in


def test_transparent_logos_stay_below_one_and_never_change(folder):
    for seed in range(6):
        for pictures in (None, folder):
            overlay = marks.transparent(200, 120, 9, 30, seed, (), pictures)
            assert len({overlay.state(n) for n in range(9)}) == 1
            assert 60 <= shown(overlay)[0] <= 0.8 * 255 + 1
    fixed = marks.transparent(200, 120, 2, 30, 1, (), folder, opacity=0.5)
    assert shown(fixed)[0] == 128
    y, x = np.nonzero(fixed.rgba(0)[..., 3] == 128)
    assert (np.abs(fixed.rgba(0)[y, x, :3].astype(int) - (250, 200, 30)) <= 2).all()


def test_pictures_need_alpha(tmp_path):
    with pytest.raises(ArgumentError, match="folder with PNG"):
        marks.transparent(200, 120, 2, 30, 1, (), tmp_path)
    cv2.imwrite(str(tmp_path / "solid.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(ArgumentError, match=r"alpha, passed .*solid"):
        marks.transparent(200, 120, 2, 30, 1, (), tmp_path)
    with pytest.raises(ArgumentError, match="below 1, passed 1"):
        marks.transparent(200, 120, 2, 30, 1, (), opacity=1.0)


def test_a_moving_mark_changes_place():
    steps = []
    for seed in range(16):
        overlay = marks.moving(320, 180, 60, 30, seed, ())
        places = [box(overlay, n) for n in range(60) if overlay.mask(n).any()]
        assert len(set(places)) >= 2
        tops = np.array(places)[:, :2]
        steps.append(np.abs(np.diff(tops, axis=0)).max())
    # Some wander by few pixels a frame, some jump.
    assert min(steps) < 8
    assert max(steps) > 60


def test_a_flashing_mark_comes_and_goes():
    levels = []
    for seed in range(16):
        alpha = shown(marks.flashing(240, 160, 90, 30, seed, ()))
        assert (alpha == 0).any()
        assert alpha.max() > 200
        assert np.count_nonzero(np.diff(alpha > 0)) >= 2
        levels.append(len(set(alpha.tolist())))
    # Some are on or off, some pulse.
    assert min(levels) == 2
    assert max(levels) >= 5


def test_a_viewfinder_counts_frames_between_its_corners():
    codes, framed = 0, 0
    for seed in range(12):
        overlay = viewfinder.viewfinder(320, 180, 40, 30, seed, ())
        first, later = overlay.rgba(0), overlay.rgba(1)
        changed = (first != later).any(2)
        codes += bool(changed.any())
        # What counts stands in the middle, at the top or the bottom.
        assert not changed[45:130].any()
        assert not changed[:, :60].any()
        framed += bool((overlay.static_mask()[:60, :60] > 0).any())
        assert 0 < (overlay.mask(0) > 0).mean() < 0.2
    assert 5 < codes <= 12
    assert framed > 6


def test_a_timestamp_changes_once_a_second():
    for seed in range(6):
        overlay = stamps.timestamp(320, 180, 120, 30000 / 1001, seed, (), numbers=False, rec=False)
        changes = [n for n in range(1, 120) if overlay.state(n) != overlay.state(n - 1)]
        assert len(changes) in (3, 4)
        assert all(29 <= b - a <= 31 for a, b in pairwise(changes))
        # The digits of the seconds change, the date stands.
        a, b = overlay.rgba(changes[0] - 1), overlay.rgba(changes[0])
        moved = (a != b).any(2).sum()
        assert 0 < moved < 0.5 * (overlay.mask(0) > 0).sum()


def test_frame_numbers_run_and_rec_blinks():
    numbered = stamps.timestamp(320, 180, 30, 30, 4, (), numbers=True, rec=False)
    assert len({numbered.state(n) for n in range(30)}) == 30
    signed, bare = (stamps.timestamp(320, 180, 60, 30, 4, (), numbers=False, rec=rec) for rec in (True, False))
    extra = [int((signed.mask(n) > bare.mask(n)).sum()) for n in range(60)]
    assert all(extra[n] > 20 for n in (*range(15), *range(30, 45)))
    assert not any(extra[n] for n in (*range(15, 30), *range(45, 60)))
    sign = signed.rgba(0)[(signed.mask(0) > bare.mask(0))]
    assert ((sign[:, 0] > 180) & (sign[:, 1] < 60)).any()


@pytest.mark.parametrize("system", displays.SYSTEMS, ids=lambda s: s.name)
def test_grids_are_those_of_the_systems(system):
    """At the size of its own canvas a system's cells and offsets are exact; at others the grid lies in the frame."""
    own = displays.fitted(system, *system.canvas)
    assert (own.columns, own.rows, own.cell) == (system.columns, system.rows, system.cell)
    assert (own.left, own.top) == system.offset
    for size in ((1920, 1080), (1280, 720), (854, 480), (720, 576), (97, 65), (16, 16)):
        grid = displays.fitted(system, *size)
        assert grid.left >= 0
        assert grid.top >= 0
        assert grid.left + grid.columns * grid.cell[0] <= size[0]
        assert grid.top + grid.rows * grid.cell[1] <= size[1]


def test_walksnail_cells_follow_the_height():
    system = next(s for s in displays.SYSTEMS if s.name == "Walksnail")
    for height, cell in ((540, (18, 27)), (720, (24, 36)), (1080, (36, 54)), (1440, (48, 72)), (2160, (72, 108))):
        assert displays.fitted(system, height * 16 // 9, height).cell == cell


@pytest.mark.parametrize("refresh", [5.0, 12.0, 60.0])
def test_displays_refresh_at_their_rate(refresh):
    overlay = displays.telemetry(480, 270, 60, 60, 4, (), refresh=refresh)
    changes = [n for n in range(1, 60) if overlay.state(n) != overlay.state(n - 1)]
    assert all(int(n * refresh / 60 + 1e-6) != int((n - 1) * refresh / 60 + 1e-6) for n in changes)
    assert len(changes) >= 0.6 * refresh - 1


def test_alarms_blink_as_whole_elements(monkeypatch):
    """The same display without alarms shows as much or more in every frame, and more in some turns but not in all."""
    blinking = 0
    for seed in range(8):
        with_alarms = displays.telemetry(480, 270, 60, 30, seed, (), system=displays.SYSTEMS[7])
        with monkeypatch.context() as patched:
            patched.setattr(displays, "_ALARMS", ())
            without = displays.telemetry(480, 270, 60, 30, seed, (), system=displays.SYSTEMS[7])
        lost = []
        for n in range(60):
            assert not (with_alarms.mask(n) & ~without.mask(n)).any()
            lost.append(int((without.mask(n) > with_alarms.mask(n)).sum()))
        lost = np.array(lost)
        # A glyph is some 40 pixels here: what goes is more than one.
        assert not ((lost > 0) & (lost < 60)).any()
        blinking += int((lost > 0).any() and (lost == 0).any() and np.count_nonzero(np.diff(lost > 0)) >= 3)
    assert blinking >= 3


def test_digital_displays_have_colours_and_analog_ones_none(monkeypatch):
    # A blue that nothing else has.
    monkeypatch.setattr(displays, "_GREEN", (0, 0, 255))
    blue = 0
    for seed in range(10):
        rgb = displays.telemetry(480, 270, 6, 30, seed, (), system=displays.SYSTEMS[7]).rgba(5).astype(int)
        blue += int(((rgb[..., 2] > 150) & (rgb[..., 0] < 60)).sum() > 30)
        analog = displays.telemetry(480, 270, 6, 30, seed, (), system=displays.SYSTEMS[0]).rgba(5)
        assert np.array_equal(analog[..., 0], analog[..., 1])
        assert np.array_equal(analog[..., 0], analog[..., 2])
    assert 2 <= blue <= 8


def test_timers_run_and_may_have_tenths():
    """A timer with tenths changes more often than one without; both are drawn."""
    rates = []
    for tenths in (False, True):
        rng = np.random.default_rng(2)
        found = next(e for e in flight_display.elements(rng, 18, 50, 24, 12.0, tenths) if e.name == "timer")
        rates.append(len(set(map(tuple, found.states))))
        assert ("." in {glyph for _, _, glyph, _ in found.states[0]}) == tenths
    # Two seconds at twelve states a second.
    assert rates[0] in (2, 3)
    assert rates[1] in (20, 21)


def test_analog_glyphs_are_bitmaps():
    """At its own size a glyph is black, white or nothing, and the tint changes nothing."""
    glyph = displays._Bitmaps((12, 18), displays.strokes.Pen(), None).glyph("8", (255, 0, 0))
    assert glyph.shape == (18, 12, 4)
    assert set(np.unique(glyph[..., 3])) == {0, 255}
    assert set(np.unique(glyph[..., :3])) == {0, 255}
    assert (glyph[..., 0] == glyph[..., 1]).all()


def test_glyphs_from_a_typeface_are_white_with_a_black_outline():
    faces = scripts.faces("latin")
    sheet = typeset.sheet(faces[0] if faces else scripts.STROKES)
    assert sheet.cells.shape == (128, 54, 36, 4)
    assert not sheet.cells[ord(" ")].any()
    for c in "08AW%":
        cell = sheet.cells[ord(c)]
        solid = cell[..., 3] == 255
        assert (cell[solid][:, 0] > 240).sum() > 60
        assert (cell[solid][:, 0] < 15).sum() > 60
        edge = np.concatenate([cell[:, 0, 3], cell[:, -1, 3], cell[0, :, 3]])
        assert edge.max() < 255
        outside = cv2.dilate((cell[..., 3] == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert not (outside & solid & (cell[..., 0] > 200)).any()


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ArgumentError, match="viewfinder, passed banner"):
        overlays.make("banner", 320, 240, 10, 30, 0)
    with pytest.raises(ArgumentError, match="passed 8x64"):
        stamps.timestamp(8, 64, 10, 30, 0)
    with pytest.raises(ArgumentError, match="1 to 60 a second, passed 90"):
        displays.telemetry(320, 240, 10, 30, 0, (), refresh=90)
    with pytest.raises(ArgumentError, match="glyph sheets"):
        displays.telemetry(320, 240, 10, 30, 0, tmp_path)
