"""From mailconsole.toml to `Settings`: every mistake is one sentence with its line and the nearest right key."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backend import address, list_presets
from backend.config import HostPort, Network, Settings, WebAddress
from backend.errors import BadInput

_PORTS = 65_535
_WHAT_TO_DO = ("reject", "quarantine", "mark", "pass")
_CHOICES = {
    "dkim.failed": ("mark", "reject"),
    "antivirus.when_down": ("defer", "pass"),
    "antivirus.infected": ("reject", "quarantine"),
    "antivirus.refused": _WHAT_TO_DO,
    "antivirus.encrypted": _WHAT_TO_DO,
    "antivirus.macros": _WHAT_TO_DO,
    "antivirus.unscannable": _WHAT_TO_DO,
    "antivirus.engine.kind": ("clamd", "command"),
    "antivirus.engine.when_down": ("defer", "pass"),
    "spam.scorer.kind": ("rspamd", "spamassassin"),
    "spam.scorer.when_down": ("pass",),
    "log.level": ("debug", "info", "warning", "error"),
    "relay.smarthost_tls": ("may", "must", "wrapped"),
    "spf.fail": ("reject", "mark"),
    "spf.permerror": ("mark", "reject"),
    "spf.temperror": ("defer", "mark"),
    "reverse_dns.missing": ("refuse", "mark"),
    "reverse_dns.unconfirmed": ("refuse", "mark"),
    "dnslists.zone.kind": ("black", "white"),
    "dnslists.zone.about": ("ipv4", "ipv6", "sender", "helo", "host", "url", "url_host", "url_ip"),
    "dnslists.zone.preset": tuple(list_presets.PRESETS),
    "outbound.own_mode": ("enforce", "testing", "none"),
    "outbound.domain.tls": ("none", "may", "must", "dane"),
}
_POSITIVE = {
    "spam.keep_days", "spam.keep_scores",
    "delivery.retry_first", "delivery.retry_max", "delivery.give_up", "delivery.lease", "delivery.connections",
    "spf.seconds", "srs.days", "dkim.signatures", "dkim.look_seconds", "dkim.replay_hours",
    "greylist.passes", "spam.seconds", "spam.scorer.connections", "spam.scorer.seconds", "spam.scorer.largest_bytes",
    "outbound.policy_seconds", "outbound.report_days", "outbound.problem_hours", "outbound.own_days",
    "antivirus.engine.seconds", "antivirus.engine.connections", "antivirus.alert_hours",
    "alerts.seconds", "alerts.give_up_hours",
    "antivirus.quarantine_days", "limits.workshop_children", "limits.workshop_jobs", "limits.unpack_seconds",
}  # fmt: skip
_SLIP = 0.9  # of 1: how like two keys are that differ by a letter
_MOST = {
    "srs.days": 365,  # its time stamp has room for 1,023
    "probe.hour": 23,
    "alerts.seconds": 60,
    "spam.url_hosts": 100,
    "spam.scorer.seconds": 60,
}
# What was bound, opened or started with the service cannot change under it.
NEEDS_RESTART = frozenset(
    {"listen.addresses", "listen.smtp", "listen.submission", "listen.submissions", "listen.ssh"}
    | {"site.data", "site.run", "site.user", "workers.smtp", "ssh.host_key"}
    | {
        "limits.group_commit",
        "limits.write_queue",
        "limits.password_checks",
        "limits.workshop_children",
    }
)
_DEFAULT_DNS_PORT = 53


def load(path: Path) -> Settings:
    """The settings in the file; BadInput with one sentence when there is a mistake in it."""
    path = path.absolute()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadInput(f"There is no {path}; `mailconsole init {path.parent} ...` makes one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from None
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = found[1] if found else str(text.count("\n") + 1)
        words = re.sub(r" \(at .*\)", "", str(error)) or "it is nested too deeply"
        raise BadInput(f"{path.name} line {line}: this is not TOML: {words}.") from None
    return _File(path, text).settings(tables)


def differences(old: Settings, new: Settings) -> list[tuple[str, Any, Any]]:
    """(key, old value, new value) of each key that differs."""
    before, after = dict(values(old)), dict(values(new))
    return [(key, before[key], after[key]) for key in before if before[key] != after[key]]


def values(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every key as `section.key`, with its value."""
    for section in fields(settings):
        part = getattr(settings, section.name)
        if is_dataclass(part):
            for item in fields(part):
                yield f"{section.name}.{item.name}", getattr(part, item.name)


def sources(path: Path) -> dict[str, int]:
    """The line of each key that the file sets; what is missing here has its default."""
    file = _File(path.absolute(), path.read_text("utf-8"))
    return {key: line for key, _ in values(load(path)) if (line := file.lines().get(key))}


