# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Kernels: loops over scattered samples, compiled by Cython when the package is built.

Numpy has no words for a path that is followed sample by sample through many frames: each of its steps would go through
memory as a whole. What is here knows addresses and numbers alone; what they mean is said in `propagation`,
`candidates` and `unblend.solve`, who call them. All loops run without the interpreter's lock, in one thread, in a fixed
order.

A stack of planes or holes is passed as addresses (uint64, one per frame from frame `first` on; 0: the frame has no
hole) and strides in bytes. kind is the type of the planes' samples: 0 uint8, 1 uint16, 2 float32, 3 float16. Holes are
bool [height, width] without gaps. Frame numbers are int32, NOWHERE where there is none.
"""

import cython
from cython.cimports.libc.math import fabs, fabsf, isfinite, ldexpf, lrintf, sqrt

NOWHERE = cython.declare(cython.int, -1)
NAN = cython.declare(cython.float, float("nan"))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _half(bits: cython.ushort) -> cython.float:
    exponent: cython.int = (bits >> 10) & 31
    mantissa: cython.int = bits & 1023
    value: cython.float = ldexpf(mantissa, -24) if exponent == 0 else ldexpf(mantissa + 1024, exponent - 25)
    return -value if bits & 0x8000 else value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _load(row: cython.p_uchar, x: cython.int, kind: cython.int) -> cython.float:
    if kind == 0:
        return row[x]
    if kind == 1:
        return cython.cast(cython.p_ushort, row)[x]
    if kind == 2:
        return cython.cast(cython.p_float, row)[x]
    return _half(cython.cast(cython.p_ushort, row)[x])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _clipped(v: cython.int, last: cython.int) -> cython.int:
    return 0 if v < 0 else last if v > last else v


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _floor(v: cython.float) -> cython.int:
    i: cython.int = cython.cast(cython.int, v)
    return i - 1 if v < i else i


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _clean(
    hole: cython.p_uchar, height: cython.int, width: cython.int, x: cython.float, y: cython.float
) -> cython.bint:
    """Whether the sample nearest to a place is in the picture and outside the hole; never for NaN."""
    if not (x >= 0 and y >= 0 and x <= width - 1 and y <= height - 1):
        return False
    if hole == cython.NULL:
        return True
    return hole[lrintf(y) * width + lrintf(x)] == 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _cubic_weights(t: cython.float, w: cython.p_float) -> cython.void:
    """Keys' kernel (Cubic Convolution Interpolation for Digital Image Processing, 1981), which keeps a ramp a ramp."""
    a: cython.float = -0.5
    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1
    w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    w[3] = 1 - w[0] - w[1] - w[2]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read(
    plane: cython.p_uchar,
    stride: cython.Py_ssize_t,
    kind: cython.int,
    height: cython.int,
    width: cython.int,
    hole: cython.p_uchar,
    near: cython.p_uchar,
    x: cython.float,
    y: cython.float,
    cubic: cython.bint,
) -> cython.float:
    """The plane at a place: bicubic or bilinear where no sample of the bicubic kernel is in the hole, else bilinear
    from what of the four samples around is clean; NaN where none is. Edges are repeated."""
    x0: cython.int = _floor(x)
    y0: cython.int = _floor(y)
    tx: cython.float = x - x0
    ty: cython.float = y - y0
    i: cython.int
    j: cython.int
    ix: cython.int
    iy: cython.int
    row: cython.p_uchar
    total: cython.float = 0
    line: cython.float
    weight: cython.float = 0
    share: cython.float
    wx = cython.declare(cython.float[4])
    wy = cython.declare(cython.float[4])
    if near != cython.NULL:
        ix = _clipped(cython.cast(cython.int, lrintf(x)), width - 1)
        iy = _clipped(cython.cast(cython.int, lrintf(y)), height - 1)
        if near[cython.cast(cython.Py_ssize_t, iy) * width + ix]:
            for j in range(2):
                iy = _clipped(y0 + j, height - 1)
                row = plane + iy * stride
                for i in range(2):
                    ix = _clipped(x0 + i, width - 1)
                    if not hole[cython.cast(cython.Py_ssize_t, iy) * width + ix]:
                        # A weight of nothing would leave nothing where the only clean sample lies straight under
                        # the place.
                        share = (1 - fabsf(tx - i) + cython.cast(cython.float, 1e-3)) * (
                            1 - fabsf(ty - j) + cython.cast(cython.float, 1e-3)
                        )
                        total += share * _load(row, ix, kind)
                        weight += share
            return total / weight if weight > 0 else NAN
    if cubic:
        _cubic_weights(tx, wx)
        _cubic_weights(ty, wy)
        if x0 >= 1 and x0 + 2 < width:
            for j in range(4):
                row = plane + _clipped(y0 + j - 1, height - 1) * stride
                total += wy[j] * (
                    wx[0] * _load(row, x0 - 1, kind)
                    + wx[1] * _load(row, x0, kind)
                    + wx[2] * _load(row, x0 + 1, kind)
                    + wx[3] * _load(row, x0 + 2, kind)
                )
            return total
        for j in range(4):
            row = plane + _clipped(y0 + j - 1, height - 1) * stride
            line = 0
            for i in range(4):
                line += wx[i] * _load(row, _clipped(x0 + i - 1, width - 1), kind)
            total += wy[j] * line
        return total
    ix = _clipped(x0, width - 1)
    i = _clipped(x0 + 1, width - 1)
    row = plane + _clipped(y0, height - 1) * stride
    total = (1 - ty) * ((1 - tx) * _load(row, ix, kind) + tx * _load(row, i, kind))
    row = plane + _clipped(y0 + 1, height - 1) * stride
    return total + ty * ((1 - tx) * _load(row, ix, kind) + tx * _load(row, i, kind))


