"""The node: what is asked for, what is returned, what is given back."""

import gc
import sys
import threading
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs
from clips import BOX, failing, letting_go, masking, moving, pixels, planes

LINUX = sys.platform == "linux"
SMALL = {"period": 4, "warmup": 3, "lookahead": 3, "device": "cpu"}


@pytest.fixture
def engine():
    """The class of the node's engine, to be patched."""
    from osdclean.engine.inpainter import Inpainter

    return Inpainter


def inpaint(clip, mask, **arguments):
    return vs.core.osdclean.Inpaint(clip, mask, **(SMALL | arguments))


def counted(clip: vs.VideoNode) -> tuple[vs.VideoNode, Counter]:
    """`clip`, and how often each of its frames is made."""
    made: Counter = Counter()

    def count(n, f):
        made[n] += 1
        return f

    return vs.core.std.ModifyFrame(clip, clip, count), made


def ask(node: vs.VideoNode, frames) -> list[bytes | str]:
    """Samples of many frames asked for at once, or the error of each."""
    answers = {n: node.get_frame_async(n) for n in frames}
    return [str(error) if (error := a.exception()) else pixels(a.result()) for a in answers.values()]


def test_an_empty_mask_returns_the_source_frame_itself(engine, monkeypatch):
    monkeypatch.setattr(engine, "restore", lambda *_: pytest.fail("no network must run"))
    clip = moving(length=10, properties=True)
    result = inpaint(clip, masking(empty=lambda n: True))
    for n in (0, 4, 9):
        before, after = clip.get_frame(n), result.get_frame(n)
        assert after.get_read_ptr(0).value == before.get_read_ptr(0).value
        assert dict(after.props) == dict(before.props)


def test_an_empty_mask_reads_nothing_but_the_frame():
    clip, made = counted(moving(length=30))
    inpaint(clip, masking(empty=lambda n: True)).get_frame(12)
    assert made == {12: 1}


def test_a_mask_that_comes_and_goes():
    clip = moving(length=16)
    result = inpaint(clip, masking(length=16, empty=lambda n: n % 8 < 4))
    same = [pixels(clip.get_frame(n)) == pixels(result.get_frame(n)) for n in range(16)]
    assert same == [n % 8 < 4 for n in range(16)]


def test_a_mask_that_moves_is_followed():
    clip = moving(vs.GRAY8, length=8)
    result = inpaint(clip, masking(length=8, move=3), grow=0)
    for n in (0, 7):
        (before,), (after,) = planes(clip.get_frame(n)), planes(result.get_frame(n))
        top, bottom, left, right = BOX
        hole = np.zeros_like(before, bool)
        hole[top:bottom, left + 3 * n : right + 3 * n] = True
        assert (before == after)[~hole].all()
        assert (before != after)[hole].any()


def test_a_short_mask_repeats_its_last_frame_and_a_long_one_is_cut():
    clip = moving(length=8)
    expected = ask(inpaint(clip, masking(length=8, empty=lambda n: n < 3)), range(8))
    assert ask(inpaint(clip, masking(length=4, empty=lambda n: n < 3)), range(8)) == expected
    assert ask(inpaint(clip, masking(length=50, empty=lambda n: n < 3)), range(8)) == expected


def test_one_frame_and_many_equal_frames_are_the_same_mask():
    clip = moving(length=8)
    assert ask(inpaint(clip, masking()), range(8)) == ask(inpaint(clip, masking(length=8)), range(8))


def test_the_clip_may_be_its_own_mask():
    clip = moving(length=6)
    bright = vs.core.std.Expr(clip, ["x 250 > 255 0 ?", "", ""])
    assert ask(inpaint(clip, bright), range(6)) == ask(inpaint(clip, masking()), range(6))
    itself = inpaint(clip, clip)
    assert pixels(itself.get_frame(2)) != pixels(clip.get_frame(2))


@pytest.mark.parametrize("order", ["forward", "backward", "ahead"])
def test_each_source_frame_is_made_about_once(order):
    clip, made = counted(moving(length=60))
    mask, masks_made = counted(masking(length=60, empty=lambda n: n % 2 == 0))
    node = inpaint(clip, mask, period=5, warmup=12, lookahead=12)
    frames = range(59, -1, -1) if order == "backward" else range(60)
    if order == "ahead":
        for f in node.frames(prefetch=16):
            f.close()
    else:
        for n in frames:
            node.get_frame(n)
    assert set(made) == set(masks_made) == set(range(60))
    assert made.total() <= 66
    assert masks_made.total() <= 66


