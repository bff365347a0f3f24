"""Who looks into a message is in the audit log, and the text wants a reason and a held message."""

from __future__ import annotations

import pytest

from backend import ids
from backend.errors import BadInput, Denied
from backend.management.roles import AUDITOR, HELPDESK, POSTMASTER
from backend.store import messages
from backend.store.bodies import Body
from backend.store.database import Store
from backend.store.messages import Message, Remote
from tests.backend.management.conftest import Act

MAIL = b"Subject: secret plan\r\nFrom: a@b.test\r\n\r\nMeet at noon.\r\n"


@pytest.fixture
def name(store: Store) -> str:
    message = Message(ids.new(), "alice@example.org", Body(len(MAIL), data=MAIL))
    store.write(lambda t: messages.accept(t, message, remote=[Remote("a@remote.test", "remote.test")]))
    return ids.text(message.id)


def test_headers(act: Act, name: str) -> None:
    rows = act("queue.headers", _role=POSTMASTER, id=f"{name}-1")["rows"]
    assert {"name": "Subject", "value": "secret plan"} in rows
    [row] = act("audit-log.list", what="queue.headers")["rows"]
    assert row["arguments"] == {"id": f"{name}-1"}


def test_the_text_of_a_held_message_for_a_reason(act: Act, name: str) -> None:
    with pytest.raises(BadInput, match="hold it first"):
        act("queue.read", id=name, why="a complaint")
    act("queue.hold", ids=[name])
    with pytest.raises(BadInput, match="reason"):
        act("queue.read", id=name)
    assert act("queue.read", _role=POSTMASTER, id=name, why="a complaint")["text"].strip() == "Meet at noon."
    row = act("audit-log.list", what="queue.read")["rows"][0]
    assert (row["why"], row["outcome"]) == ("a complaint", "done")


@pytest.mark.parametrize("role", [HELPDESK, AUDITOR])
def test_nobody_else_sees_a_word_of_it(act: Act, name: str, role: str) -> None:
    act("queue.hold", ids=[name])
    for action in ("queue.headers", "queue.read"):
        with pytest.raises(Denied):
            act(action, _role=role, id=name, why="curious")
    shown = repr([act("queue.show", _role=role, id=name), act("trace.show", _role=role, id=name)])
    assert "secret" not in shown
    assert "noon" not in shown
