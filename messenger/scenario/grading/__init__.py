r"""Grading: any other program for the same assignment plays the graded scenarios, and gets marks for what it does.

    messenger grade --server-command "python3 server.py {port} {attempts}" \
                    --client-command "python3 client.py {host} {port} {udp_port}"

What counts is behaviour: who receives which text from whom, what stands in logs, which files arrive unchanged, who is
let in and who is not, which programs end. Words don't count. What has to be understood of them all the same (a question
for the user name, a prompt) stands in a dialect file, if what is usual does not fit: see `dialect`.

Each scenario in `features` is worth some marks for a feature (`@marks`), all or none of them, and is played by itself:
a program that hangs or dies costs no other marks. Passwords are new in every grading, so that no program has them built
in, and texts hold `${run}`, so that none can guess them.

How it works: `programs` drives the commands of `commands` in terminals (`processes`) on `ports`; `rows` makes lines of
what they write, in which `noticing` finds out what the player of scenarios has to know. `marks` says what each
scenario counts, `report` what came of it.
"""
