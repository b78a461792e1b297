"""The Locust user that sends files. Importing this imports Locust: it patches Python."""

from __future__ import annotations

import filecmp
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Dict, Final, Optional

import gevent

from messenger.config import FileConfig
from messenger.errors import MessengerError
from messenger.load.faults import ImpairedTransfers
from messenger.load.people import Person
from messenger.load.users import MessengerUser
from messenger.peer.transfers import Transfers

FILE_SECONDS: Final = 120.0
"""How long a transfer may take."""


class FilesUser(MessengerUser):
    """Two people of whom one sends files to the other; every one is compared."""

    role = "files"

    def prepare(self) -> None:
        """Make a folder and a UDP port for each."""
        self.folder = Path(tempfile.mkdtemp(prefix="messenger-load-"))
        self.transfers: Dict[Person, ImpairedTransfers] = {}
        for person in self.people:
            (self.folder / person.name).mkdir()
            transfers = ImpairedTransfers(FileConfig(download_dir=self.folder / person.name))
            transfers.impairment = self.load.impairment
            self.transfers[person] = transfers
        self.load.transfers.update(self.transfers.values())

    def on_stop(self) -> None:
        """As the others, and give folders and ports back."""
        super().on_stop()
        if not self.people:
            return
        self.load.transfers.difference_update(self.transfers.values())
        for transfers in self.transfers.values():
            transfers.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def files_of(self, person: Person) -> Optional[Transfers]:
        """Receive into its own folder."""
        return self.transfers[person]

    def play(self) -> None:
        """Send one file and compare."""
        sender, receiver = self.people
        least, most = self.plan.file_bytes
        size = round(least * (most / least) ** random.random()) if least else random.randint(least, most)  # noqa: S311
        source = self.folder / "video.mp4"
        recorder = self.traffic.recorder
        pool = gevent.get_hub().threadpool
        pool.apply(_write, (source, size))
        if self.traffic.is_stopping:
            return
        recorder.amount("files started", 1, time.time())
        try:
            transfer = sender.client.send_file(receiver.name, source)
            done = transfer.result(FILE_SECONDS)
        except MessengerError as error:
            if self.traffic.is_over:
                return  # it is one of those that have not come to their end
            recorder.failure("file", getattr(error, "code", str(error)), time.time())
        else:
            received = self.folder / receiver.name / f"{sender.name}_video.mp4"
            if received.exists() and pool.apply(filecmp.cmp, (source, received, False)):
                now = time.time()
                recorder.latency("file", done.seconds, now)
                recorder.amount("file bytes", size, now)
                recorder.amount("file segments sent again", done.repeated, now)
                recorder.amount("file bytes in vain", done.loss * size, now)
                recorder.measure("file goodput", done.rate)
            else:
                recorder.failure("file", "not identical", time.time())
            received.unlink(missing_ok=True)
        self.think()


def _write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(random.randbytes(min(1 << 20, size - start)))  # noqa: S311 - no secret
