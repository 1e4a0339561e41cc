import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving import psnr, sliding
from osdclean.engine.errors import ArgumentError, PictureError
from osdclean.engine.holes import grown
from osdclean.engine.picture import PictureFormat, Planes
from osdclean.engine.unblend import estimate as estimating
from osdclean.engine.unblend.estimate import Observer, estimate, guess_places, sample_frames

HEIGHT, WIDTH = 96, 144
YUV420 = PictureFormat(
    family="YUV", floating=False, bits=8, width=WIDTH, height=HEIGHT, subsampling_w=1, subsampling_h=1
)
COLOUR = 200.0, 90.0, 160.0


def drawn(strength: float) -> np.ndarray:
    """Opacity of a lettered mark, float32 [H, W], with soft edges."""
    ink = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(ink, "Ab8", (34, 62), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 5, cv2.LINE_AA)
    return ink.astype(np.float32) / 255 * strength


def holed(opacity: np.ndarray) -> np.ndarray:
    return grown((opacity > 0).astype(np.uint8) * 255, False, 8, 2)


def opacities(opacity: np.ndarray, planes: Planes) -> list[np.ndarray]:
    """The opacity on each plane: a chroma sample has the mean of its luma samples."""
    return [
        opacity if p.shape == opacity.shape else cv2.resize(opacity, p.shape[::-1], interpolation=cv2.INTER_AREA)
        for p in planes
    ]


def blended(planes: Planes, opacity: np.ndarray, colour: tuple[float, ...] = COLOUR) -> Planes:
    out = []
    for plane, a, c in zip(planes, opacities(opacity, planes), colour, strict=False):
        values = plane * (1 - a) + a * np.float32(c)
        out.append((np.rint(values) if plane.dtype.kind == "u" else values).astype(plane.dtype))
    return tuple(out)


def restored(mark, frames):
    out = [tuple(p.copy() for p in planes) for planes in frames]
    for planes in out:
        mark.apply(planes)
    return out


@pytest.fixture(scope="module")
def truth():
    return sliding(48, HEIGHT, WIDTH, dx=2.3, dy=0.9)


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.7])
def test_what_lies_below_comes_back_far_better_than_painted(truth, strength):
    opacity = drawn(strength)
    hole, shown = holed(opacity), [blended(planes, opacity) for planes in truth]
    mark = estimate(shown, YUV420, hole)
    assert not (mark.thin & (opacity > 0)).any()
    made = restored(mark, shown)
    painted = [cv2.inpaint(p[0], hole.view(np.uint8), 3, cv2.INPAINT_TELEA) for p in shown]
    for k, a in enumerate(opacities(opacity, truth[0])):
        true, got = (np.stack([planes[k] for planes in some])[:, a > 0] for some in (truth, made))
        assert psnr(true, got, np.ones_like(true, bool)) > 34
    inside = np.stack([opacity > 0] * len(truth))
    luma = np.stack([planes[0] for planes in truth])
    assert psnr(luma, np.stack([p[0] for p in made]), inside) > 8 + psnr(luma, np.stack(painted), inside)


def test_opacity_is_not_biased_by_the_picture_beside_it(truth):
    opacity = drawn(0.5)
    mark = estimate([blended(planes, opacity) for planes in truth], YUV420, holed(opacity))
    layer = mark.layers[0]
    body = opacity.ravel()[layer.index] == opacity.max()
    assert abs(np.median(layer.opacity[body]) - opacity.max()) < 0.06
    assert abs(np.median(layer.colour[body]) - COLOUR[0]) < 6


def test_nothing_but_the_mark_changes(truth):
    opacity = drawn(0.5)
    hole, shown = holed(opacity), [blended(planes, opacity) for planes in truth]
    mark = estimate(shown, YUV420, hole)
    for before, after in zip(shown, restored(mark, shown), strict=True):
        for k, (a, b) in enumerate(zip(before, after, strict=True)):
            outside = ~hole if k == 0 else ~hole.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any((1, 3))
            np.testing.assert_array_equal(a[outside], b[outside])
    # What the grown mask has beyond the mark stays all but as it was.
    beside = hole & (opacity == 0)
    change = [a[0][beside].astype(float) - b[0][beside] for a, b in zip(shown, restored(mark, shown), strict=True)]
    assert np.abs(change).mean() < 1.5


