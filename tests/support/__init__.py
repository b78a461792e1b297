"""What the tests share.

sink        RecordingSink, the rules' effects as lists, and Chat, the rules with people in it
wire        Wire, a client of raw sockets that speaks JSON lines
processes   Serve, a server in a process of its own
files       credentials, and reading of log files
waiting     eventually, for what gives no signal
"""
