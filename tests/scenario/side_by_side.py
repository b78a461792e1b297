"""A program without threads that plays files side by side, and writes what happens as lines of JSON.

Its arguments are how many places there are, after how many outcomes it stops listening (0: never), and files. A client
whose folder is called `Dies` ends the process that plays, one called `Breaks` raises an error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple

from messenger.cli.chatting import read_chat
from messenger.config import ChatConfig
from messenger.scenario.jobs import Job, perform_all
from messenger.scenario.playing import Task
from tests.support.files import ACCOUNTS


def _configure(arguments: Sequence[str], folder: Path) -> Tuple[ChatConfig, Optional[Path]]:
    if folder.name == "Dies":
        os._exit(7)
    if folder.name == "Breaks":
        raise RuntimeError("as asked")
    return read_chat(arguments, folder)


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _main(places: int, leave_after: int, paths: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, path in enumerate(paths):
            text = Path(path).read_text(encoding="utf-8")
            play = Path(folder) / str(number)
            task = Task(path, path, text, "library", ACCOUNTS, play, _configure)
            jobs.append(Job(number, task, "@tags slow" in text))
        with closing(perform_all(jobs, places, lambda job: _tell(began=job.number))) as outcomes:
            for told, (job, outcome) in enumerate(outcomes, 1):
                _tell(ended=job.number, verdict=outcome.verdict, message=outcome.message)
                if told == leave_after:
                    break
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        _tell(is_alone=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
