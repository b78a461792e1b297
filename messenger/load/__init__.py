"""Load: people who use a server by the thousand, and an account of every message (see each module)."""
