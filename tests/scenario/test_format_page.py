"""The page of the format says what there is: every row of it can be written, and nothing is left out."""

from __future__ import annotations

import re
from typing import List

import pytest

import messenger.scenario
from messenger.scenario.directives import DIRECTIVES
from messenger.scenario.parser import check, parse
from tests.support.processes import PROJECT

CAST = "@actor Yoda, Obi-Wan\n"
PAGE = messenger.scenario.__doc__ or ""
SHOWN_AS = {
    "NAME > LINE": "Yoda > line",
    "NAME < TEXT": "Yoda < text",
    "NAME << TEXT": "Yoda << text",
    "NAME ! TEXT": "Yoda ! text",
    "@server attempts=3 [--OPTION …]": "@server attempts=3 --bind ::1",
    "@account NAME PASSWORD": "@account Rey password",
    "@actor NAME, NAME …": "@actor Rey, Finn\n@actor Second as=Anakin in=Yoda pipe\n@actor Hans editor --no-color",
    "@client NAME …": "@client Rey",
    "@ends NAME [STATUS]": "@ends Yoda\n@ends Yoda 0",
    "@kill @stop @pause @resume NAME": "@kill Yoda\n@stop server\n@pause Yoda\n@resume server",
    "@start server": "@start server",
    "@slow NAME": "@actor Rey pipe\n@slow Rey",
    "@interrupt NAME, @eof NAME": "@interrupt Yoda\n@eof Yoda",
    "@garbage NAME": "@garbage Yoda",
    "@login NAME PASSWORD": "@login Yoda password",
    "@refused NAME PASSWORD": "@refused Yoda password",
    "@answered NAME [or ends]": "@answered Yoda\n@answered Yoda or ends",
    "@hold server": "@hold server",
    "@bad-attempts TEXT": "@bad-attempts 6",
    "@make FILE 5 MiB [random|zeros|text]": "@make Yoda/a 5 MiB\n@make Yoda/a 5 MiB text",
    "@write FILE": "@write Yoda/a\n| line",
    "@file FILE has LINE, lacks LINE": "@file a has line\n@file a lacks line",
    "@file FILE same as FILE, lines NUMBER, over 5 MiB, exists, missing":
        "@file a same as b\n@file a lines 5\n@file a over 5 MiB\n@file a exists\n@file a missing",
}  # fmt: skip
"""What the page's tables show, and how somebody would write that."""


def rows_of_the_page() -> List[str]:
    """The left column of its tables."""
    blocks = PAGE.split("\n\n", 2)[2]
    return [
        found[1]
        for found in re.finditer(r"^    (\S.*?)(?:   .*)?$", blocks, re.MULTILINE)
        if re.match(r"NAME|@[a-z-]+ (?!messagelog)", found[1])
    ]


def test_every_row_of_the_page_is_tried() -> None:
    assert [row for row in rows_of_the_page() if not row.startswith("@actor Yoda")] == list(SHOWN_AS)


@pytest.mark.parametrize(("row", "text"), SHOWN_AS.items(), ids=list(SHOWN_AS))
def test_what_the_page_shows_can_be_written(row: str, text: str) -> None:
    before = "" if text.startswith(("@server", "@account", "@bad-attempts")) else CAST
    assert check(before + text, "page")[1] == []


def test_the_scenario_of_the_page_can_be_read_and_claims_what_its_comment_says() -> None:
    lines = [line[4:] for line in PAGE.split("\n\n")[1].split("\n")]
    scenario = parse("\n".join(lines), "page")
    assert scenario.claim == "A private message reaches its recipient and nobody else."
    assert [type(step).__name__ for step in scenario.steps] == ["Start", "Type", "See", "See", "Miss", "FileCheck"]


def test_readme_has_the_same_page() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    example, format_of_files = (
        PAGE.split("\n\n")[1],
        PAGE[PAGE.index("**Who does what.**") : PAGE.index("How it works")],
    )
    assert "\n".join(["```text", *(line[4:] for line in example.split("\n")), "```"]) in readme
    assert format_of_files in readme


def test_the_page_names_every_directive() -> None:
    assert [word for word in DIRECTIVES if not re.search(rf"@{word}(?![a-z-])", PAGE)] == []
