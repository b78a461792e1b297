"""The client as the assignment starts it: `python Client.py 127.0.0.1 12000 13000`."""

from messenger.cli.chatting import chat

if __name__ == "__main__":
    chat(prog_name="Client.py")
