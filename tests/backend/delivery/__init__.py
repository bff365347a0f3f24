"""Tests of delivery: a real store, real sockets, hosts that misbehave on purpose."""
