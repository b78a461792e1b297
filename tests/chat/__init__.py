"""The rules of the chat: requests in, effects out, without socket, thread or file."""
