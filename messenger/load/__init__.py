"""Load: people who use a server by the thousand, and an account of every message.

A run, from the command to the report; what is marked * runs inside Locust, which patches Python and is only ever a
child of `messenger load`:

    profiles      plan          what a run is: files NAME.ini, options, checked when they are read
    thresholds                  what it has to keep
    conduct       programs      server and Locust as children, faults of the server, the end
    scrape                      the server's metrics, each second
    hooks *       options *     what is added to Locust: options, accounts for every worker, a drain before the end
    accounts      shared        who has which account, over all workers; what the users of a process share
    stages *      lag           how many users there are as time goes by; how late the generator is
    users *       file_user *   what people do, a class for each role        scenario_user *   adapt      a scenario
    people        streams       a client whose every message is accounted for; the fate of each message
    faults        relay         clients that lose connections or stop reading; datagrams that get lost
    recorder      locust_recorder   latencies     what was measured, in pieces that can be added up over workers
    results                     from the record of a run to report.json, whose fields are listed there
    page          charts        report.html                summary    compare         what the terminal says
"""
