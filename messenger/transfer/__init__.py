"""The transfer of a file between two clients, pure: no socket, thread, clock or file; `now` is an argument in seconds.

A file is cut into **chunks** of 480 KiB (the last one is shorter). A chunk is sealed once (AEAD, nonce = number of the
chunk, key of this attempt only) and its sealed bytes are cut into **segments**, each the payload of one datagram. A
**batch** is what is sent at one time: segments of one chunk. So Python works once for a batch, not once for a
datagram, and segments are bits of a mask.

    geometry     chunks, segments, masks
    datagram     the header of every datagram, and the control messages
    sealing      keys from the key exchange; chunks and control messages sealed and opened
    rtt, delivery   round-trip times; the rate at which segments arrive
    congestion   how many bytes may be on their way: the interface, CUBIC
    patient      the controller that looks at the queue before it believes a loss
    evidence     what it measures for that: the path's rate, and what losses tell of the queue
    controllers  both, by name
    flights      what is on its way, and what of it is lost
    sender       which segments go next, and how fast: window, pacing, probes
    turns        whose turn it is, where several files go to the same person
    receiver     segments to chunks, and acknowledgements
    unproved     what may be sent to addresses that have not proved themselves
    endpoint     what both sides of a transfer share: addresses that prove themselves, silence, the end
    outgoing, incoming   one transfer from the first to the last datagram, on either side
    claims       what an interrupted attempt has left, and the proof that it belongs to the same content
    naming       the name under which a received file is stored

A chunk's way: `sender.next_batch` asks its source for the sealed chunk, the shell (`messenger.peer`) puts headers in
front of the segments and sends them; on the other side the shell finds runs of segments in what arrived,
`receiver.on_segments` puts them together, and hands a whole chunk to the store, which opens it and writes it. An
acknowledgement goes back; `sender.on_ack` forgets the chunk.

Datagrams. All begin with 16 bytes, little-endian: kind (1 byte: 0 to 3, data in segments of `SEGMENT_SIZES[kind]`
bytes; 128, control), segment number in the chunk (2), connection id (5), then for data the chunk (4) and the
batch (4), for control a number that only goes up (8). Each direction has an id of its own, derived from the keys, so
nobody else can know it. Control messages are sealed, with the header as associated data and their number as nonce.

What proves the whole. A chunk counts when its tag is right: that proves content and position, because the nonce is
its number, and the end, because the key is derived from the size (and from both names, the file's name, the transfer
and both public keys). All chunks together are the file as the sender read it in this attempt. The sender looks at
size and time of change again after its last read: a file that changed meanwhile is not sent to the end. Hashing the
file on top would cost as much time as sending it and show nothing else.

For resuming, the receiver keeps the tag of each chunk that it has written, and the secret of the attempt. It shows
the sender which chunks it has and one SHA-256 over their tags (see `claims`); the sender seals the same chunks of its
own file under the old secret, which gives the same tags only for the same content. Nothing of this is sent but the
outcome: all of it is right, or the transfer begins anew.
"""
