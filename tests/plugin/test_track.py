"""The node of `Track`."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import vapoursynth as vs
from clips import failing, letting_go, pixels, planes, scaled
from moving import texture
from osdclean.engine.track.tracker import SETTLE

TRACKING = Path(os.environ.get("OSDCLEAN_TRACKING", Path(__file__).parents[3] / "shared" / "tracking")) / "bmx-trees"
W, H, N = 144, 96, 40
#: Half sizes of the object, where it is in frame 0, and how far it goes with each frame; the camera pans by PAN.
RX, RY, X, Y, DX, PAN = 14, 18, 22.0, 46.0, 2.5, 1.0


def place(n: int) -> tuple[float, float]:
    return X + DX * n, Y


def truth(n: int) -> np.ndarray:
    """Where the object is, bool [H, W]."""
    (x, y), (j, i) = place(n), np.mgrid[0:H, 0:W]
    return ((i - x) / RX) ** 2 + ((j - y) / RY) ** 2 < 1


def box(n: int) -> dict[str, int]:
    x, y = place(n)
    return {"frame": n, "left": int(x - RX), "top": int(y - RY), "width": 2 * RX + 1, "height": 2 * RY + 1}


def scene(
    format: int = vs.YUV420P8, length: int = N, cut: int | None = None, says: int | None = None, size=(W, H)
) -> vs.VideoNode:
    """A textured ellipse that goes to the right over a textured ground.

    cut: frame from which on the ground is another one and the object is not there; says: the one frame whose
    `_SceneChangePrev` is 1 (0 in all others; none where `says` is None).
    """
    width, height = size
    grounds, thing = [texture(H + 8, 400, seed=s) for s in (1, 2)], texture(64, 64, seed=5)
    blank = vs.core.std.BlankClip(width=width, height=height, format=format, length=length, keep=True)

    def picture(n: int) -> np.ndarray:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        other = cut is not None and n >= cut
        to = np.float32([[1, 0, 40 + n * PAN], [0, 1, 4]])
        ground = cv2.warpAffine(grounds[int(other)], to, (W, H), flags=flags)
        if other:
            return np.dstack([255 - ground, np.full((H, W), 128), np.full((H, W), 128)])
        image = np.dstack([ground * 0.7, np.full((H, W), 110), np.full((H, W), 120)])
        x, y = place(n)
        look = cv2.warpAffine(thing, np.float32([[1, 0, 32 - x], [0, 1, 32 - y]]), (W, H), flags=flags)
        image[truth(n)] = np.dstack([look * 0.6 + 60, np.full((H, W), 128), np.full((H, W), 165)])[truth(n)]
        return image

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        out, image = f.copy(), picture(n).astype(np.float32)
        if out.format.color_family == vs.RGB:
            image = np.clip(cv2.cvtColor(image / 255, cv2.COLOR_YUV2RGB), 0, 1) * 255
        for p in range(out.format.num_planes):
            plane = np.asarray(out[p])
            small = cv2.resize(image[:height, :width, p], plane.shape[::-1], interpolation=cv2.INTER_AREA)
            plane[:] = scaled(small / 255, out.format, p).astype(plane.dtype)
        out.props["Number"] = n
        if says is not None:
            out.props["_SceneChangePrev"] = int(n == says)
        return out

    return vs.core.std.ModifyFrame(blank, blank, draw)


def track(clip: vs.VideoNode, key: int = 0, **more) -> vs.VideoNode:
    return vs.core.osdclean.Track(clip, **box(key) | more)


def found(node: vs.VideoNode, n: int) -> np.ndarray:
    (mask,) = planes(node.get_frame(n))
    assert set(np.unique(mask)) <= {0, 255}
    return mask > 0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max(1, (a | b).sum())


def digests(order) -> list[str]:
    """Of the masks of these frames, asked for one after the other from a node of its own."""
    node = track(scene(), 15)
    return [hashlib.sha256(pixels(node.get_frame(n))).hexdigest() for n in order]


@pytest.mark.parametrize("key", [0, 15, N - 1])
def test_the_mask_follows_the_object_both_ways(key):
    clip = scene()
    node = track(clip, key)
    assert (node.format.id, node.width, node.height, node.num_frames, node.fps) == (vs.GRAY8, W, H, N, clip.fps)
    assert min(iou(found(node, n), truth(n)) for n in range(N)) > 0.75
    assert dict(node.get_frame(3).props)["Number"] == 3


def test_any_order_and_many_at_once_give_the_same():
    order = list(range(N))
    wanted = digests(order)
    assert len(set(wanted)) > N // 2
    assert digests(order[::-1]) == wanted[::-1]
    random.Random(3).shuffle(order)
    assert digests(order) == [wanted[n] for n in order]
    assert digests([15, 15, 39, 39, 0]) == [wanted[n] for n in (15, 15, 39, 39, 0)]
    node = track(scene(), 15)
    asked = {n: node.get_frame_async(n) for n in order}
    for n, frame in asked.items():
        assert hashlib.sha256(pixels(frame.result(timeout=120))).hexdigest() == wanted[n]


def test_another_process_gives_the_same():
    code = "import runpy, sys; sys.path.insert(0, sys.argv[2]); print(*runpy.run_path(sys.argv[1])['digests']([30, 4]))"
    call = [sys.executable, "-c", code, __file__, str(Path(__file__).parents[1])]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout.split() == digests([30, 4])


def test_each_frame_is_walked_once():
    clip = scene()
    made: Counter = Counter()

    def count(n, f):
        made[n] += 1
        return f

    node = track(vs.core.std.ModifyFrame(clip, clip, count), 15)
    node.get_frame(20)
    assert set(made) == set(range(15, 15 + SETTLE + 1))
    for n in (*range(15, N), *range(14, -1, -1)):
        node.get_frame(n)
    assert made.total() < 2 * N


def test_after_it_has_left_the_mask_is_empty_for_good():
    length = 70
    node = track(scene(length=length))
    gone = next(n for n in range(length) if not truth(n).any())
    assert gone < 60
    assert iou(found(node, 40), truth(40)) > 0.75
    assert not any(found(node, n).any() for n in range(gone + 2, length))


@pytest.mark.parametrize("says", [None, 20])
def test_nothing_crosses_a_cut_either_way(says):
    clip = scene(cut=20, says=says)
    ahead = track(clip)
    assert [found(ahead, n).any() for n in range(N)] == [n < 20 for n in range(N)]
    # The other scene is before the object's, from behind the cut.
    back = vs.core.osdclean.Track(clip, frame=24, left=40, top=30, width=30, height=30)
    assert not any(found(back, n).any() for n in range(20))
    assert found(back, 20).any()


def test_where_frames_say_whether_there_is_a_cut_nothing_is_measured():
    # Their word ends a walk that nothing would have ended, in the frames of the start (either way) and further on.
    for says in (5, 25):
        ahead = track(scene(says=says))
        assert [found(ahead, n).any() for n in range(N)] == [n < says for n in range(N)]
    for says in (30, 10):
        back = track(scene(says=says), N - 1)
        assert [found(back, n).any() for n in range(N)] == [n >= says for n in range(N)]
    # A threshold that takes everything for a cut.
    assert found(track(scene(says=N), sc_threshold=1e-6), 3).any()
    measured = track(scene(), sc_threshold=1e-6)
    assert [found(measured, n).any() for n in range(3)] == [True, False, False]
    # No cuts are looked for.
    assert track(scene(cut=20), sc_threshold=0).get_frame(25)


def test_a_cut_that_is_told_is_as_good_as_a_clip_that_ends_there():
    for says, key in ((35, 30), (30, 30), (31, 36)):
        whole, part = scene(says=says), range(says, N) if key >= says else range(says)
        alone = scene()[part[0] : part[-1] + 1]
        one, other = track(whole, key), track(alone, key, frame=key - part[0])
        assert [pixels(one.get_frame(n)) for n in part] == [pixels(f) for f in other.frames()]
    for key in (0, N - 1):  # a threshold that takes everything for a cut, and frames that know better
        told, measured = track(scene(says=N), key, sc_threshold=1e-6), track(scene(), key)
        assert pixels(told.get_frame(key)) == pixels(measured.get_frame(key))


def test_the_start_takes_the_way_that_leads_farther():
    # Two frames after the key frame is a cut: what is object must be told from the frames before it.
    for cut in (33, 31):
        node = track(scene(cut=cut), 30)
        assert min(iou(found(node, n), truth(n)) for n in range(31)) > 0.75
        assert not found(node, cut).any()


def test_masks_are_grown():
    one, other = (found(track(scene(), grow=g), 6) for g in (0, 5))
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    assert (other == cv2.dilate(one.astype(np.uint8), reach).view(bool)).all()


@pytest.mark.parametrize(
    "format",
    [vs.GRAY8, vs.GRAY16, vs.GRAYS, vs.YUV420P10, vs.YUV444P16, vs.YUV420PS, vs.YUV410P8, vs.RGB24, vs.RGBS],
    ids=lambda f: vs.core.get_video_format(f).name,
)
def test_every_format_is_followed(format):
    node = track(scene(format, length=16))
    assert iou(found(node, 15), truth(15)) > 0.7


def test_odd_sizes_and_clips_of_one_frame():
    node = track(scene(vs.GRAY8, length=8, size=(W - 1, H - 3)))
    mask = found(node, 7)
    assert iou(mask, truth(7)[: H - 3, : W - 1]) > 0.75
    assert iou(found(track(scene(length=1)), 0), truth(0)) > 0.75
    least = vs.core.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=3)
    assert vs.core.osdclean.Track(least, frame=1, left=0, top=0, width=4, height=4).get_frame(2).width == 16


def test_the_mask_goes_straight_into_inpaint():
    clip = scene(length=16)
    cleaned = vs.core.osdclean.Inpaint(clip, track(clip), grow=4, period=8, warmup=8, lookahead=8, device="cpu")
    ground = scene(length=16, cut=None)
    seen = planes(cleaned.get_frame(8))[0].astype(float) - planes(ground.get_frame(8))[0]
    assert np.abs(seen[truth(8)]).mean() > 10
    assert not seen[~cv2.dilate(truth(8).astype(np.uint8), np.ones((31, 31))).view(bool)].any()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"frame": -1}, "frame must be 0 to 39, passed -1"),
        ({"frame": N}, "frame must be 0 to 39, passed 40"),
        ({"frame": 1 << 40}, "frame must be 0 to 39, passed 1099511627776"),
        ({"left": -1}, r"box must lie in the frame of 144x96, passed 29x37 at \(-1, 28\)"),
        ({"top": 1 << 40}, r"box must lie in the frame of 144x96, passed 29x37 at \(8, 1099511627776\)"),
        ({"left": 120}, r"box must lie in the frame of 144x96, passed 29x37 at \(120, 28\)"),
        ({"width": 0}, "box must be at least 4x4 pixels, passed 0x37"),
        ({"height": -5}, "box must be at least 4x4 pixels, passed 29x-5"),
        (
            {"left": 0, "top": 0, "width": W, "height": H},
            "box must leave a tenth of the frame of 144x96 as background, passed 144x96",
        ),
        ({"grow": 65}, "grow must be 0 to 64, passed 65"),
        ({"sc_threshold": 1.5}, r"sc_threshold must be 0 to 1\.0, passed 1\.5"),
        ({"sc_threshold": float("nan")}, r"sc_threshold must be 0 to 1\.0, passed nan"),
    ],
)
def test_bad_arguments_are_told(arguments, told):
    with pytest.raises(vs.Error, match=f"^Track: {told}$"):
        track(scene(), **arguments)


def test_clips_that_cannot_be_followed_are_refused():
    varying = vs.core.std.Splice([scene(), scene().resize.Point(width=48)], mismatch=True)
    with pytest.raises(vs.Error, match=r"^Track: only clips with constant format and dimensions are accepted$"):
        track(varying)
    with pytest.raises(vs.Error, match=r"^Track: only 8 to 16 bit integer, half and single .* passed 32 bit integer$"):
        track(vs.core.std.BlankClip(width=W, height=H, format=vs.GRAY32))
    with pytest.raises(vs.Error, match=r"^Track: clip must be at least 16x16, passed 144x8$"):
        track(vs.core.std.BlankClip(width=W, height=8, format=vs.GRAY8))


def test_an_error_before_us_is_passed_on_and_frames_on_this_side_of_it_are_served():
    clip = scene()
    node = track(failing(clip, 25))
    asked = {n: node.get_frame_async(n) for n in (30, 24, 25, 39)}
    for n in (30, 25, 39):
        with pytest.raises(vs.Error, match="the disk was pulled out"):
            asked[n].result(timeout=120)
    assert pixels(asked[24].result(timeout=120)) == pixels(track(clip).get_frame(24))


def test_a_fault_of_our_own_is_an_error_of_the_frame_and_the_walk_goes_on_after_it(monkeypatch):
    from osdclean.engine.track.tracker import Tracker

    clip = scene()
    wanted = pixels(track(clip).get_frame(22))
    node, step = track(clip), Tracker.step
    with monkeypatch.context() as patch:

        def fail(self, planes, cut=None):
            mask = step(self, planes, cut)
            if self._steps > 2 * SETTLE + 18:
                raise RuntimeError("out of luck")
            return mask

        patch.setattr(Tracker, "step", fail)
        asked = [node.get_frame_async(n) for n in (22, 30)]
        for frame in asked:
            with pytest.raises(vs.Error, match=r"^Track: internal error, please report it: RuntimeError: out of luck"):
                frame.result(timeout=120)
        assert found(node, 12).any()
    assert pixels(node.get_frame(22)) == wanted


def test_a_freed_node_lets_go_of_its_clip():
    with letting_go() as more:
        node = track(scene())
        node.get_frame(5)
        assert more() == 1
        del node
    with letting_go() as more:
        for _ in range(3):
            with pytest.raises(vs.Error):
                track(scene(), grow=99)
        assert more() == 0


def test_a_rider_is_followed_through_real_footage():
    if not TRACKING.with_suffix(".mp4").exists():
        pytest.skip(f"{TRACKING.name} is not there: set OSDCLEAN_TRACKING to the folder of the tracking example")
    clip = vs.core.bs.VideoSource(str(TRACKING.with_suffix(".mp4")), cachemode=0, showprogress=0)
    masks = sorted(TRACKING.with_name("bmx-trees_mask").iterdir())
    truth = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127 for file in masks]
    assert len(truth) == clip.num_frames
    left, top, width, height = cv2.boundingRect(truth[0].view(np.uint8))
    node = vs.core.osdclean.Track(clip, frame=0, left=left, top=top, width=width, height=height)
    agreement = [iou(found(node, n), mask) for n, mask in enumerate(truth)]
    assert np.mean(agreement) > 0.52
    assert np.mean(agreement[-5:]) > 0.5
