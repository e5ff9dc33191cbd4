"""The ways in: the first bytes, WebSockets, plain requests. START with socket.py."""
