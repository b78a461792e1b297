"""Pictures of terminals side by side as SVG: one that moves and one that does not, both without scripts and without
anything from elsewhere.

A terminal that moves is a strip of all its pictures, which a style sheet shifts one by one. Rows that are equal are
drawn once and used many times. The strip's place without animation is its last picture.
"""

from __future__ import annotations

import math
import re
from html import escape
from typing import Dict, Final, List, NamedTuple, Sequence, Tuple

from messenger.scenario.frames import Moment, Picture, Row, Run
from messenger.scenario.model import SERVER

SHORTEST_SECONDS: Final = 0.35
LONGEST_SECONDS: Final = 1.4
LAST_SECONDS: Final = 6.0
"""How long the last moment is shown; all others from the shortest to the longest time."""

WHOLE_SECONDS: Final = 75.0
"""A long play is shown faster than that."""

_COLUMN, _LINE, _BASE = 8.4, 18, 13.5
_PADDING, _TITLE, _GAP = 12, 30, 14
_COLOURS: Final[Dict[str, str]] = {
    "default": "#d5dae3", "ground": "#171b26", "text": "#d5dae3",
    "black": "#3b4252", "red": "#ff7b72", "green": "#7ee787", "brown": "#f2cc60",
    "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#6fdcdc", "white": "#d5dae3",
    "brightblack": "#7d8799", "brightred": "#ffa198", "brightgreen": "#a8f0b0", "brightbrown": "#f8e3a1",
    "brightblue": "#a5d6ff", "brightmagenta": "#e2c5ff", "bfightmagenta": "#e2c5ff", "brightcyan": "#a5f0f0",
    "brightwhite": "#ffffff",
}  # fmt: skip
_NAMES: Final = ("#7ee787", "#6fdcdc", "#f2cc60", "#d2a8ff", "#79c0ff", "#ffa198")
_SERVER_NAME: Final = "#9aa4b5"
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE: Final = (
    "text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;"
    "fill:{default};white-space:pre}}.b{{font-weight:700}}.i{{font-style:italic}}.u{{text-decoration:underline}}"
)


def still(names: Sequence[str], moment: Moment, title: str) -> str:
    """Return a picture of one moment."""
    return _Drawing(names, [moment], title).svg()


def animated(names: Sequence[str], moments: Sequence[Moment], title: str) -> str:
    """Return a picture that plays all moments again and again; where motion is not wanted, the last one."""
    return _Drawing(names, moments, title).svg()


class Schedule(NamedTuple):
    """When each moment is shown, and how long all of them take."""

    starts: Tuple[float, ...]
    seconds: float