def test_each_block_is_restored_once(engine, monkeypatch):
    restore, block_of, blocks = engine.restore, engine.block_of, Counter()
    begun, together = set(), threading.Event()

    def counting(self, block, *rest):
        together.wait(60)  # however late a busy machine begins the last frame
        blocks[block] += 1
        return restore(self, block, *rest)

    def beginning(self, n):
        begun.add(n)
        if len(begun) == 40:
            together.set()
        return block_of(self, n)

    monkeypatch.setattr(engine, "restore", counting)
    monkeypatch.setattr(engine, "block_of", beginning)
    node = inpaint(moving(length=40), masking(), cache=1)
    order = np.random.default_rng(3).permutation(40).tolist()
    ask(node, order)
    assert blocks == dict.fromkeys(range(10), 1)


def test_what_the_engine_gets(engine, monkeypatch):
    seen = {}
    restore = engine.restore

    def looking(self, block, frames, holes, cuts):
        seen[block] = (
            {n: [(p.shape, p.dtype, p.flags.writeable) for p in f] for n, f in frames.items()},
            holes,
            cuts,
            threading.current_thread(),
        )
        return restore(self, block, frames, holes, cuts)

    monkeypatch.setattr(engine, "restore", looking)
    clip = moving(vs.YUV420P10, length=20, cut=9, properties=True)
    inpaint(clip, masking()).get_frame(9)
    frames, holes, cuts, _ = seen[2]
    window = range(5, 15)
    plane = [((64, 96), np.uint16, False), ((32, 48), np.uint16, False), ((32, 48), np.uint16, False)]
    assert sorted(frames) == sorted(holes) == list(window)
    assert all(f == plane for f in frames.values())
    assert cuts == {n: n == 9 for n in window}
    assert len({id(h) for h in holes.values()}) == 1
    assert holes[5].dtype == bool
    assert holes[5][BOX[0], BOX[2]]
    assert not holes[5][0, 0]


def test_frames_without_the_property_are_not_called_cuts(engine, monkeypatch):
    seen = []
    restore = engine.restore
    monkeypatch.setattr(engine, "restore", lambda self, *a: seen.append(a[3]) or restore(self, *a))
    inpaint(moving(length=5), masking()).get_frame(0)
    assert seen == [{}]


def test_a_source_that_fails_in_mid_clip():
    clip = failing(moving(length=40), 20)
    answers = ask(inpaint(clip, masking()), range(40))
    reached = [n for n in range(40) if (n // 4) * 4 - 3 <= 20 < (n // 4) * 4 + 7]
    failed = [n for n, a in enumerate(answers) if isinstance(a, str)]
    assert set(reached) <= set(failed)
    assert all("the disk was pulled out" in answers[n] for n in failed)
    whole = inpaint(moving(length=40), masking())
    assert all(a == pixels(whole.get_frame(n)) for n, a in enumerate(answers) if n not in failed)


def test_frames_far_from_a_failure_are_served_afterwards():
    node = inpaint(failing(moving(length=40), 20), masking())
    with pytest.raises(vs.Error, match="the disk was pulled out"):
        node.get_frame(20)
    assert pixels(node.get_frame(2)) == pixels(inpaint(moving(length=40), masking()).get_frame(2))


def test_a_mask_that_fails_in_mid_clip():
    node = inpaint(moving(length=20), failing(masking(length=20), 10))
    with pytest.raises(vs.Error, match="the disk was pulled out"):
        node.get_frame(10)
    node.get_frame(0)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("DeviceError", "Inpaint: cuda:0 is out of memory"),
        (RuntimeError, "Inpaint: internal error, please report it: RuntimeError: cuda:0 is out of memory"),
        (MemoryError, "Inpaint: out of memory: make core.max_cache_size smaller, and windows of Inpaint "
         "(period, warmup, lookahead)"),
        (SystemExit, "Inpaint: internal error, please report it: SystemExit: cuda:0 is out of memory"),
    ],
)
def test_errors_of_the_engine_become_errors_of_the_frame(engine, monkeypatch, error, line):
    from osdclean.engine import errors

    kind = getattr(errors, error) if isinstance(error, str) else error

    def fail(*_):
        raise kind("cuda:0 is\n out of memory\0")

    node = inpaint(moving(length=20), masking())
    with monkeypatch.context() as patch:
        patch.setattr(engine, "restore", fail)
        assert ask(node, [3, 7, 2]) == [line.replace("memory", "memory")] * 3
    assert isinstance(ask(node, [3])[0], bytes), "a later try finds memory again"


