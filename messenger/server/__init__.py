"""The server: threads that each own something, around the rules of `messenger.chat`.

    listener    listening sockets
    loop        an I/O thread and the connections that it owns
    sender      events out to the connections of an I/O thread
    connection  one client's socket and buffers
    batch       the effects of one wake-up, collected
    core        rules and journal behind one lock; what becomes of a batch
    journal     the files of the data directory, and logfile, one of them
    syncer      `--durable`: acknowledgements wait for the disk
    login       threads that hash passwords
    counts      what it has done, in plain numbers
    metrics     these and its state as Prometheus reads them; publisher, the HTTP page that they stand on
    console     what is shown while it runs
    clock       the time as logs write it

Use `Server` to run one inside a program; `messenger serve` does.
"""

from __future__ import annotations

from messenger.server.lifecycle import Server

__all__ = ["Server"]
