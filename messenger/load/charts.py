"""Line charts over time as SVG, pure: their colours are those of the page, so that they are read in light and dark."""

from __future__ import annotations

import math
from html import escape
from typing import Callable, Final, List, NamedTuple, Optional, Sequence, Tuple

WIDTH, HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 26
_POINTS_MAX: Final = 600
"""Points of a line; of more, neighbours are shown as the greatest of them."""


Place = Callable[[float], float]
"""From a value to where it stands."""


class Line(NamedTuple):
    """One line: its name and a value at each time; None is a hole."""

    name: str
    values: Sequence[Optional[float]]


def chart(
    title: str,
    unit: str,
    times: Sequence[float],
    lines: Sequence[Line],
    marks: Sequence[Tuple[float, str]] = (),
    span: Optional[Tuple[float, float]] = None,
) -> str:
    """Return a figure with a chart; `marks` are moments that are shown as upright lines, `span` is the time that is
    shown, if not that of the values. Nothing without any value."""
    known = [value for line in lines for value in line.values if value is not None]
    if not times or not known:
        return ""
    top, step = _scale(max(known) or 1.0)  # also nothing but zeros says something: that no queue ever was
    first, last = span or (times[0], times[-1])
    last = max(last, first + 1)

    def x(time: float) -> float:
        return _LEFT + (time - first) / (last - first) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    level = 0.0
    while level <= top * 1.0001:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(level):.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="left" x="{_LEFT - 6}" y="{y(level) + 4:.1f}">{short(level)}</text>')
        level += step
    _, time_step = _scale(last - first)
    time = math.ceil(first / time_step) * time_step
    while time <= last:
        parts.append(f'<text class="below" x="{x(time):.1f}" y="{HEIGHT - 8}">{time:g} s</text>')
        time += time_step
    for at, what in marks:
        if first <= at <= last:
            parts.append(
                f'<path class="mark" d="M{x(at):.1f} {_TOP}V{HEIGHT - _BOTTOM}"><title>{escape(what)}</title></path>'
            )
    for number, line in enumerate(lines):
        path = _path(times, line.values, x, y)
        parts.append(f'<path class="line c{number}" d="{path}"><title>{escape(line.name)}</title></path>')
    names = "".join(f'<span class="c{number}">{escape(line.name)}</span>' for number, line in enumerate(lines))
    caption = f"<figcaption><b>{escape(title)}</b> {escape(unit)} <small>{names}</small></figcaption>"
    return f"<figure>{caption}{''.join(parts)}</svg></figure>"


def short(value: float) -> str:
    """Return a number in few characters: 1.5 k, 20 M."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {letter}"
    return f"{value:.4g}"


def _scale(highest: float) -> Tuple[float, float]:
    """Return a round number that is not below, and the distance of four or five levels up to it."""
    rough = highest / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.999)
    return step * math.ceil(highest / step * 0.999), step


def _path(times: Sequence[float], values: Sequence[Optional[float]], x: Place, y: Place) -> str:
    stride = max(1, math.ceil(len(times) / _POINTS_MAX))
    found: List[str] = []
    is_down = False
    for start in range(0, len(times), stride):
        known = [value for value in values[start : start + stride] if value is not None]
        if known:
            dot = "" if is_down else "h0"  # seen even if nothing follows
            found.append(f"{'L' if is_down else 'M'}{x(times[start]):.1f} {y(max(known)):.1f}{dot}")
        is_down = bool(known)
    return "".join(found)
