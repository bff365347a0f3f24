"""The DNS of the demo: a few zones on a port of this machine, so that every check has somebody to ask."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

from backend.errors import Permanent

_HEAD = "$ORIGIN {name}\n$TTL 300\n@ SOA ns.demo.test. hostmaster.demo.test. 1 3600 600 86400 60\n@ NS ns.demo.test.\n"
_ALIASES = 8  # followed in one answer
_UDP = 1_232  # bytes


class Zones:
    """Answers for `zones`: name -> records in the form of a zone file, without SOA and NS. Any other name does not
    exist; names below one of `dark` get SERVFAIL, as when a domain's servers are down.
    """

    def __init__(self, zones: Mapping[str, str], dark: tuple[str, ...] = ()) -> None:
        self._zones = [
            dns.zone.from_text(_HEAD.format(name=f"{name}.") + records + "\n", f"{name}.", relativize=False)
            for name, records in zones.items()
        ]
        self._dark = [dns.name.from_text(name) for name in dark]

    def answer(self, packet: bytes) -> dns.message.Message | None:
        """The answer; None for what is no question."""
        try:
            query = dns.message.from_wire(packet)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        wanted, kind = query.question[0].name, query.question[0].rdtype
        if any(wanted.is_subdomain(name) for name in self._dark):
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        for _ in range(_ALIASES):
            following = self._one(answer, wanted, kind)
            if following is None:
                break
            wanted = following
        return answer

    def _one(
        self, answer: dns.message.Message, wanted: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> dns.name.Name | None:
        """Put what is known of a name into the answer; the name that it is an alias of."""
        zone = max(
            (zone for zone in self._zones if zone.origin is not None and wanted.is_subdomain(zone.origin)),
            key=lambda zone: len(zone.origin or ()),
            default=None,
        )
        if zone is None or zone.origin is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return None
        node = zone.get_node(wanted)
        for type_wanted in (kind, dns.rdatatype.CNAME):
            found = None if node is None else node.get_rdataset(dns.rdataclass.IN, type_wanted)
            if found is not None:
                answer.answer.append(_records(wanted, found))
                return found[0].target if type_wanted == dns.rdatatype.CNAME != kind else None
        if (node is None or not node.rdatasets) and not any(name.is_subdomain(wanted) for name in zone.nodes):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        answer.authority.append(_records(zone.origin, zone.find_rdataset(zone.origin, dns.rdatatype.SOA)))
        return None


def _records(name: dns.name.Name, found: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, found.ttl, list(found))


class _Datagram(socketserver.DatagramRequestHandler):
    server: _Udp

    def handle(self) -> None:
        """One question."""
        answer = self.server.zones.answer(self.rfile.read())
        if answer is not None:
            with contextlib.suppress(dns.exception.TooBig):
                self.wfile.write(answer.to_wire(max_size=_UDP))
                return
            answer.flags |= dns.flags.TC
            answer.answer.clear()
            self.wfile.write(answer.to_wire(max_size=_UDP))


class _Stream(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = 5

    def handle(self) -> None:
        """Questions, until the client has enough."""
        with contextlib.suppress(OSError, struct.error):
            while head := self.rfile.read(2):
                answer = self.server.zones.answer(self.rfile.read(struct.unpack("!H", head)[0]))
                if answer is None:
                    return
                wire = answer.to_wire(max_size=65_535)
                self.wfile.write(struct.pack("!H", len(wire)) + wire)


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    zones: Zones


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    zones: Zones


class Names:
    """The server at 127.0.0.1:port, while the block runs. Permanent when the port is taken."""

    def __init__(self, port: int, zones: Zones) -> None:
        try:
            self._servers: tuple[_Udp | _Tcp, ...] = (
                _Udp(("127.0.0.1", port), _Datagram),
                _Tcp(("127.0.0.1", port), _Stream),
            )
        except OSError as error:
            raise Permanent(f"The demo's name server cannot listen on 127.0.0.1:{port}: {error.strerror}.") from None
        for server in self._servers:
            server.zones = zones

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="names", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