def schedule(moments: Sequence[Moment]) -> Schedule:
    """Give a play the pace of somebody who reads along: programs are too fast, and waiting is too slow."""
    gaps = [
        min(max(after.seconds - before.seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
        for before, after in zip(moments, moments[1:])
    ]
    pace = min(1.0, (WHOLE_SECONDS - LAST_SECONDS) / max(sum(gaps), 1e-9))
    starts = tuple(pace * sum(gaps[:count]) for count in range(len(moments)))
    return Schedule(starts, starts[-1] + LAST_SECONDS)


class _Drawing:
    def __init__(self, names: Sequence[str], moments: Sequence[Moment], title: str) -> None:
        self._names = names
        self._moments = moments
        self._title = title
        self._rows: Dict[Row, str] = {}
        self._shapes: List[str] = []
        self._schedule = schedule(moments)
        self._rules = [_STYLE.format(**_COLOURS)]

    def svg(self) -> str:
        across = math.ceil(math.sqrt(len(self._names)))
        sizes = [(len(one.rows), one.columns) for one in self._moments[0].pictures]
        wide = round(max(columns for _, columns in sizes) * _COLUMN) + 2 * _PADDING
        high = max(rows for rows, _ in sizes) * _LINE + _TITLE + _PADDING
        tiles = []
        for number, name in enumerate(self._names):
            x, y = number % across * (wide + _GAP), number // across * (high + _GAP)
            tiles.append(self._tile(number, name, x, y, wide, high))
        width = across * (wide + _GAP) - _GAP + 2
        height = math.ceil(len(self._names) / across) * (high + _GAP) - _GAP + 2
        if len(self._moments) > 1:
            self._rules.append("@media (prefers-reduced-motion:reduce){.s{animation:none!important}}")
        title = _xml(self._title)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img" width="{width}" '
            f'height="{height}" viewBox="-1 -1 {width} {height}"><title>{title}</title>'
            f"<style>{''.join(self._rules)}</style>\n<defs>\n{_lines(self._shapes)}</defs>\n{_lines(tiles)}</svg>\n"
        )

    def _tile(self, number: int, name: str, x: int, y: int, wide: int, high: int) -> str:
        colour = _SERVER_NAME if name == SERVER else _NAMES[number % len(_NAMES)]
        dots = "".join(f'<circle cx="{18 + 16 * at}" cy="15" r="4.5" fill="#3d4659"/>' for at in range(3))
        corner = "a9 9 0 0 1 9"
        inner_wide, inner_high = wide - 2 * _PADDING, high - _TITLE - _PADDING
        return (
            f'<g transform="translate({x} {y})">'
            f'<rect width="{wide}" height="{high}" rx="9" fill="{_COLOURS["ground"]}" stroke="#4a5468"/>'
            f'<path d="M0 {_TITLE}V9{corner}-9h{wide - 18}{corner} 9v{_TITLE - 9}z" fill="#262d3d"/>{dots}'
            f'<text class="b" x="{wide // 2}" y="20" text-anchor="middle" style="fill:{colour}">{_xml(name)}</text>'
            f'<svg x="{_PADDING}" y="{_TITLE + 4}" width="{inner_wide}" height="{inner_high}">'
            f"{self._strip(number, inner_high)}</svg></g>"
        )

    def _strip(self, number: int, high: int) -> str:
        """All different pictures of one terminal below each other, and the rule that shifts them."""
        drawn: List[str] = []
        shifts: List[str] = []
        last = None
        for moment, start in zip(self._moments, self._schedule.starts):
            shown = moment.pictures[number]
            if shown != last:
                offset = len(drawn) * high
                drawn.append(self._picture(shown, offset))
                shifts.append(f"{100 * start / self._schedule.seconds:.2f}%{{transform:translateY(-{offset}px)}}")
                last = shown
        offset = (len(drawn) - 1) * high
        if offset == 0:
            return drawn[0]
        self._rules.append(
            f"@keyframes k{number}{{{''.join(shifts)}}}"
            f".s{number}{{animation:k{number} {self._schedule.seconds:.2f}s step-end infinite}}"
        )
        return f'<g class="s s{number}" transform="translate(0 -{offset})">{"".join(drawn)}</g>'

    def _picture(self, shown: Picture, offset: int) -> str:
        parts = [
            f'<use href="#{self._row(row)}" y="{offset + _LINE * at}"/>' for at, row in enumerate(shown.rows) if row
        ]
        if shown.cursor is not None:
            row, column = shown.cursor
            at = f'x="{column * _COLUMN:g}" y="{offset + _LINE * row + 1}"'
            parts.append(f'<rect {at} width="8" height="16" fill="#8b95a8" fill-opacity=".55"/>')
        return "".join(parts)

    def _row(self, row: Row) -> str:
        if row not in self._rows:
            self._rows[row] = f"r{len(self._rows)}"
            runs = "".join(_run(run) for run in row)
            self._shapes.append(f'<g id="{self._rows[row]}">{runs}</g>')
        return self._rows[row]


def _run(run: Run) -> str:
    x, width = f"{run.column * _COLUMN:g}", f"{run.columns * _COLUMN:g}"
    style = run.style
    ground = (
        ""
        if style.ground == "default"
        else (f'<rect x="{x}" width="{width}" height="{_LINE}" fill="{_colour(style.ground)}"/>')
    )
    if not run.text.strip():
        return ground
    marks = {"b": style.is_bold, "i": style.is_italic, "u": style.is_underlined}
    names = " ".join(name for name, is_set in marks.items() if is_set)
    look = f' class="{names}"' if names else ""
    look += f' style="fill:{_colour(style.colour)}"' if style.colour != "default" else ""
    return f'{ground}<text x="{x}" y="{_BASE}" textLength="{width}"{look}>{_xml(run.text)}</text>'


def _colour(name: str) -> str:
    return _COLOURS.get(name) or "#" + name


def _xml(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text), quote=False)


def _lines(parts: Sequence[str]) -> str:
    return "".join(part + "\n" for part in parts)
