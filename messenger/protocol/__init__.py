"""The wire protocol between clients and the server: one JSON object a line, UTF-8, over TCP.

It can be spoken with `nc` and from any language. A line ends with LF (CR before it is white space to JSON; empty
lines are ignored). A line to the server has at most 65,536 bytes, one to a client 1,048,576, line ends included.
Every object has a `type`. **Requests** go to the server and carry an `id` that the client chooses (0 to 2^53 - 1);
**replies** echo it, in the order of the requests. **Events** come without being asked for and have no `id`.

Clients ignore event types and fields that they don't know. The server refuses what it doesn't know.

Requests (fields in this order in the tables of `messenger.protocol.messages`, where they are typed):

    type         fields besides id                                  reply
    -----------  -------------------------------------------------  --------------------------------------------
    login        username, password (at most 1,024 characters),     welcome
                 udp_port (0 to 65535, default 0),
                 protocol (default 1)
    msgto        user, text                                         sent
    activeuser                                                      active
    creategroup  group, users (a list)                              created
    joingroup    group                                              joined
    groupmsg     group, text                                        sent
    logout                                                          goodbye, then the server closes
    ping                                                            pong; leaves no trace, so it serves as a barrier:
                                                                    what was delivered before it arrives before it
    offer        user, transfer, name, size, key,                   relayed
                 udp_port (1 to 65535), addresses (default none),
                 cipher (default aes-128-gcm),
                 client (default none)
    answer       user, transfer, accepted (true or false),          relayed
                 key and udp_port (needed if true),
                 addresses, resume, code, message (default none)
    outcome      user, transfer, code, message, proof (both         relayed
                 default none)
    alive        (no id)                                            none; answers the server's `check`

Replies:

    welcome      id, username, time, groups (joined), invitations (both default to none)
    sent         id, time, number, count (default 1): the `count` requests id-count+1 to id were logged under the
                 numbers number-count+1 to number, all at `time`, and are on their way. Ids that a client counts up
                 by one may so be acknowledged together, and a busy server may let a `sent` wait for 4 ms.
    active       id, users: a list of {name, address, udp_port, since}, more (default false): more parts follow
    created      id, group, members (creator first)
    joined       id, group
    goodbye      id
    pong         id
    relayed      id: the other user was sent `offered`, `answered` or `transfer_outcome`. Logged and kept is nothing.
    error        code, message, id (missing if the line had none), retry_after (seconds; with `blocked`).
                 The request changed nothing, sent nothing, logged nothing. `message` is a sentence for a person.

Events:

    hello          protocol, server: the first line on every connection
    message        from, text, time, number: a private message
    group_message  group, from, text, time, number: a message to a group that you have joined
    invited        group, by: somebody made a group with you in it
    offered        transfer, from, name, size, key, cipher, address, udp_port, and if not empty: addresses, client:
                   a file for you
    answered       transfer, from, accepted, address, and if not empty: key, udp_port, addresses, resume, code, message
    transfer_outcome
                   transfer, from, code, and if not empty: message, proof: how the other side saw a transfer end
    check          the server heard nothing for 15 s; answer within 25 s with `alive` or any request
    closing        code, message: the server closes the connection after this line

`time` is like `01 Jun 2022 21:30:04`, in the server's time zone. `number` is the message's number in messagelog.txt.

A file goes from client to client by UDP; here they only arrange it. The server passes on, remembers which offers
have no answer yet and nothing else, and sees neither a secret key nor a byte of the file. It vouches for `from` and for `address`, the IP address from which
that client speaks to it; all else is what that client claims, and whoever gets it checks it.

Fields that concern a file:

    transfer     its id, 32 of 0-9, a-f: random, made by the client that offers, repeated in all that concerns it
    name         of the file, 1 to 255 bytes, characters as in a text; one component of a path, which the server does
                 not check: the client that writes such a file has to
    size         of the file in bytes, 0 to 2^53 - 1
    key          public key for X25519, made for this transfer: 32 bytes as 44 characters of base64 (RFC 4648)
    cipher       of the packets, at most 32 of a-z, 0-9 and the hyphen
    client       32 of 0-9, a-f: random, made by a client when it starts, the same in all its offers. The same file from
                 another client of the same user is another attempt, as only one can be logged in; from the same
                 client it is another file.
    udp_port     where that client waits for packets; it need not be the port of its login
    addresses    where it may be reached besides `address`: at most 4, IPv4 or IPv6, at most 45 characters each
    resume       what the receiver has already, for the sender only: at most 49,152 characters of base64
    code         why a file was refused or how a transfer ended, a word for programs, which the clients agree on:
                 at most 32 of a-z and _
    message      the same for a person: at most 500 bytes, characters as in a text
    proof        with the code `received`: 16 bytes as 24 characters of base64, that only the two clients can make, of
                 the secret that they share; without it a sender takes no notice of the receipt

The server itself sends a `transfer_outcome` with the code `offline` for an offer that waits for its answer when either of
the two goes offline: to the other one, of at most 256 offers that one user has made.

An `outcome` with one of two codes is no failure: `received`, the file is whole and in its place; `checking`, the
receiver still looks at what it has of the file and will answer. An offer waits for 60 s, and from each `checking` on
for 60 s more.

A text is 1 to 4,096 bytes of UTF-8 without control characters (but the tab), U+2028, U+2029, bidirectional
controls (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) and lone surrogates.

Error codes:

    malformed            not a request: broken JSON, unknown type or field, wrong type or form of a value
    line_too_long        over 65,536 bytes; the connection is closed
    bad_text             a text, file name or message with a forbidden character, or with more bytes than it may have
    bad_protocol         the login asks for another protocol version
    login_first          anything but login, ping and alive before the login
    logged_in_already    a second login on one connection
    login_failed         wrong name or password: the same for both
    blocked              too many failures; with retry_after; the connection is closed
    login_in_progress    this name is being checked for somebody else at this moment
    already_online       right password, but this user is logged in elsewhere
    usage                a missing or blank argument
    unknown_user         there is no such user
    offline              the user exists but is not online
    yourself             a message or a file to oneself
    group_needs_members  a group needs at least one more active user
    bad_group_name       not 1 to 32 of A-Z, a-z, 0-9
    group_exists         there is a group of this name, or one that differs only by case
    members_unavailable  some of the users for a group are unknown or offline; all are named
    too_many_groups      the server holds as many groups as it will
    unknown_group        there is no such group
    not_invited          the user is no member of the group
    joined_already       the user has joined the group before
    not_joined           invited, but not joined yet
    not_stored           the server could not write its log (disk full): nothing was sent
    busy                 the server has no room: for another connection, which it closes, or for another login
                         at this moment

Codes of `closing`: `shutdown` (the server stops), `idle` (no login within 20 s, or no answer to `check`).
A client for which more than 4 MiB wait because it does not read is cut off without a word: it would not read that.

An example. Lines to the server begin with `>`, lines from it with `<`:

    < {"type":"hello","protocol":1,"server":"messenger 0.1.0"}
    > {"type":"msgto","id":0,"user":"Hans","text":"early"}
    < {"type":"error","code":"login_first","message":"log in first","id":0}
    > {"type":"login","id":1,"username":"Yoda","password":"comp9331","udp_port":13000}
    < {"type":"welcome","id":1,"username":"Yoda","time":"01 Jun 2022 21:30:04"}
    > {"type":"msgto","id":2,"user":"Hans","text":"Hello there!"}
    < {"type":"sent","id":2,"time":"01 Jun 2022 21:30:04","number":1}
    > {"type":"activeuser","id":3}
    < {"type":"active","id":3,"users":[{"name":"Hans","address":"127.0.0.1","udp_port":13001,"since":"01 Jun 2022 21:30:04"}]}
    > {"type":"creategroup","id":4,"group":"club","users":["Hans"]}
    < {"type":"created","id":4,"group":"club","members":["Yoda","Hans"]}
    > {"type":"joingroup","id":5,"group":"club"}
    < {"type":"error","code":"joined_already","message":"you have joined the group club already","id":5}
    > {"type":"groupmsg","id":6,"group":"club","text":"hi"}
    < {"type":"sent","id":6,"time":"01 Jun 2022 21:30:04","number":2}
    > {"type":"ping","id":7}
    < {"type":"pong","id":7}
    > {"type":"logout","id":8}
    < {"type":"goodbye","id":8}

Another one, of two who are logged in. Yoda offers Hans a file; Hans accepts, gets it, and says so:

    Yoda > {"type":"offer","id":2,"user":"Hans","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","name":"example.mp4","size":1048576,"key":"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=","udp_port":13000,"addresses":["10.0.0.7"]}
    Hans < {"type":"offered","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","from":"Yoda","name":"example.mp4","size":1048576,"key":"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=","cipher":"aes-128-gcm","address":"192.0.2.1","udp_port":13000,"addresses":["10.0.0.7"]}
    Yoda < {"type":"relayed","id":2}
    Hans > {"type":"answer","id":5,"user":"Yoda","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","accepted":true,"key":"3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=","udp_port":13001}
    Yoda < {"type":"answered","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","from":"Hans","accepted":true,"address":"192.0.2.2","key":"3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=","udp_port":13001}
    Hans < {"type":"relayed","id":5}
    Hans > {"type":"outcome","id":6,"user":"Yoda","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","code":"received","proof":"q83vEjRWeJCrze8SNFZ4kA=="}
    Yoda < {"type":"transfer_outcome","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","from":"Hans","code":"received","proof":"q83vEjRWeJCrze8SNFZ4kA=="}
    Hans < {"type":"relayed","id":6}

And if Hans does not want it:

    Hans > {"type":"answer","id":7,"user":"Yoda","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","accepted":false,"code":"refused","message":"Hans does not want it"}
    Yoda < {"type":"answered","transfer":"5f2b8c0e9d7a41633e1c7b90a4d8f256","from":"Hans","accepted":false,"address":"192.0.2.2","code":"refused","message":"Hans does not want it"}
    Hans < {"type":"relayed","id":7}
"""