@pytest.mark.parametrize(
    "kind",
    [
        {"family": "YUV", "floating": False, "bits": 10, "subsampling_w": 1},
        {"family": "RGB", "floating": False, "bits": 16},
        {"family": "RGB", "floating": True, "bits": 32},
        {"family": "GRAY", "floating": True, "bits": 16},
    ],
)
def test_every_format_is_solved_alike(truth, kind):
    picture = PictureFormat(**kind, width=WIDTH, height=HEIGHT)
    scale = picture.peak / 255
    opacity = drawn(0.5)

    def turned(planes):
        sized = [cv2.resize(p, picture.plane_shape(k)[::-1]) for k, p in enumerate(planes[: picture.plane_count])]
        return tuple((p * scale).astype(picture.dtype) for p in sized)

    true = [turned(planes) for planes in truth]
    shown = [blended(planes, opacity, tuple(c * scale for c in COLOUR)) for planes in true]
    made = restored(estimate(shown, picture, holed(opacity)), shown)
    for k, a in enumerate(opacities(opacity, true[0])):
        want, got = (np.stack([f[k].astype(np.float64) / scale for f in some])[:, a > 0] for some in (true, made))
        assert psnr(want, got, np.ones_like(want, bool)) > 33


def test_a_still_picture_is_refused(truth):
    opacity = drawn(0.5)
    rng = np.random.default_rng(0)
    for noise in (0, 3):
        still = [
            tuple(np.clip(p + np.rint(rng.normal(0, noise, p.shape)), 0, 255).astype(np.uint8) for p in truth[0])
            for _ in range(40)
        ]
        shown = [blended(planes, opacity) for planes in still]
        mark = estimate(shown, YUV420, holed(opacity))
        assert mark.thin[opacity > 0].all()
        for before, after in zip(shown[:3], restored(mark, shown[:3]), strict=True):
            np.testing.assert_array_equal(before[0][opacity > 0], after[0][opacity > 0])


def test_what_is_all_but_opaque_is_to_be_painted_and_the_rest_is_not(truth):
    opacity = drawn(0.5)
    opacity[:, 78:] *= 1.94
    mark = estimate([blended(planes, opacity) for planes in truth], YUV420, holed(opacity))
    solid = opacity > 0.95
    assert mark.thin[solid].mean() > 0.9
    assert mark.thin[:, :74].mean() == 0
    # A chroma sample is solved for where none of its luma samples is thin.
    cells = mark.thin.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any((1, 3))
    assert not cells.ravel()[mark.layers[1].index].any()


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.7])
def test_a_mark_under_noise_that_the_inverse_would_multiply_is_refused(truth, strength):
    opacity, rng = drawn(strength), np.random.default_rng(0)

    def coded(planes):
        return tuple(np.clip(p + np.rint(rng.normal(0, 4, p.shape)), 0, 255).astype(np.uint8) for p in planes)

    mark = estimate([coded(blended(planes, opacity)) for planes in truth], YUV420, holed(opacity))
    np.testing.assert_array_equal(mark.thin, holed(opacity))
    assert all(len(layer.index) == 0 for layer in mark.layers)
    # The same noise below the mark is the picture's own.
    mark = estimate([blended(coded(planes), opacity) for planes in truth], YUV420, holed(opacity))
    assert mark.thin.mean() < 0.01


def test_the_same_frames_give_the_same_mark_bit_for_bit(truth):
    opacity = drawn(0.5)
    shown = [blended(planes, opacity) for planes in truth]
    one, other = (estimate(shown, YUV420, holed(opacity)) for _ in range(2))
    for a, b in zip(one.layers, other.layers, strict=True):
        assert (a.opacity.tobytes(), a.colour.tobytes()) == (b.opacity.tobytes(), b.colour.tobytes())


def test_too_few_frames_are_refused(truth):
    opacity = drawn(0.5)
    few = [blended(planes, opacity) for planes in truth[: estimating.FEWEST - 1]]
    mark = estimate(few, YUV420, holed(opacity))
    np.testing.assert_array_equal(mark.thin, holed(opacity))
    assert all(len(layer.index) == 0 for layer in mark.layers)


def test_an_empty_hole_is_no_mark(truth):
    mark = estimate(truth[:20], YUV420, np.zeros((HEIGHT, WIDTH), bool))
    assert not mark.thin.any()
    np.testing.assert_array_equal(restored(mark, truth[:1])[0][0], truth[0][0])


def blurred(planes: Planes) -> Planes:
    """A guess as inpainting makes them: right in the mean, but with less detail."""
    return tuple(cv2.GaussianBlur(p, (0, 0), 1.5) for p in planes)


def guesses(frames, change=blurred):
    return [change(frames[k]) for k in guess_places(len(frames))]


