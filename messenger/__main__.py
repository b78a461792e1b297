"""`python -m messenger` is `messenger`."""

from messenger.cli import main

if __name__ == "__main__":
    main(prog_name="messenger")
