"""Files from client to client: the UDP port, the files, and the thread that runs all transfers of a client.

    udp        one port: batches of segments out, what arrives in, by few system calls
    opening, room   its socket, and for how much that has room
    many       many datagrams by one call, where the kernel neither cuts nor joins them
    sealed, arrivals   a sealed chunk cut into segments; what arrived, sorted into runs of segments
    source     a file that is being sent: read and sealed, chunk by chunk
    part       a file that is being received: written as `.part`, kept for resuming, linked to its name when whole
    placing    how a whole file gets its name, and what a kill leaves of that
    unconfirmed   whole files whose senders may not know it: sent again, they need no second copy
    part_map   which chunks a part holds: their tags, on the disk and in memory
    texts      what is said of a transfer, as the signalling takes it
    handle     what the user of the library holds of a transfer
    asked      one that is offered to this client, up to its answer
    outbound, inbound   one transfer: the state machine of `messenger.transfer`, its file, and its end
    addresses  where this client may be reached, and the other one
    shares     what each of many files that are received may take of buffer and memory
    engine     the thread: datagrams to transfers, timers, and calls from other threads
    worker     a thread for what may take long: the last flush of a file, a server that does not read
    signals    what transfers say through the server
    transfers  all transfers of a client: offers, answers and outcomes through the server

The protocol and everything that decides stand in `messenger.transfer`, which touches no socket, clock or file.
"""