def luma_psnr(mark, shown, truth, inside) -> float:
    true, got = (np.stack([p[0] for p in some])[:, inside] for some in (truth, restored(mark, shown)))
    return psnr(true, got, np.ones_like(true, bool))


@pytest.mark.parametrize("strength", [0.3, 0.5, 0.7])
def test_a_guess_keeps_the_level_of_a_wide_mark(truth, strength):
    opacity, few = np.zeros((HEIGHT, WIDTH), np.float32), truth[:14]
    opacity[24:72, 36:108] = strength
    hole, shown, inside = holed(opacity), [blended(planes, opacity) for planes in few], opacity > 0
    alone, led = (estimate(shown, YUV420, hole, some) for some in ((), guesses(few)))
    assert luma_psnr(led, shown, few, inside) > 3.5 + luma_psnr(alone, shown, few, inside)

    def off(mark, plane):
        miss = [a[plane].astype(float) - b[plane] for a, b in zip(restored(mark, shown), few, strict=True)]
        return np.abs(np.mean(miss, 0))[12:36, 18:54].mean() if plane else np.abs(np.mean(miss, 0))[inside].mean()

    assert off(led, 0) < 0.5 * off(alone, 0)
    assert off(led, 1) + off(led, 2) < 0.8 * (off(alone, 1) + off(alone, 2))


def test_a_guess_that_strays_counts_for_little(truth):
    opacity, rng = drawn(0.5), np.random.default_rng(2)
    hole, shown = holed(opacity), [blended(planes, opacity) for planes in truth]

    def astray(planes):
        # All of the frame at once, by another amount each time.
        return tuple(np.clip(p + rng.normal(0, 40), 0, 255).astype(np.uint8) for p in planes)

    alone, led = (
        luma_psnr(estimate(shown, YUV420, hole, g), shown, truth, opacity > 0) for g in ((), guesses(truth, astray))
    )
    assert led > alone - 1


def test_a_guess_does_not_have_an_estimate_refused(truth):
    opacity, rng = drawn(0.5), np.random.default_rng(3)
    hole, shown = holed(opacity), [blended(planes, opacity) for planes in truth]
    rough = [rng.normal(0, 60, p.shape) for p in truth[0]]

    def spoilt(planes):
        return tuple(np.clip(p + r, 0, 255).astype(np.uint8) for p, r in zip(planes, rough, strict=True))

    assert estimate(shown, YUV420, hole, guesses(truth, spoilt)).thin.mean() < 0.01


def test_the_order_in_which_frames_come_does_not_matter(truth):
    opacity, frames = drawn(0.5), truth[:24]
    shown, made = [blended(planes, opacity) for planes in frames], guesses(frames)
    observer = Observer(YUV420, holed(opacity), len(shown))
    rng = np.random.default_rng(1)
    for k in rng.permutation(len(made)):
        observer.see_inpainted(guess_places(len(shown))[k], made[k])
    for k in rng.permutation(len(shown)):
        observer.see(int(k), shown[k])
    for a, b in zip(observer.mark().layers, estimate(shown, YUV420, holed(opacity), made).layers, strict=True):
        np.testing.assert_array_equal(a.opacity, b.opacity)
        np.testing.assert_array_equal(a.colour, b.colour)


def test_bad_input_is_named():
    with pytest.raises(PictureError, match="clip's dimensions, passed 10x20 and 144x96"):
        Observer(YUV420, np.zeros((20, 10), bool), 3)
    with pytest.raises(PictureError, match="inverted"):
        Observer(YUV420, np.ones((HEIGHT, WIDTH), bool), 3)
    with pytest.raises(ArgumentError, match="passed 0 and 60"):
        sample_frames(0, 60)
    floating = PictureFormat(family="GRAY", floating=True, bits=32, width=WIDTH, height=HEIGHT)
    with pytest.raises(PictureError, match="finite"):
        Observer(floating, holed(drawn(0.5)), 3).see(0, (np.full((HEIGHT, WIDTH), np.nan, np.float32),))
    with pytest.raises(PictureError, match="finite"):
        Observer(floating, holed(drawn(0.5)), 3).see_inpainted(0, (np.full((HEIGHT, WIDTH), np.nan, np.float32),))


@given(st.integers(1, 10**6), st.integers(1, 300))
def test_the_sample_is_spread_over_the_clip(length, most):
    frames = sample_frames(length, most)
    assert len(frames) == min(length, most)
    assert frames[0] >= 0
    assert frames[-1] < length
    assert all(a < b for a, b in itertools.pairwise(frames))
    if len(frames) > 1:
        steps = np.diff([-1, *frames])
        assert max(steps[1:]) - min(steps[1:]) <= 1
