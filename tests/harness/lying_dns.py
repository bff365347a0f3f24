"""A name server that lies: wrong ids, endless aliases, answers of 64 KiB, thousands of records, nonsense, silence.

It answers each name as the test says, by UDP and TCP; what no rule is about is asked of an honest server, or does
not exist.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rrset

from tests.harness.ports import free_port

_UDP = 1_232  # bytes of an answer by UDP
_LARGEST = 65_535  # of a message by TCP

Lie = Callable[[dns.message.Message], bytes | None]  # the answer as it goes on the wire; None: none


def says(kind: str, *values: str, ttl: int = 1) -> Lie:
    """An honest answer: these records."""

    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query)
        made.answer.append(dns.rrset.from_text(query.question[0].name, ttl, "IN", kind, *values))
        return made.to_wire(max_size=_LARGEST)

    return answer


def wrong_id(kind: str, *values: str) -> Lie:
    """The answer to somebody else's question: one who guesses sends such."""
    right = says(kind, *values)

    def answer(query: dns.message.Message) -> bytes | None:
        wire = right(query)
        return None if wire is None else struct.pack("!H", query.id ^ 0x5555) + wire[2:]

    return answer


def other_name(kind: str, *values: str) -> Lie:
    """The right id, and records of a name that nobody asked for."""

    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query)
        made.answer.append(dns.rrset.from_text("elsewhere.test.", 1, "IN", kind, *values))
        return made.to_wire(max_size=_LARGEST)

    return answer


def many(kind: str, pattern: str, number: int) -> Lie:
    """As many records as asked for, `{n}` in the pattern being their number; as many as fit into 64 KiB."""
    made_for: dict[dns.name.Name, bytes] = {}  # without the id: it takes longer than a client waits

    def make(query: dns.message.Message) -> bytes:
        name, left = query.question[0].name, number
        while True:
            made = dns.message.make_response(query)
            made.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *(pattern.format(n=n) for n in range(left))))
            try:
                return made.to_wire(max_size=_LARGEST)[2:]
            except dns.exception.TooBig:
                left = left * 9 // 10

    def answer(query: dns.message.Message) -> bytes:
        name = query.question[0].name
        if name not in made_for:
            made_for[name] = make(query)
        return struct.pack("!H", query.id) + made_for[name]

    return answer


def _chain(query: dns.message.Message, *names: str) -> bytes:
    made = dns.message.make_response(query)
    for before, after in itertools.pairwise((query.question[0].name.to_text(), *names)):
        made.answer.append(dns.rrset.from_text(before, 1, "IN", "CNAME", after))
    return made.to_wire(max_size=_LARGEST)


def endless_alias(query: dns.message.Message) -> bytes:
    """A CNAME to a CNAME to a CNAME, hundreds of them."""
    return _chain(query, *(f"c{number}.alias.test." for number in range(500)))


def alias_loop(query: dns.message.Message) -> bytes:
    """A CNAME that leads back to itself."""
    return _chain(query, "loop.alias.test.", query.question[0].name.to_text())


def nonsense(query: dns.message.Message) -> bytes:
    """The right id, and no DNS behind it."""
    return struct.pack("!H", query.id) + b"\xff" * 40


def servfail(query: dns.message.Message) -> bytes:
    """SERVFAIL."""
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.SERVFAIL)
    return made.to_wire()


def silence(query: dns.message.Message) -> None:
    """No answer."""


class LyingDns:
    """`LyingDns({"7.2.0.127.in-addr.arpa": many("PTR", "h{n}.test.", 10_000)}, honest=port)`. A rule is about a name
    and all names below it; the longest counts. `asked` counts the questions to each rule.
    """

    def __init__(self, lies: Mapping[str, Lie], *, honest: int = 0) -> None:
        self.lies = dict(lies)
        self.asked: dict[str, int] = dict.fromkeys(lies, 0)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._honest = honest
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve_udp, daemon=True),
            threading.Thread(target=self._serve_tcp, daemon=True),
        ]

    @property
    def settings(self) -> str:
        """The TOML that makes a site ask here, and soon give up."""
        return f'[dns]\nnameservers = ["{self.address}"]\ntimeout_seconds = 0.5\nlifetime_seconds = 1.0\n'

    def __enter__(self) -> Self:
        for one in (self._udp, self._tcp):
            one.bind(("127.0.0.1", self.port))
            one.settimeout(0.1)
        self._tcp.listen(16)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError):
                wire, client = self._udp.recvfrom(4_096)
                answer = self._answer(wire)
                if answer is not None:
                    self._udp.sendto(answer if len(answer) <= _UDP else _truncated(answer), client)

    def _serve_tcp(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._tcp.accept()
                with client:
                    client.settimeout(2)
                    self._converse(client)

    def _converse(self, client: socket.socket) -> None:
        head = client.recv(2)
        if len(head) == 2:
            wire = client.recv(struct.unpack("!H", head)[0])
            answer = self._answer(wire)
            if answer is not None:
                client.sendall(struct.pack("!H", len(answer)) + answer)
                time.sleep(0.01)

    def _answer(self, wire: bytes) -> bytes | None:
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        found = [rule for rule in self.lies if name == rule or name.endswith(f".{rule}") or rule == ""]
        if found:
            rule = max(found, key=len)
            self.asked[rule] += 1
            return self.lies[rule](query)
        if self._honest:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                return dns.query.udp(query, "127.0.0.1", port=self._honest, timeout=1).to_wire()
        made = dns.message.make_response(query)
        made.set_rcode(dns.rcode.NXDOMAIN)
        return made.to_wire()


def _truncated(answer: bytes) -> bytes:
    """The head and the question alone, with TC: come again by TCP."""
    head = dns.message.from_wire(answer, question_only=True)
    head.flags |= dns.flags.TC
    return head.to_wire()
