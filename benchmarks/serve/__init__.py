"""The server under load: real sessions over real sockets, from another process."""