def follow(
    number: cython.int[:, ::1],
    y: cython.int[::1],
    x: cython.int[::1],
    flow: cython.float[:, ::1],
    before: cython.int,
    holes: cython.ulonglong[::1],
    first: cython.int,
    had_frame: cython.int[::1],
    had_motion: cython.float[:, ::1],
    anchor: cython.int[::1],
    anchor_motion: cython.float[:, :, ::1],
    missed: cython.float[:, ::1],
    frame: cython.int[::1],
    motion: cython.float[:, ::1],
    next_motion: cython.float[:, :, ::1],
) -> None:
    """One step of a walk, from the frame `before` (`propagation.Tracker`).

    number: of the hole samples of the frame before, by place, -1 elsewhere; y, x [N]: this frame's hole samples;
    flow [N, 3]: x, y and light to the frame before; had_frame [B], had_motion [B, 3]: sources of the frame before;
    anchor [A], anchor_motion [A, B, 3]: frames that are followed beside, nearest first, and the way to them;
    missed [B, 3]: what these ways are still to be corrected by.
    Written: frame [N], motion [N, 3], next_motion [A, N, 3].
    """
    height: cython.int = number.shape[0]
    width: cython.int = number.shape[1]
    count: cython.int = y.shape[0]
    anchors: cython.int = anchor.shape[0]
    k: cython.int
    a: cython.int
    landed: cython.int
    older: cython.int
    best: cython.int
    offered: cython.int
    distance: cython.int
    sx: cython.int
    sy: cython.int
    fx: cython.float
    fy: cython.float
    fl: cython.float
    mx: cython.float
    my: cython.float
    ml: cython.float
    gx: cython.float
    gy: cython.float
    gl: cython.float
    px: cython.float = 0
    py: cython.float = 0
    pl: cython.float = 0
    inside: cython.bint
    with cython.nogil:
        for k in range(count):
            fx = flow[k, 0]
            fy = flow[k, 1]
            fl = flow[k, 2]
            sx = cython.cast(cython.int, lrintf(x[k] + fx))
            sy = cython.cast(cython.int, lrintf(y[k] + fy))
            inside = sx >= 0 and sy >= 0 and sx < width and sy < height
            landed = number[_clipped(sy, height - 1), _clipped(sx, width - 1)]
            best = before if inside and landed < 0 else NOWHERE
            distance = 0
            mx = fx
            my = fy
            ml = fl
            # A clean landing says nothing about older frames: there the sample's own place goes on (motion is smooth).
            older = landed if landed >= 0 else number[y[k], x[k]]
            if landed >= 0:
                offered = had_frame[landed]
                if offered != NOWHERE:
                    gx = had_motion[landed, 0] + fx
                    gy = had_motion[landed, 1] + fy
                    if _clean(
                        cython.cast(cython.p_uchar, holes[offered - first]), height, width, x[k] + gx, y[k] + gy
                    ):
                        best = offered
                        distance = abs(offered - before)
                        mx = gx
                        my = gy
                        ml = had_motion[landed, 2] + fl
            if older >= 0:
                px = fx + missed[older, 0]
                py = fy + missed[older, 1]
                pl = fl + missed[older, 2]
            for a in range(anchors):
                if older < 0:
                    next_motion[a, k, 0] = NAN
                    next_motion[a, k, 1] = NAN
                    next_motion[a, k, 2] = NAN
                    continue
                gx = anchor_motion[a, older, 0] + px
                gy = anchor_motion[a, older, 1] + py
                gl = anchor_motion[a, older, 2] + pl
                next_motion[a, k, 0] = gx
                next_motion[a, k, 1] = gy
                next_motion[a, k, 2] = gl
                offered = anchor[a]
                if (best == NOWHERE or abs(offered - before) < distance) and _clean(
                    cython.cast(cython.p_uchar, holes[offered - first]), height, width, x[k] + gx, y[k] + gy
                ):
                    best = offered
                    distance = abs(offered - before)
                    mx = gx
                    my = gy
                    ml = gl
            frame[k] = best
            motion[k, 0] = mx
            motion[k, 1] = my
            motion[k, 2] = ml


