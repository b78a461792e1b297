"""The server over real sockets, in this process or in one of its own."""
