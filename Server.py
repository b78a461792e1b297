"""The server as the assignment starts it: `python Server.py 12000 3`."""

from messenger.cli.serving import serve

if __name__ == "__main__":
    serve(prog_name="Server.py")
