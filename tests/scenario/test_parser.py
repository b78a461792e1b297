"""The grammar of scenarios as data: what each line makes."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

from messenger.scenario.model import (
    Answered,
    BadAttempts,
    Client,
    Control,
    Ends,
    FileCheck,
    LogIn,
    Make,
    Miss,
    Place,
    See,
    ServerSetup,
    Sleep,
    Start,
    Step,
    Together,
    Type,
)
from messenger.scenario.parser import parse
from messenger.scenario.pattern import Pattern

CAST = "@actor Yoda, Obi-Wan\n"
HERE = Place("a.scenario", 2)


def step_of(line: str) -> Step:
    """The step that one line makes."""
    return parse(f"{CAST}{line}\n", "a.scenario").steps[1]


def made(kind: Any, line: str, *values: Any, **more: Any) -> Tuple[str, Step]:
    """A line, and what it is to make."""
    return line, kind(HERE, line.split("\n", maxsplit=1)[0], *values, **more)


STEPS: List[Tuple[str, Step]] = [
    made(Type, "Yoda > /msgto Obi-Wan Hello there!", "Yoda", "/msgto Obi-Wan Hello there!"),
    made(Type, "Yoda    > two  blanks  ", "Yoda", "two  blanks  "),
    made(Type, "Yoda >  a blank in front", "Yoda", " a blank in front"),
    made(Type, "Yoda >", "Yoda", ""),
    made(Type, r"Yoda > \x1b[2J \u202e \\ \xff", "Yoda", "\x1b[2J \u202e \\ \xff"),
    made(Type, r"Yoda > \udcff", "Yoda", "\udcff"),
    made(Type, "Yoda > /msg\\", "Yoda", "/msg", enter=False),
    made(Type, r"Yoda > a backslash\\", "Yoda", "a backslash\\"),
    made(Type, "Yoda > a < b", "Yoda", "a < b"),
    made(See, "Obi-Wan < {time}, Yoda: Hi", "Obi-Wan", Pattern("{time}, Yoda: Hi")),
    made(See, "Yoda <30 late", "Yoda", Pattern("late"), 30.0),
    made(See, "Yoda <0.5 soon", "Yoda", Pattern("soon"), 0.5),
    made(See, "Yoda << next", "Yoda", Pattern("next"), is_next=True),
    made(See, "Yoda <<2 next", "Yoda", Pattern("next"), 2.0, True),
    made(See, "server < ready", "server", Pattern("ready")),
    made(See, "Yoda < /[0-9]+ lines/", "Yoda", Pattern("/[0-9]+ lines/")),
    made(Miss, "Obi-Wan ! Hi", "Obi-Wan", Pattern("Hi")),
    made(Miss, "server ! error", "server", Pattern("error")),
    made(Answered, "@answered Yoda", "Yoda"),
    made(Answered, "@answered Yoda or ends", "Yoda", may_end=True),
    made(LogIn, "@login Yoda a password", "Yoda", "a password", True),
    made(LogIn, "@refused Yoda wrong", "Yoda", "wrong", False),
    made(Ends, "@ends Yoda", "Yoda"),
    made(Ends, "@ends Yoda 4", "Yoda", 4),
    made(Ends, "@ends server 143", "server", 143),
    made(Control, "@kill Yoda", "kill", "Yoda"),
    made(Control, "@stop server", "stop", "server"),
    made(Control, "@pause Yoda", "pause", "Yoda"),
    made(Control, "@hold server", "hold", "server"),
    made(Control, "@slow server", "slow", "server"),
    made(Control, "@resume Yoda", "resume", "Yoda"),
    made(Control, "@start server", "start", "server"),
    made(Control, "@interrupt Yoda", "interrupt", "Yoda"),
    made(Control, "@eof Yoda", "eof", "Yoda"),
    made(Control, "@garbage Yoda", "garbage", "Yoda"),
    made(Make, "@make Yoda/a.bin 5 MiB", "Yoda/a.bin", 5 << 20),
    made(Make, "@make Yoda/a.bin 5 MiB random", "Yoda/a.bin", 5 << 20),
    made(Make, "@make my film.mp4 0 bytes zeros", "my film.mp4", 0, "zeros"),
    made(Make, "@make a 1 byte text", "a", 1, "text"),
    made(Make, "@make a 3 kB", "a", 3_000),
    made(Make, "@make a 3 MB", "a", 3_000_000),
    made(Make, "@make a 3 GB", "a", 3_000_000_000),
    made(Make, "@make a 3 KiB", "a", 3_072),
    made(Make, "@make a 3 GiB", "a", 3 << 30),
    made(Make, "@write Yoda/lines.txt", "Yoda/lines.txt", lines=()),
    made(Make, "@write a b.txt\n| /ping\n|\n|bare\n|   three blanks, two of them its own",
         "a b.txt", lines=("/ping", "", "bare", "  three blanks, two of them its own")),
    made(Make, "@write a\n| \\x41\\\\", "a", lines=("A\\",)),
    made(FileCheck, "@file messagelog.txt has 1; {time}; Obi-Wan; Hi", "messagelog.txt", "has",
         Pattern("1; {time}; Obi-Wan; Hi")),
    made(FileCheck, '@file a has " in quotes "', "a", "has", Pattern(" in quotes ")),
    made(FileCheck, '@file a has one "', "a", "has", Pattern('one "')),
    made(FileCheck, '@file a lacks "x"', "a", "lacks", Pattern("x")),
    made(FileCheck, "@file my film.mp4 same as Yoda/my film.mp4", "my film.mp4", "same", other="Yoda/my film.mp4"),
    made(FileCheck, "@file a lines 0", "a", "lines", count=0),
    made(FileCheck, "@file a over 5 MiB", "a", "over", count=5 << 20),
    made(FileCheck, "@file a exists", "a", "exists"),
    made(FileCheck, "@file a missing", "a", "missing"),
    made(Sleep, "@sleep 0.25", 0.25),
]  # fmt: skip


@pytest.mark.parametrize(("line", "step"), STEPS, ids=[line for line, step in STEPS])
def test_a_line_makes_this_step(line: str, step: Step) -> None:
    assert step_of(line) == step


CLIENTS = [
    ("@actor Yoda", [Client("Yoda", "Yoda", "Yoda")]),
    ("@client Yoda", [Client("Yoda", "Yoda", "Yoda", logs_in=False)]),
    ("@actor Yoda, Hans", [Client("Yoda", "Yoda", "Yoda"), Client("Hans", "Hans", "Hans")]),
    ("@actor Yoda Hans,", [Client("Yoda", "Yoda", "Yoda"), Client("Hans", "Hans", "Hans")]),
    ("@actor Second as=Yoda in=Elsewhere", [Client("Second", "Yoda", "Elsewhere")]),
    ("@actor Yoda pipe", [Client("Yoda", "Yoda", "Yoda", screen="pipe")]),
    ("@actor Yoda editor", [Client("Yoda", "Yoda", "Yoda", screen="editor")]),
    ("@actor Yoda --json --download-dir 'my files'",
     [Client("Yoda", "Yoda", "Yoda", options=("--json", "--download-dir", "my files"))]),
    ("@client Yoda pipe --script lines.txt",
     [Client("Yoda", "Yoda", "Yoda", False, "pipe", ("--script", "lines.txt"))]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "clients"), CLIENTS)
def test_an_actor_is_a_client_in_a_folder(line: str, clients: List[Client]) -> None:
    assert parse(line, "a.scenario").steps == [Start(Place("a.scenario", 1), line, tuple(clients))]


SETTINGS = [
    ("# A claim\n# in two lines.\n\n# No part of it.", {"claim": "A claim in two lines."}),
    ("@tags slow, video", {"tags": ("slow", "video")}),
    ("@timeout 20", {"timeout": 20.0}),
    ("@only terminal: it presses keys", {"only": "terminal", "only_reason": "it presses keys"}),
    ("@only library  it is large", {"only": "library", "only_reason": "it is large"}),
    ("@marks 5 Private messages", {"marks": (5, "Private messages")}),
    ("@account Rey a pass word", {"accounts": {"Rey": "a pass word"}, "server": ServerSetup(is_own=True)}),
    ("@server", {"server": ServerSetup(is_own=True)}),
    ("@server attempts=5", {"server": ServerSetup(5, is_own=True)}),
    ("@server attempts=1 --bind ::1", {"server": ServerSetup(1, ("--bind", "::1"), is_own=True)}),
    (CAST + "@stop server", {"server": ServerSetup(is_own=True, is_controlled=True)}),
    (CAST + "@kill Yoda", {"server": ServerSetup()}),
    ("@bad-attempts 6", {"server": ServerSetup(is_own=True, is_controlled=True)}),
]


@pytest.mark.parametrize(("text", "values"), SETTINGS)
def test_a_line_says_how_the_whole_is_played(text: str, values: Any) -> None:
    scenario = parse(text, "a.scenario")
    assert {name: getattr(scenario, name) for name in values} == values


def test_bad_attempts_are_whatever_is_typed_for_them() -> None:
    for attempts in ("6", "-1", "2.5", "abc", ""):
        line = f"@bad-attempts {attempts}"
        assert parse(line, "a.scenario").steps == [BadAttempts(Place("a.scenario", 1), line, attempts)]


def test_several_names_are_so_many_steps() -> None:
    steps = parse(CAST + "@kill Yoda, Obi-Wan", "a.scenario").steps[1:]
    assert [(step.what, step.actor) for step in steps if isinstance(step, Control)] == [
        ("kill", "Yoda"),
        ("kill", "Obi-Wan"),
    ]


def test_what_stands_between_together_and_done_is_one_step() -> None:
    block = parse(CAST + "@together\nYoda > a\n\n# why\nObi-Wan > b\n@done\nYoda > c", "a.scenario").steps[1]
    assert isinstance(block, Together)
    assert [(step.actor, step.line) for step in block.steps if isinstance(step, Type)] == [
        ("Yoda", "a"),
        ("Obi-Wan", "b"),
    ]


def test_a_file_from_another_system_reads_the_same() -> None:
    text = CAST + "Yoda > a\nObi-Wan < b\n@write c\n| d\n"
    assert parse(text.replace("\n", "\r\n"), "a.scenario") == parse(text, "a.scenario")
