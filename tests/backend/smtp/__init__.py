"""Framing, arguments, replies, headers; and the server fuzzed."""
