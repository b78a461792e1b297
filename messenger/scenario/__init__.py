r"""Scenarios: one text file that says who types what and who sees what, played in terminals or through the library.

    # A private message reaches its recipient and nobody else.
    @actor Yoda, Obi-Wan, Hans
    Yoda    > /msgto Obi-Wan Hello there!
    Yoda    < sent at {t:time}
    Obi-Wan < ${t}, Yoda: Hello there!
    Hans    ! Hello there!
    @file messagelog.txt has "1; {time}; Obi-Wan; Hello there!"

The first comment is what the file claims. Steps come true one after the other; nothing sleeps.

**Who does what.** A line is a name, a sign, and the rest of the line after one blank.

    NAME > LINE       types the line; \xHH and \uHHHH in it (and in what @write writes) are characters, \\ is \,
                      and with a \ at its end it is typed without Enter, to be gone on with
    NAME < TEXT       sees a line with this text in it; <30 waits 30 seconds at most and not the usual 10
    NAME << TEXT      the same, and after the line that it saw last
    NAME ! TEXT       has not seen it, and does not: all that was typed before has had its effect when this is asked

Each line that is seen counts once, for the first step that asks for it, in whatever order lines came. So `!` after `<`
says "not twice". `server` is a name, too: it sees what the server's console tells.

**Text** may hold `{time}`, `{port}`, `{number}`, `{address}`, `{word}` and `{text}` for what differs; `{t:time}` also
keeps it as `${t}`. `${run}` is new in every play, `${port}` the server's port, `${udp:NAME}` a client's UDP port,
`${password:NAME}` a password, which nothing ever shows, `${dollar}` a dollar sign where it would begin a value. Text
from `/` to `/` is a regular expression; its named groups are kept, too.

**Programs.** Each actor has a folder of its name in the folder of the play, in which its client runs. The server keeps
its files in the folder of the play, logs that are there, and empty, from the start, and has the accounts of
`credentials.txt`.

    @server attempts=3 [--OPTION …]   a server of this scenario's own; without the line any server will do
    @account NAME PASSWORD            one account more
    @actor NAME, NAME …               start clients and log them in, one after the other; then, if need be:
                                      as=USER (under another name), in=FOLDER, pipe (its input is a pipe and no
                                      terminal), editor (the full interface), and options of `messenger chat`
    @client NAME …                    the same without logging in: that is typed by steps
    @ends NAME [STATUS]               its program ends (of a killed one, the status is 128 and the signal's number)
    @kill @stop @pause @resume NAME   SIGKILL, SIGTERM, SIGSTOP, SIGCONT; NAME may be server; after that
    @start server                     starts it again on the same port
    @slow NAME                        runs for moments only, until @resume; for an actor whose input is a pipe
    @interrupt NAME, @eof NAME        types Ctrl-C; ends its input
    @garbage NAME                     datagrams that mean nothing come to its UDP port

Where only the behaviour counts and not the words:

    @login NAME PASSWORD              answers what the login asks, and is let in; NAME was started by @client
    @refused NAME PASSWORD            the same, and is not let in: it is asked again, told so, or its program ends
    @answered NAME [or ends]          what it typed last is answered, or its program ends
    @hold server                      its terminal is paused, as by Ctrl-S, until @resume: only when it is graded
    @bad-attempts TEXT                the server, started again with this for ATTEMPTS, ends and says why

**Files**, in the folder of the play:

    @make FILE 5 MiB [random|zeros|text]     makes one (bytes, kB, MB, GB, KiB, MiB, GiB)
    @write FILE                              makes one of the lines that follow, each behind `| `
    @file FILE has LINE, lacks LINE          a whole line, in "quotes" or not, with {kinds} as above
    @file FILE same as FILE, lines NUMBER, over 5 MiB, exists, missing

**The rest.** Between `@together` and `@done` the steps of each actor come in their order, those of all actors at the
same time. `@timeout 20` is how long steps may take. `@tags slow` marks what takes long; `@only terminal: WHY` (or
`library`) what one driver cannot play; `@marks 5 FEATURE` what it counts when a program is graded. `@sleep SECONDS`
exists, and `messenger lint` says what is better.

How it works: `parser` makes a `model` of the text (pure), `player` performs its steps on `programs`, which `terminal`
(pexpect) or `library` (`messenger.Client` in this process) drives; `seen` holds what each has shown. `recorder` writes
scenarios of what happens: `retelling` knows what to tell of a client, `chronicle` of a server. `grading` plays
with other programs and gives marks.
"""