def test_a_mask_that_covers_everything():
    node = inpaint(moving(length=5), masking(box=(0, 64, 0, 96)))
    with pytest.raises(vs.Error) as error:
        node.get_frame(1)
    assert str(error.value).startswith("Inpaint: mask must leave a part of the picture to fill from, passed one")


def test_a_mask_that_grows_over_everything_is_named_too():
    node = inpaint(moving(length=5), masking(box=(8, 56, 8, 88)), grow=64)
    with pytest.raises(vs.Error, match=r"covers all of 96x64 at frame 0"):
        node.get_frame(0)


def test_interlaced_frames_are_refused_with_a_remedy():
    clip = vs.core.std.SetFieldBased(moving(length=5), 2)
    with pytest.raises(vs.Error, match=r"passed frame 3 with _FieldBased=2: deinterlace .*SetFieldBased\(clip, 0\)"):
        inpaint(clip, masking()).get_frame(3)
    inpaint(clip, masking(empty=lambda n: True)).get_frame(3)
    inpaint(vs.core.std.SetFieldBased(clip, 0), masking()).get_frame(3)


def test_nan_in_a_float_clip_does_not_end_the_host():
    def spoil(n, f):
        out = f.copy()
        np.asarray(out[0])[n % 3 :: 7, ::5] = np.nan
        return out

    clip = moving(vs.GRAYS, length=6)
    spoiled = vs.core.std.ModifyFrame(clip, clip, spoil)
    for answer in ask(inpaint(spoiled, masking()), range(6)):
        assert isinstance(answer, bytes) or answer.startswith("Inpaint: ")


def test_several_nodes_in_one_script():
    clip = moving(length=12)
    first, second = inpaint(clip, masking()), inpaint(clip, masking(box=(4, 12, 4, 20)))
    chained = inpaint(first, masking(box=(4, 12, 4, 20)))
    stacked = vs.core.std.StackHorizontal([first, second, chained])
    apart = [ask(inpaint(clip, masking()), range(12)), ask(second, range(12)), ask(chained, range(12))]
    for n, f in enumerate(stacked.frames()):
        for node, third in zip(apart, np.split(np.asarray(f[0]), 3, axis=1), strict=True):
            assert node[n].startswith(third.tobytes())


def test_a_freed_node_lets_go_of_engine_clips_and_frames(engine, monkeypatch):
    gc.collect()
    closed = []
    close = engine.close
    monkeypatch.setattr(engine, "close", lambda self: closed.append(weakref.ref(self)) or close(self))
    from osdclean.plugin import filters as module

    before, used = len(module._handles), vs.core.used_cache_size
    caches = {node: list(sizes) for node, sizes in module._caches.items()}  # of nodes that other tests still hold
    threads = set(threading.enumerate())
    clip = moving(vs.YUV444P16, length=30)
    node = inpaint(clip, failing(masking(length=30), 25), period=3)
    answers = ask(node, range(30))
    assert any(isinstance(a, str) for a in answers)
    assert any(isinstance(a, bytes) for a in answers)
    del node, clip
    gc.collect()
    assert len(module._handles) == before
    assert module._caches == caches
    assert [engine() for engine in closed] == [None]
    assert vs.core.used_cache_size <= used
    assert not [t.name for t in set(threading.enumerate()) - threads if t.name.startswith("osdclean")]


def test_a_node_that_is_refused_lets_go_of_its_clips():
    with letting_go() as more:
        for _ in range(3):
            with pytest.raises(vs.Error):
                inpaint(moving(), masking(), grow=99)
        assert more() == 0


def test_memory_is_flat_over_a_long_clip(engine, monkeypatch):
    from osdclean.engine.inpainter import Patches

    def trivial(self, block, frames, holes, cuts):
        period = self.settings.period
        inside = np.flatnonzero(next(iter(holes.values())))
        values = np.zeros(len(inside), np.uint16)
        return Patches(frames=dict.fromkeys(range(block * period, (block + 1) * period), ((inside, values),)))

    monkeypatch.setattr(engine, "restore", trivial)
    size = {"width": 640, "height": 480}
    clip = moving(vs.GRAY16, length=8, **size)
    node = inpaint(vs.core.std.Loop(clip, 125), masking(**size), period=20)
    used, resident = [], []
    for n, frame in enumerate(node.frames()):
        frame.close()
        if n % 200 == 199:
            used.append(vs.core.used_cache_size)
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 if LINUX else 0)
    assert max(used) <= used[0] * 1.2
    # 800 frames of 600 KiB went through since the first reading.
    assert max(resident) <= resident[0] + 40 * 2**20
