"""A client that says all the right words and does nothing: `nothing_client.py HOST PORT UDP_PORT`."""

# ruff: noqa: T201 - it is a program that prints

from __future__ import annotations

import sys
import time

COMMANDS = "Enter a command (/msgto, /activeuser, /creategroup, /joingroup, /groupmsg, /p2pvideo, /logout): "

input("Username: ")
input("Password: ")
print("Welcome to Tessenger!")
while True:
    command, *arguments = input(COMMANDS).split(" ") or [""]
    now = time.strftime("%d %b %Y %H:%M:%S")
    words = " ".join(arguments[1:])
    if command == "/logout":
        print("Bye!")
        sys.exit()
    elif command == "/msgto":
        print(f"message sent at {now}.\n{now}, Yoda: {words}\n{now}, Hans: {words}")
    elif command == "/activeuser":
        for name in ("Hans", "Leia", "Obi-Wan"):
            print(f"{name}, 127.0.0.1, 13000, active since {now}.")
    elif command == "/creategroup":
        print(f"Group chat created {arguments[:1]}")
    elif command == "/joingroup":
        print(f"Joined the group chat {arguments[:1]} successfully.")
    elif command == "/groupmsg":
        print(f"Group chat message sent.\n{now}, FORCE, Yoda: {words}")
    elif command == "/p2pvideo":
        print(f"{words} has been sent\nReceived {words} from Yoda")
    else:
        print("Error. Invalid command!")
