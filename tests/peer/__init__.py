"""Files from client to client over real sockets and real files."""
