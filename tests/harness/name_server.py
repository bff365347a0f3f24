"""A name server that says what no zone file can hold: odd records, silence, failures, lies. By UDP and TCP.

It answers as a resolver does, aliases followed. What a real zone can hold is for `tests.harness.dns`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset

from tests.harness.ports import free_port

_UDP = 1_232  # bytes of an answer by UDP
_ALIASES = 8  # followed
SILENCE = "SILENCE"  # no answer at all
SERVFAIL = "SERVFAIL"

Record = tuple[str, str | Sequence[bytes]]  # type, and the data as a zone has it; of a TXT its strings
Rule = (
    Sequence[Record] | str | Callable[[str], Sequence[Record] | str]
)  # or SILENCE, SERVFAIL, or a function of the type
Zone = Mapping[str, Rule]  # by name in small letters; other names do not exist


class NameServer:
    """Answers from `zone` on a free port of 127.0.0.1, after `delay` seconds; `asked` counts (name, type)."""

    def __init__(self, zone: Zone, *, delay: float = 0.0, ttl: int = 60) -> None:
        self.zone = dict(zone)
        self.delay = delay
        self.ttl = ttl
        self.asked: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()  # each question has a thread
        self.port = free_port()

    @property
    def address(self) -> str:
        """As `[dns] nameservers` wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> str:
        """The TOML that makes a site ask here."""
        return f'[dns]\nnameservers = ["{self.address}"]\ntimeout_seconds = 10.0\nlifetime_seconds = 20.0\n'

    def __enter__(self) -> Self:
        self._stopped = threading.Event()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._udp.settimeout(0.2)
        self._tcp = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._tcp.settimeout(0.2)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._by_udp, self._by_tcp)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def _by_udp(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError, ConnectionError):
                question, peer = self._udp.recvfrom(4096)
                threading.Thread(target=self._datagram, args=(question, peer), daemon=True).start()

    def _datagram(self, question: bytes, peer: tuple[str, int]) -> None:
        answer = self._answer(question)
        if answer is not None:
            with contextlib.suppress(OSError):
                try:
                    data = answer.to_wire(max_size=_UDP)
                except dns.exception.TooBig:
                    answer.answer.clear()
                    answer.flags |= dns.flags.TC
                    data = answer.to_wire()
                self._udp.sendto(data, peer)

    def _by_tcp(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError, ConnectionError):
                connection, _ = self._tcp.accept()
                threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, struct.error):
            connection.settimeout(5)
            while not self._stopped.is_set():
                (length,) = struct.unpack("!H", _exactly(connection, 2))
                answer = self._answer(_exactly(connection, length))
                if answer is None:
                    return
                data = answer.to_wire(max_size=65_535)
                connection.sendall(struct.pack("!H", len(data)) + data)

    def _answer(self, wire: bytes) -> dns.message.Message | None:
        try:
            question = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        asked = question.question[0]
        kind = dns.rdatatype.to_text(asked.rdtype)
        with self._counting:
            self.asked[_text(asked.name), kind] += 1
        if self.delay:
            time.sleep(self.delay)
        answer = dns.message.make_response(question, recursion_available=True)
        name: dns.name.Name = asked.name
        for _ in range(_ALIASES):
            rule = self.zone.get(_text(name))
            found = rule(kind) if callable(rule) else rule
            if found is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
                break
            if found == SILENCE:
                return None
            if isinstance(found, str):
                answer.set_rcode(dns.rcode.from_text(found))
                break
            alias = next((str(data) for one, data in found if one == "CNAME"), "")
            if not alias or kind == "CNAME":
                self._put(answer, name, kind, found)
                break
            self._put(answer, name, "CNAME", found)
            name = dns.name.from_text(alias)
        return answer

    def _put(self, answer: dns.message.Message, name: dns.name.Name, kind: str, records: Sequence[Record]) -> None:
        datas = [rdata(kind, data) for one, data in records if one == kind]
        if datas:
            answer.answer.append(dns.rrset.from_rdata_list(name, self.ttl, datas))


def _text(name: dns.name.Name) -> str:
    return b".".join(name.labels).rstrip(b".").decode("ascii", "replace").lower()


def rdata(kind: str, data: str | Sequence[bytes]) -> dns.rdata.Rdata:
    """The data of a record; the strings of a TXT are cut where they are too long."""
    if not isinstance(data, str):
        pieces = [piece[at : at + 255] for piece in data for at in range(0, len(piece) or 1, 255)]
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.from_text(kind), pieces)
    return dns.rdata.from_text("IN", kind, data, origin=dns.name.root, relativize=False)


def _exactly(connection: socket.socket, number: int) -> bytes:
    data = b""
    while len(data) < number:
        more = connection.recv(number - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data