def drift(
    n: cython.int,
    planes: cython.ulonglong[::1],
    strides: cython.longlong[::1],
    kind: cython.int,
    holes: cython.ulonglong[::1],
    near: cython.ulonglong[::1],
    first: cython.int,
    height: cython.int,
    width: cython.int,
    y: cython.int[::1],
    x: cython.int[::1],
    follows: cython.int[::1],
    frame: cython.int[::1],
    motion: cython.float[:, ::1],
    scale: cython.float,
    miss: cython.float,
    cell: cython.int,
    sums: cython.float[:, :, ::1],
) -> None:
    """Normal equations of the shift by which what came along misses frame `n`, summed up per cell.

    y, x [P]: clean samples around the hole, not at the picture's edge; follows [P]: the hole sample whose way each
    takes; frame, motion: of the hole samples; scale: to 8-bit code values; miss: in those, what counts half; cell: side
    in pixels. Added to sums [rows, columns, 9] of the cells: w, wx, wy, we, xx, xy, yy, xe, ye.
    """
    count: cython.int = y.shape[0]
    k: cython.int
    h: cython.int
    source: cython.int
    at: cython.int
    hole: cython.p_uchar
    row: cython.p_uchar
    luma: cython.p_uchar = cython.cast(cython.p_uchar, planes[n - first])
    stride: cython.Py_ssize_t = strides[n - first]
    sx: cython.float
    sy: cython.float
    e: cython.float
    gx: cython.float
    gy: cython.float
    w: cython.float
    s: cython.p_float
    with cython.nogil:
        for k in range(count):
            h = follows[k]
            source = frame[h]
            if source == NOWHERE:
                continue
            sx = x[k] + motion[h, 0]
            sy = y[k] + motion[h, 1]
            at = source - first
            hole = cython.cast(cython.p_uchar, holes[at])
            if not _clean(hole, height, width, sx, sy):
                continue
            row = luma + y[k] * stride
            e = _read(
                cython.cast(cython.p_uchar, planes[at]), strides[at], kind, height, width, hole,
                cython.cast(cython.p_uchar, near[at]), sx, sy, False,
            )  # fmt: skip
            e = (_load(row, x[k], kind) - e) * scale - motion[h, 2]
            gx = (_load(row, x[k] + 1, kind) - _load(row, x[k] - 1, kind)) * scale / 2
            gy = (_load(row + stride, x[k], kind) - _load(row - stride, x[k], kind)) * scale / 2
            # Large misses are something else than drift (occlusion, another object): they count less.
            w = 1 / (1 + (e / miss) * (e / miss))
            s = cython.address(sums[y[k] // cell, x[k] // cell, 0])
            s[0] += w
            s[1] += w * gx
            s[2] += w * gy
            s[3] += w * e
            s[4] += w * gx * gx
            s[5] += w * gx * gy
            s[6] += w * gy * gy
            s[7] += w * gx * e
            s[8] += w * gy * e


def shifts(
    sums: cython.float[:, :, ::1], blur: cython.float[::1], cells: cython.int[::1], shift: cython.float[:, :, ::1]
) -> None:
    """Solve for the shift (x, y, light) of the cells of the flat numbers `cells`, from the sums of the cells around,
    weighted by `blur` (odd length) in both directions. Written: shift [rows, columns, 3]."""
    rows: cython.int = sums.shape[0]
    columns: cython.int = sums.shape[1]
    reach: cython.int = blur.shape[0] // 2
    k: cython.int
    q: cython.int
    i: cython.int
    j: cython.int
    cy: cython.int
    cx: cython.int
    weight: cython.float
    t = cython.declare(cython.float[9])
    s: cython.float
    xx: cython.float
    xy: cython.float
    yy: cython.float
    xe: cython.float
    ye: cython.float
    damp: cython.float
    det: cython.float
    mx: cython.float
    my: cython.float
    with cython.nogil:
        for k in range(cells.shape[0]):
            cy = cells[k] // columns
            cx = cells[k] % columns
            for q in range(9):
                t[q] = 0
            for j in range(-reach, reach + 1):
                if cy + j < 0 or cy + j >= rows:
                    continue
                for i in range(-reach, reach + 1):
                    if cx + i < 0 or cx + i >= columns or sums[cy + j, cx + i, 0] == 0:
                        continue
                    weight = blur[j + reach] * blur[i + reach]
                    for q in range(9):
                        t[q] += weight * sums[cy + j, cx + i, q]
            s = t[0] if t[0] > cython.cast(cython.float, 1e-3) else cython.cast(cython.float, 1e-3)
            # Light may have changed as well: for the shift only what varies in space counts.
            damp = 4 * s + 4  # the variance of noise, and one sample of doubt
            xx = t[4] - t[1] * t[1] / s + damp
            xy = t[5] - t[1] * t[2] / s
            yy = t[6] - t[2] * t[2] / s + damp
            xe = t[7] - t[1] * t[3] / s
            ye = t[8] - t[2] * t[3] / s
            det = xx * yy - xy * xy
            mx = (yy * xe - xy * ye) / det
            my = (xx * ye - xy * xe) / det
            mx = -1 if mx < -1 else 1 if mx > 1 else mx
            my = -1 if my < -1 else 1 if my > 1 else my
            shift[cy, cx, 0] = mx
            shift[cy, cx, 1] = my
            shift[cy, cx, 2] = (t[3] - t[1] * mx - t[2] * my) / (s + 1)


def correct(
    y: cython.int[::1],
    x: cython.int[::1],
    shift: cython.float[:, :, ::1],
    cell: cython.int,
    holes: cython.ulonglong[::1],
    first: cython.int,
    height: cython.int,
    width: cython.int,
    frame: cython.int[::1],
    motion: cython.float[:, ::1],
    missed: cython.float[:, ::1],
) -> None:
    """Move the sources by the shift of their cells, bilinear between the cells' centres so that neighbours move alike;
    one that would be moved into a hole stays. Written: motion [N, 3] of the samples y, x [N]. Added to missed [N, 3]:
    the shift, whether taken or not."""
    rows: cython.int = shift.shape[0]
    columns: cython.int = shift.shape[1]
    k: cython.int
    x0: cython.int
    y0: cython.int
    x1: cython.int
    y1: cython.int
    u: cython.float
    v: cython.float
    q: cython.int
    m = cython.declare(cython.float[3])
    with cython.nogil:
        for k in range(y.shape[0]):
            u = (x[k] + cython.cast(cython.float, 0.5)) / cell - cython.cast(cython.float, 0.5)
            v = (y[k] + cython.cast(cython.float, 0.5)) / cell - cython.cast(cython.float, 0.5)
            x0 = _floor(u)
            y0 = _floor(v)
            u -= x0
            v -= y0
            x1 = _clipped(x0 + 1, columns - 1)
            y1 = _clipped(y0 + 1, rows - 1)
            x0 = _clipped(x0, columns - 1)
            y0 = _clipped(y0, rows - 1)
            for q in range(3):
                m[q] = (1 - v) * ((1 - u) * shift[y0, x0, q] + u * shift[y0, x1, q]) + v * (
                    (1 - u) * shift[y1, x0, q] + u * shift[y1, x1, q]
                )
                missed[k, q] += m[q]
            if frame[k] == NOWHERE:
                continue
            if _clean(
                cython.cast(cython.p_uchar, holes[frame[k] - first]), height, width,
                x[k] + motion[k, 0] + m[0], y[k] + motion[k, 1] + m[1],
            ):  # fmt: skip
                motion[k, 0] += m[0]
                motion[k, 1] += m[1]
            motion[k, 2] += m[2]


def bring(
    n: cython.int,
    planes: cython.ulonglong[::1],
    strides: cython.longlong[::1],
    kind: cython.int,
    holes: cython.ulonglong[::1],
    near: cython.ulonglong[::1],
    first: cython.int,
    height: cython.int,
    width: cython.int,
    y: cython.int[::1],
    x: cython.int[::1],
    follows: cython.int[::1],
    step_y: cython.int,
    step_x: cython.int,
    luma_holes: cython.ulonglong[::1],
    luma_height: cython.int,
    luma_width: cython.int,
    luma_y: cython.int[::1],
    luma_x: cython.int[::1],
    nearest: cython.int[::1],
    hole_count: cython.int,
    frame: cython.int[::1],
    motion: cython.float[:, ::1],
    light: cython.float,
    cubic: cython.bint,
    values: cython.float[::1],
    ages: cython.float[::1],
) -> None:
    """A plane's samples as they are seen in their sources.

    y, x [S]: samples of the plane, each following the luma sample `follows`; step: luma samples per sample of the
    plane; nearest: for each luma sample (luma_y, luma_x; the first hole_count are the hole) the hole sample whose way
    it takes; frame, motion: of the hole samples; light: code values of the plane per 8-bit code value. Written: values
    [S] in the plane's own scale, NaN where there is no source, and ages [S], frames to it, 0 where there is none.
    """
    k: cython.int
    l: cython.int  # noqa: E741
    h: cython.int
    at: cython.int
    value: cython.float
    with cython.nogil:
        for k in range(y.shape[0]):
            values[k] = NAN
            ages[k] = 0
            l = follows[k]  # noqa: E741
            h = nearest[l]
            if frame[h] == NOWHERE:
                continue
            at = frame[h] - first
            if l >= hole_count and not _clean(
                cython.cast(cython.p_uchar, luma_holes[at]), luma_height, luma_width,
                luma_x[l] + motion[h, 0], luma_y[l] + motion[h, 1],
            ):  # fmt: skip
                continue
            value = _read(
                cython.cast(cython.p_uchar, planes[at]), strides[at], kind, height, width,
                cython.cast(cython.p_uchar, holes[at]), cython.cast(cython.p_uchar, near[at]),
                x[k] + motion[h, 0] / step_x, y[k] + motion[h, 1] / step_y, cubic,
            )  # fmt: skip
            values[k] = value + light * motion[h, 2]
            if isfinite(value):
                ages[k] = abs(frame[h] - n)


def lay(
    plane: cython.ulonglong,
    stride: cython.longlong,
    kind: cython.int,
    rows: cython.int[:, ::1],
    columns: cython.int[:, ::1],
    shown: cython.int[:, :, ::1],
    hole_count: cython.int,
    tense: cython.float[::1],
    plate: cython.float[::1],
    before: cython.float[::1],
    after: cython.float[::1],
    scale: cython.float,
    shift: cython.float,
    pictures: cython.float[:, :, :, :],
) -> None:
    """The four pictures of one plane in tiles: what it shows, its hole filled in two ways, and what was brought.

    rows [K, h], columns [K, w]: of the plane under each tile; shown [K, h, w]: number of the sample there, -1 where
    none, the first hole_count being the hole. Written: pictures [K, 4, h, w], samples times `scale` plus `shift`.
    """
    t: cython.int
    i: cython.int
    j: cython.int
    k: cython.int
    row: cython.p_uchar
    one: cython.float
    two: cython.float
    with cython.nogil:
        for t in range(shown.shape[0]):
            for j in range(shown.shape[1]):
                row = cython.cast(cython.p_uchar, plane) + rows[t, j] * stride
                for i in range(shown.shape[2]):
                    k = shown[t, j, i]
                    if 0 <= k < hole_count:
                        one = tense[k] * scale + shift
                        two = plate[k] * scale + shift
                    else:
                        one = two = _load(row, columns[t, i], kind) * scale + shift
                    pictures[t, 0, j, i] = one
                    pictures[t, 1, j, i] = two
                    pictures[t, 2, j, i] = before[k] * scale + shift if k >= 0 and isfinite(before[k]) else one
                    pictures[t, 3, j, i] = after[k] * scale + shift if k >= 0 and isfinite(after[k]) else one


def lay_ages(
    shown: cython.int[:, :, ::1], before: cython.float[::1], after: cython.float[::1], ages: cython.float[:, :, :, ::1]
) -> None:
    """Ages of what was brought, in tiles. Written: ages [K, 2, h, w]."""
    t: cython.int
    i: cython.int
    j: cython.int
    k: cython.int
    with cython.nogil:
        for t in range(shown.shape[0]):
            for j in range(shown.shape[1]):
                for i in range(shown.shape[2]):
                    k = shown[t, j, i]
                    ages[t, 0, j, i] = before[k] if k >= 0 else 0
                    ages[t, 1, j, i] = after[k] if k >= 0 else 0


def mix(
    values: cython.float[:, ::1], index: cython.int[:, ::1], share: cython.float[:, ::1], out: cython.float[:, ::1]
) -> None:
    """Weighted sums of rows. values [R, T]; index [M, P], share [M, P]. Written: out [M, T]."""
    m: cython.Py_ssize_t
    p: cython.Py_ssize_t
    t: cython.Py_ssize_t
    w: cython.float
    width: cython.Py_ssize_t = values.shape[1]
    row: cython.p_float
    to: cython.p_float
    with cython.nogil:
        for m in range(index.shape[0]):
            to = cython.address(out[m, 0])
            for t in range(width):
                to[t] = 0
            for p in range(index.shape[1]):
                w = share[m, p]
                row = cython.address(values[index[m, p], 0])
                for t in range(width):
                    to[t] += w * row[t]


def solve(
    lower: cython.double[:, ::1], start: cython.int[::1], values: cython.double[:, ::1], wanted: cython.int
) -> None:
    """Solve a symmetric positive band system for many right-hand sides, by Cholesky's factors within the envelope.

    lower [N, W]: row i holds the matrix's samples of columns i - W + 1 .. i, overwritten by the factor; start [N]: the
    first column of each row that is not zero; values [N, K], K a multiple of 16: the right-hand sides, overwritten by
    the solutions from row `wanted` on (what is above is left unfinished). LAPACK's band solver goes through them one by
    one and from end to end, 1.8 times as slowly, and keeps the interpreter's lock.
    """
    n: cython.Py_ssize_t = lower.shape[0]
    last: cython.Py_ssize_t = lower.shape[1] - 1
    width: cython.Py_ssize_t = values.shape[1]
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    m: cython.Py_ssize_t
    c: cython.Py_ssize_t
    first: cython.Py_ssize_t
    t: cython.Py_ssize_t
    s: cython.double
    a: cython.p_double
    b: cython.p_double
    total = cython.declare(cython.double[16])
    with cython.nogil:
        for i in range(n):
            # Row pointers by column number.
            a = cython.address(lower[i, last]) - i
            for j in range(start[i], i):
                b = cython.address(lower[j, last]) - j
                s = a[j]
                for m in range(start[i] if start[i] > start[j] else start[j], j):
                    s -= a[m] * b[m]
                a[j] = s / b[j]
            s = a[i]
            for m in range(start[i], i):
                s -= a[m] * a[m]
            a[i] = sqrt(s)
        for c in range(0, width, 16):
            # Above the first row that a block touches, all is zero.
            first = 0
            while first < n:
                b = cython.address(values[first, c])
                s = 0
                for t in range(16):
                    s += fabs(b[t])
                if s > 0:
                    break
                first += 1
            for i in range(first, n):
                a = cython.address(lower[i, last]) - i
                b = cython.address(values[i, c])
                for t in range(16):
                    total[t] = b[t]
                for j in range(start[i] if start[i] > first else first, i):
                    s = a[j]
                    b = cython.address(values[j, c])
                    for t in range(16):
                        total[t] -= s * b[t]
                s = 1 / a[i]
                b = cython.address(values[i, c])
                for t in range(16):
                    b[t] = total[t] * s
            for i in range(n - 1, wanted - 1, -1):
                a = cython.address(lower[i, last]) - i
                s = 1 / a[i]
                b = cython.address(values[i, c])
                for t in range(16):
                    total[t] = b[t] * s
                    b[t] = total[t]
                for j in range(start[i] if start[i] > wanted else wanted, i):
                    s = a[j]
                    b = cython.address(values[j, c])
                    for t in range(16):
                        b[t] -= s * total[t]


def apply(
    matrix: cython.float[:, ::1],
    reads: cython.int[::1],
    writes: cython.int[::1],
    values: cython.float[:, ::1],
    out: cython.float[:, ::1],
) -> None:
    """out[writes] = matrix @ values[reads], sixteen columns at a time. values [R, T], matrix [writes, reads]; written:
    out [N, T]. Small products: one call of a BLAS library for each costs more than the product."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    t: cython.Py_ssize_t
    count: cython.Py_ssize_t
    width: cython.Py_ssize_t = values.shape[1]
    w: cython.float
    row: cython.p_float
    to: cython.p_float
    total = cython.declare(cython.float[16])
    with cython.nogil:
        for i in range(writes.shape[0]):
            for c in range(0, width, 16):
                count = width - c if width - c < 16 else 16
                for t in range(16):
                    total[t] = 0
                if count == 16:
                    for k in range(reads.shape[0]):
                        w = matrix[i, k]
                        row = cython.address(values[reads[k], c])
                        for t in range(16):
                            total[t] += w * row[t]
                else:
                    for k in range(reads.shape[0]):
                        w = matrix[i, k]
                        row = cython.address(values[reads[k], c])
                        for t in range(count):
                            total[t] += w * row[t]
                to = cython.address(out[writes[i], c])
                for t in range(count):
                    to[t] = total[t]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _sum8(v: cython.p_float) -> cython.float:
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))


def roughness(
    unit: cython.float[:, ::1], u: cython.float[::1], v: cython.float[::1], pairs: cython.int[:, ::1], square: float
) -> float:
    """Sum of d^2 / (square + d^2) over pairs and columns, d = (u_i unit_i + v_i) - (u_j unit_j + v_j).

    unit [N, T]; u, v [N]; pairs [E, 2]: numbers i, j.
    """
    e: cython.Py_ssize_t
    t: cython.Py_ssize_t
    k: cython.Py_ssize_t
    width: cython.Py_ssize_t = unit.shape[1]
    even: cython.Py_ssize_t = width - width % 8
    one: cython.p_float
    two: cython.p_float
    ui: cython.float
    uj: cython.float
    level: cython.float
    d: cython.float
    wide: cython.float = square
    sums = cython.declare(cython.float[8])
    total: cython.double = 0
    with cython.nogil:
        for e in range(pairs.shape[0]):
            one = cython.address(unit[pairs[e, 0], 0])
            two = cython.address(unit[pairs[e, 1], 0])
            ui = u[pairs[e, 0]]
            uj = u[pairs[e, 1]]
            level = v[pairs[e, 0]] - v[pairs[e, 1]]
            for k in range(8):
                sums[k] = 0
            for t in range(0, even, 8):
                for k in range(8):
                    d = ui * one[t + k] - uj * two[t + k] + level
                    sums[k] += d * d / (wide + d * d)
            for t in range(even, width):
                d = ui * one[t] - uj * two[t] + level
                sums[0] += d * d / (wide + d * d)
            total += _sum8(sums)
    return total


def couple(
    unit: cython.float[:, ::1],
    u: cython.float[::1],
    v: cython.float[::1],
    pairs: cython.int[:, ::1],
    square: float,
    strength: float,
    share: cython.double[::1],
    own: cython.double[:, ::1],
    blocks: cython.float[:, :, ::1],
    others: cython.int[:, ::1],
    slot: cython.int,
) -> None:
    """Add pairs of neighbours to a system of 2x2 blocks, weighted by strength / (square + d^2), d as in `roughness`.

    unit [N, T]; u, v [N]; pairs [E, 2]; share [E]: factor on each pair. Sums over columns are added to own [N, 3] (uu,
    uv, vv of both ends) and written to blocks [n, K, 4] and others [n, K] for ends below n: i's in `slot`, j's in the
    next.
    """
    n: cython.Py_ssize_t = blocks.shape[0]
    e: cython.Py_ssize_t
    t: cython.Py_ssize_t
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    width: cython.Py_ssize_t = unit.shape[1]
    even: cython.Py_ssize_t = width - width % 8
    one: cython.p_float
    two: cython.p_float
    ui: cython.float
    uj: cython.float
    level: cython.float
    a: cython.float
    b: cython.float
    d: cython.float
    w: cython.float
    f: cython.float
    wide: cython.float = square
    strong: cython.float = strength
    sw = cython.declare(cython.float[8])
    sa = cython.declare(cython.float[8])
    sb = cython.declare(cython.float[8])
    saa = cython.declare(cython.float[8])
    sbb = cython.declare(cython.float[8])
    sab = cython.declare(cython.float[8])
    total = cython.declare(cython.float[6])
    with cython.nogil:
        for e in range(pairs.shape[0]):
            i = pairs[e, 0]
            j = pairs[e, 1]
            one = cython.address(unit[i, 0])
            two = cython.address(unit[j, 0])
            ui = u[i]
            uj = u[j]
            level = v[i] - v[j]
            for k in range(8):
                sw[k] = sa[k] = sb[k] = saa[k] = sbb[k] = sab[k] = 0
            for t in range(0, even, 8):
                for k in range(8):
                    a = one[t + k]
                    b = two[t + k]
                    d = ui * a - uj * b + level
                    w = strong / (wide + d * d)
                    sw[k] += w
                    sa[k] += w * a
                    sb[k] += w * b
                    saa[k] += w * a * a
                    sbb[k] += w * b * b
                    sab[k] += w * a * b
            for t in range(even, width):
                a = one[t]
                b = two[t]
                d = ui * a - uj * b + level
                w = strong / (wide + d * d)
                sw[0] += w
                sa[0] += w * a
                sb[0] += w * b
                saa[0] += w * a * a
                sbb[0] += w * b * b
                sab[0] += w * a * b
            f = share[e]
            total[0] = f * _sum8(sw)
            total[1] = f * _sum8(sa)
            total[2] = f * _sum8(sb)
            total[3] = f * _sum8(saa)
            total[4] = f * _sum8(sbb)
            total[5] = f * _sum8(sab)
            own[i, 0] += total[3]
            own[i, 1] += total[1]
            own[i, 2] += total[0]
            own[j, 0] += total[4]
            own[j, 1] += total[2]
            own[j, 2] += total[0]
            if i < n:
                blocks[i, slot, 0] = total[5]
                blocks[i, slot, 1] = total[1]
                blocks[i, slot, 2] = total[2]
                blocks[i, slot, 3] = total[0]
                others[i, slot] = j
            if j < n:
                blocks[j, slot + 1, 0] = total[5]
                blocks[j, slot + 1, 1] = total[2]
                blocks[j, slot + 1, 2] = total[1]
                blocks[j, slot + 1, 3] = total[0]
                others[j, slot + 1] = i


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mapped(
    own: cython.p_double,
    blocks: cython.p_float,
    others: cython.p_int,
    count: cython.Py_ssize_t,
    slots: cython.Py_ssize_t,
    way: cython.p_float,
    image: cython.p_double,
) -> cython.double:
    """image = own way - blocks way[others] for the first `count` samples; the product of image and way."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    first: cython.float
    second: cython.float
    b: cython.p_float
    o: cython.p_float
    a: cython.p_double
    total: cython.double = 0
    for i in range(count):
        first = second = 0
        for k in range(slots):
            b = blocks + 4 * (i * slots + k)
            o = way + 2 * others[i * slots + k]
            first += b[0] * o[0]
            first += b[1] * o[1]
            second += b[2] * o[0]
            second += b[3] * o[1]
        a = own + 3 * i
        o = way + 2 * i
        image[2 * i] = a[0] * o[0] + a[1] * o[1] - first
        image[2 * i + 1] = a[1] * o[0] + a[2] * o[1] - second
        total += image[2 * i] * o[0] + image[2 * i + 1] * o[1]
    return total


def conjugate(
    own: cython.double[:, ::1],
    inverse: cython.float[:, ::1],
    blocks: cython.float[:, :, ::1],
    others: cython.int[:, ::1],
    right: cython.double[:, ::1],
    start: cython.float[:, ::1],
    way: cython.float[:, ::1],
    still: cython.float[:, ::1],
    image: cython.double[:, ::1],
    x: cython.double[:, ::1],
    most: cython.int,
    tolerance: float,
) -> None:
    """Solve own x - blocks x[others] = right by preconditioned conjugate gradients.

    own, inverse [n, 3]: symmetric 2x2 blocks and their inverses, the preconditioner; blocks [n, K, 4], others [n, K];
    right [n, 2], overwritten; start [N, 2]: a first guess of the first n samples, and what the others are. Room:
    way [N, 2], still [n, 2], image [n, 2]. Written: x [n, 2]. Ends after `most` steps, or where the residual is
    `tolerance` of the first. Directions are float32: half as much is read, and each step corrects the last.
    """
    n: cython.Py_ssize_t = own.shape[0]
    slots: cython.Py_ssize_t = others.shape[1]
    i: cython.Py_ssize_t
    _step: cython.int
    old: cython.double = 0
    new: cython.double
    first: cython.double
    length: cython.double
    least: cython.double = tolerance * tolerance
    c: cython.p_float
    if n == 0:
        return
    with cython.nogil:
        _mapped(
            cython.address(own[0, 0]), cython.address(blocks[0, 0, 0]), cython.address(others[0, 0]), n, slots,
            cython.address(start[0, 0]), cython.address(image[0, 0]),
        )  # fmt: skip
        for i in range(n, way.shape[0]):
            way[i, 0] = way[i, 1] = 0
        for i in range(n):
            x[i, 0] = start[i, 0]
            x[i, 1] = start[i, 1]
            right[i, 0] -= image[i, 0]
            right[i, 1] -= image[i, 1]
            c = cython.address(inverse[i, 0])
            way[i, 0] = c[0] * right[i, 0] + c[1] * right[i, 1]
            way[i, 1] = c[1] * right[i, 0] + c[2] * right[i, 1]
            old += right[i, 0] * way[i, 0] + right[i, 1] * way[i, 1]
        first = old
        for _step in range(most):
            if old <= least * first or old <= 1e-12:
                break
            length = old / _mapped(
                cython.address(own[0, 0]), cython.address(blocks[0, 0, 0]), cython.address(others[0, 0]), n, slots,
                cython.address(way[0, 0]), cython.address(image[0, 0]),
            )  # fmt: skip
            new = 0
            for i in range(n):
                x[i, 0] += length * way[i, 0]
                x[i, 1] += length * way[i, 1]
                right[i, 0] -= length * image[i, 0]
                right[i, 1] -= length * image[i, 1]
                c = cython.address(inverse[i, 0])
                still[i, 0] = c[0] * right[i, 0] + c[1] * right[i, 1]
                still[i, 1] = c[1] * right[i, 0] + c[2] * right[i, 1]
                new += right[i, 0] * still[i, 0] + right[i, 1] * still[i, 1]
            length = new / old
            for i in range(n):
                way[i, 0] = still[i, 0] + length * way[i, 0]
                way[i, 1] = still[i, 1] + length * way[i, 1]
            old = new
