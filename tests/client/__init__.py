"""The client: its pure parts, and the library over real sockets, against a real server and against hostile ones."""
