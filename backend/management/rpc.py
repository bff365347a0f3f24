"""The contract on the wire: JSON-RPC 2.0, one object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from backend.errors import BadInput, Denied, MailError, Permanent, Temporary

CONTRACT = 1  # grows when an old client would misunderstand
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode

Id = str | int | None


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `id` comes back with the answer."""

    id: Id
    method: str
    params: dict[str, Any]


class Incident(Permanent):
    """Something went wrong inside the service; its log has it under the incident that the sentence names."""

    exit_code = 70


class NotARequest(Exception):
    """A line that is no request; `code` is JSON-RPC's word for what is wrong with it."""

    def __init__(self, code: int, reason: str, identity: Id = None) -> None:
        super().__init__(reason)
        self.code = code
        self.id = identity


def parse(line: bytes) -> Request:
    """The request in a line; NotARequest."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise NotARequest(PARSE_ERROR, "This is not JSON.") from None
    if not isinstance(found, dict):
        raise NotARequest(INVALID_REQUEST, "One request a line, and it is an object.")
    identity = found.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | None):
        raise NotARequest(INVALID_REQUEST, "The id is a text or a whole number.")
    method, params = found.get("method"), found.get("params", {})
    if found.get("jsonrpc") != "2.0" or not isinstance(method, str) or not isinstance(params, dict):
        raise NotARequest(INVALID_REQUEST, 'A request has "jsonrpc": "2.0", a method and named params.', identity)
    return Request(identity, method, params)


def request(identity: Id, method: str, params: dict[str, Any]) -> bytes:
    """A call as a line."""
    return _line({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})


def result(identity: Id, value: Any) -> bytes:
    """An answer as a line."""
    return _line({"jsonrpc": "2.0", "id": identity, "result": value})


def not_a_request(reason: NotARequest) -> bytes:
    """What is wrong with a line, as a line."""
    return _error(reason.id, reason.code, str(reason), BadInput)


def refusal(identity: Id, reason: MailError) -> bytes:
    """One of our errors as a line."""
    kind = next((kind for kind in _CODES if isinstance(reason, kind)), Permanent)
    return _error(identity, _CODES[kind], str(reason), kind)


def _error(identity: Id, code: int, message: str, kind: type[MailError]) -> bytes:
    data = {"kind": kind.__name__, "exit_code": kind.exit_code}
    return _line({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message, "data": data}})


def answer(line: bytes) -> Any:
    """The result in an answer; raises the error that is in it, and Permanent for a line that is none."""
    try:
        found = json.loads(line)
        if "error" in found:
            wrong = found["error"]
            raise _KINDS.get(wrong["data"]["kind"], Permanent)(str(wrong["message"]))
        return found["result"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Permanent("The management service answered something that is not its contract.") from None


_CODES: dict[type[MailError], int] = {
    BadInput: -32602,
    Denied: -32001,
    Temporary: -32002,
    Incident: -32603,
    Permanent: -32003,
}
_KINDS: dict[str, type[MailError]] = {kind.__name__: kind for kind in _CODES}


def _line(value: dict[str, Any]) -> bytes:
    return _encode(value).encode() + b"\n"
