"""Load on the server: a generator in C and the benchmark that compares the server with others of its kind."""
