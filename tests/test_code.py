"""Rules about the code that no linter knows, each of which has bitten somebody."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, Tuple

from tests.support.processes import PROJECT

MODULES = sorted((PROJECT / "messenger").rglob("*.py"))


def calls() -> Iterator[Tuple[Path, ast.Call, str]]:
    """Yield every call of a method in the package, with the method's name."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield path, node, node.func.attr


def test_nothing_splits_lines_at_ten_characters() -> None:
    """`str.splitlines` knows ten line ends, so a text could forge a line of a log."""
    assert [path for path, _, name in calls() if name == "splitlines"] == []


def test_no_stream_is_read_without_a_limit() -> None:
    """`readline()` on a socket takes all memory that the other side likes; the command line's own stdin is ours."""
    assert {path.name for path, call, name in calls() if name == "readline" and not call.args} <= {"parameters.py"}


def test_no_module_is_much_longer_than_three_hundred_lines() -> None:
    for path in [*MODULES, *(PROJECT / "tests").rglob("*.py"), *(PROJECT / "loadtest").rglob("*.py")]:
        assert len(path.read_text(encoding="utf-8").split("\n")) < 350, path


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    listed = {"messenger", "scenarios", "loadtest", "tests", "credentials.txt", "pyproject.toml", "README.md"}
    listed |= {"Server.py", "Client.py", "LICENSE", ".gitignore", ".ci", ".git"}
    ignored = set((PROJECT / ".gitignore").read_text().split())
    found = {path.name for path in PROJECT.iterdir()} - {".venv"}
    assert {name for name in found if not ignored & {name, f"{name}/", f"/{name}/"}} == listed
