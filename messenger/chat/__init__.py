"""The rules of the chat, pure: requests in, effects out. No socket, thread, clock or file is touched here.

    accounts    credentials, and the counting and blocking of failed logins
    state       sessions, groups, message numbers: what the rules know
    effects     what the rules may ask of the world: deliver, record, close, …
    commands    one function a request type, in a table
    transfers   what two clients have to say to each other about a file, passed on
    offers      which files wait for an answer, to be told that it will not come
    rules       login, dispatch and leaving: what the server calls

The same requests at the same moments give the same effects. Whoever calls takes care that only one thread does.
"""
