"""A server that gives a person 0.3 s to log in: `python -m tests.cli.impatient … messenger serve …`."""

from __future__ import annotations

import sys

from messenger.cli import main
from messenger.server import loop

if __name__ == "__main__":
    vars(loop).update(LOGIN_SECONDS=0.3, TICK_SECONDS=0.05)
    main(sys.argv[sys.argv.index("messenger") + 1 :], prog_name="messenger")