class _File:
    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self._lines: dict[str, int] | None = None

    def settings(self, tables: dict[str, Any]) -> Settings:
        known = {item.name: item for item in fields(Settings) if item.name != "path"}
        parts: dict[str, Any] = {}
        for name, table in tables.items():
            if name not in known:
                raise self.wrong(name, f"there is no section [{name}]{_nearest(name, known)}")
            if not isinstance(table, dict):
                raise self.wrong(name, f"{name} is a section; write [{name}] on a line of its own")
            parts[name] = self._table(_hints(Settings)[name], table, name)
        settings = Settings(
            path=self.path, **{n: parts.get(n) or self._table(_hints(Settings)[n], {}, n) for n in known}
        )
        if settings.delivery.retry_first > settings.delivery.retry_max:
            raise self.wrong("delivery.retry_first", "retry_first is longer than retry_max")
        for zone in settings.dnslists.zone:
            if trouble := list_presets.trouble(zone):
                raise self.wrong("dnslists.zone", trouble)
        names = [one.name.lower() for one in settings.spam.scorer]
        if len(set(names)) < len(names):
            raise self.wrong("spam.scorer.name", "two scorers have the same name")
        if any(one.tls == "dane" for one in settings.outbound.domain) and not settings.dns.validating:
            raise self.wrong("outbound.domain.tls", 'tls = "dane" needs name servers that validate, [dns] validating')
        if settings.alerts.webhook.url.startswith("http:") and not settings.alerts.plain:
            raise self.wrong("alerts.webhook", "only https:// is safe; [alerts] plain = true allows http:// at home")
        self._authorities(settings.outbound.ca_file, "outbound.ca_file")
        self._authorities(settings.alerts.ca_file, "alerts.ca_file")
        self._secret(settings.relay.smarthost_password_file, "relay.smarthost_password_file")
        self._secret(settings.alerts.secret_file, "alerts.secret_file")
        return settings

    def _secret(self, path: Path | None, where: str) -> None:
        if path is not None and path.exists() and path.stat().st_mode & 0o077:
            raise self.wrong(where, f"others can read {path}; run: chmod 600 {path}")

    def _authorities(self, path: Path | None, where: str) -> None:
        if path is None:
            return
        if not path.is_file():
            raise self.wrong(where, f"there is no file {path}")
        from backend import tls  # OpenSSL, for who has authorities of his own

        try:
            tls.client_context(verify=True, ca_file=path)
        except BadInput as error:
            raise self.wrong(where, str(error).rstrip(".")) from None

    def _table(self, kind: Any, table: dict[str, Any], where: str) -> Any:
        hints = _hints(kind)
        items = {item.name: item for item in fields(kind)}
        for key in table:
            if key not in items:
                raise self.wrong(f"{where}.{key}", f'[{where}] has no key "{key}"{_meant(key, where, items)}')
        found = {}
        for key, item in items.items():
            if key in table:
                found[key] = self._value(hints[key], table[key], f"{where}.{key}")
            elif isinstance(item.default, Path):
                found[key] = self.path.parent / item.default
            elif item.default is MISSING:
                raise self.wrong(where, f'[[{where}]] needs "{key}"')
        return kind(**found)

    def _value(self, hint: Any, value: Any, where: str) -> Any:
        origin = typing.get_origin(hint)
        if origin is tuple:
            inner = typing.get_args(hint)[0]
            if not isinstance(value, list):
                raise self.wrong(where, f"{_key(where)} is a list, as in [...]")
            if is_dataclass(inner) and inner is not HostPort:
                if not all(isinstance(part, dict) for part in value):
                    raise self.wrong(where, f"{_key(where)} is a table; write [[{where}]]")
                return tuple(self._table(inner, part, where) for part in value)
            return tuple(self._value(inner, part, where) for part in value)
        if origin in (types.UnionType, typing.Union) and hint != Network:
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        return self._plain(hint, value, where)

    def _plain(self, hint: Any, value: Any, where: str) -> Any:
        key = _key(where)
        if hint is bool or hint in (int, float):
            right = isinstance(value, bool) if hint is bool else isinstance(value, int | hint) and value is not True
            if not right or isinstance(value, bool) is not (hint is bool):
                raise self.wrong(where, f"{key} is {_NAMES[hint]}, not {value!r}")
            if value < (1 if where in _POSITIVE else 0) or value != value:
                raise self.wrong(where, f"{key} cannot be {value}")
            if value > _MOST.get(where, value):
                raise self.wrong(where, f"{key} is {_MOST[where]} at the most")
            if where.startswith("listen.") and value > _PORTS:
                raise self.wrong(where, f"{key} is a port, 0 to {_PORTS}")
            return hint(value)
        if not isinstance(value, str):
            raise self.wrong(where, f"{key} is a text in quotes, not {value!r}")
        try:
            return _TEXT[hint](self, value, where)
        except ValueError as error:
            raise self.wrong(where, f"{key}: {error}") from None

    def text_value(self, value: str, where: str) -> str:
        choices = _CHOICES.get(where)
        if choices and value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
        if where in ("site.hostname", "site.domain", "arc.trusted", "dnslists.zone.zone"):
            return _domain(value)
        if where == "srs.domain":
            return _domain(value) if value else value
        if where == "dnslists.zone.code.answer" and not list_presets.ANSWER.fullmatch(value):
            raise ValueError(f'{value!r} is no answer such as "127.0.0.2", "127.0.0.4-7" or "127.0.*.3"')
        if where == "spam.scorer.name" and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,30}", value):
            raise ValueError(f"{value!r} is not a name of letters and digits")
        if where == "spam.scorer.address" and not value:
            raise ValueError("it is the path of a socket, or host:port")
        if where in ("relay.route.domain", "outbound.domain.domain"):
            return "." + _domain(value[1:]) if value.startswith(".") else _domain(value)
        if where == "outbound.own_hosts":
            return ("*." + _domain(value[2:])) if value.startswith("*.") else _domain(value)
        if where in ("dmarc.exceptions", "spam.url_skip"):
            return _domain(value)
        if where in ("dmarc.report_from", "dmarc.report_address", "probe.recipient") and value:
            return _mail_address(value)
        if where in ("listen.addresses", "dnslists.own_addresses", "dnslists.zone.refusals") or where.startswith(
            "delivery.source_ip"
        ):
            return str(ip_address(value)) if value else value
        return value

    def path_value(self, value: str, where: str) -> Path:
        return self.path.parent / value

    def host_port(self, value: str, where: str) -> HostPort:
        found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?|([^:\[\]\s]+)(?::(\d{1,5}))?|([0-9A-Fa-f:]+)", value)
        if found is None:
            raise ValueError(f'{value!r} is not "host:port"')
        host = found[1] or found[3] or found[5]
        port = found[2] or found[4]
        if port is None:
            if where != "dns.nameservers":
                raise ValueError(f'{value!r} has no port; write "{value}:25"')
            port = str(_DEFAULT_DNS_PORT)
        if not 1 <= int(port) <= _PORTS:
            raise ValueError(f"{port} is not a port, 1 to {_PORTS}")
        return HostPort(host, int(port))

    def web_address(self, value: str, where: str) -> WebAddress:
        return WebAddress(_web_address(value) if value else "")

    def network(self, value: str, where: str) -> Network:
        try:
            return ip_network(value)
        except ValueError:
            try:
                meant = ip_network(value, strict=False)
            except ValueError:
                raise ValueError(f"{value!r} is not a network such as 192.0.2.0/24") from None
            raise ValueError(f"{value!r} has bits behind the mask; write {str(meant)!r}") from None

    def wrong(self, where: str, sentence: str) -> BadInput:
        line = (
            self.lines().get(where)
            or self.lines().get(where.rpartition(".")[0])
            or self.lines().get(where.split(".")[0])
        )
        return BadInput(f"{self.path.name} line {line or 1}: {sentence}.")

    def lines(self) -> dict[str, int]:
        """The first line of each section and key. Good enough to point at: it never decides anything."""
        if self._lines is None:
            found: dict[str, int] = {}
            section = ""
            for number, line in enumerate(self.text.split("\n"), 1):
                if head := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line):
                    section = _unquoted(head[1])
                    found.setdefault(section, number)
                elif item := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w-]+)*)\s*=""", line):
                    found.setdefault(f"{section}.{_unquoted(item[1])}".lstrip("."), number)
            self._lines = found
        return self._lines


_NAMES = {bool: "true or false", int: "a whole number", float: "a number"}
_TEXT: dict[Any, Callable[[_File, str, str], Any]] = {
    str: _File.text_value,
    Path: _File.path_value,
    HostPort: _File.host_port,
    WebAddress: _File.web_address,
    Network: _File.network,
}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _key(where: str) -> str:
    section, _, key = where.rpartition(".")
    return f"[{section}] {key}"


def _meant(key: str, where: str, known: typing.Iterable[str]) -> str:
    """A slip of the pen, a key of another section, or something like it."""
    return _nearest(key, known, _SLIP) or _elsewhere(key, where) or _nearest(key, known)


def _nearest(word: str, known: typing.Iterable[str], least: float = 0.6) -> str:
    near = difflib.get_close_matches(word, list(known), 1, least)
    return f'; did you mean "{near[0]}"?' if near else ""


def _elsewhere(key: str, where: str) -> str:
    """Where a key belongs that stands in the wrong section."""
    at_home = [name for name, _ in values(Settings()) if name.endswith(f".{key}") and not name.startswith(where)]
    return f"; it belongs to [{at_home[0].partition('.')[0]}]" if at_home else ""


def _domain(value: str) -> str:
    try:
        return address.domain(value)
    except BadInput:
        raise ValueError(f"{value!r} is not a domain name") from None


def _mail_address(value: str) -> str:
    try:
        return str(address.parse(value))
    except BadInput:
        raise ValueError(f"{value!r} is not a mail address") from None


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = value.startswith(("https://", "http://")) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("it is no web address such as https://alerts.example.org/mail")
    if parts.username is not None:
        raise ValueError("a name and a password have no place in it; secret_file signs what is posted")
    return value


def _unquoted(key: str) -> str:
    return re.sub(r"""["'\s]""", "", key)
