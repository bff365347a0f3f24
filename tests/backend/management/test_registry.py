"""What holds for every action, and what an action does before its function is called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backend.errors import BadInput, Denied
from backend.management.registry import MOST_IDS, Action, actions, table
from backend.management.roles import AUDITOR, EVERYBODY, HELPDESK, POSTMASTER, ROLES, SYSADMIN, refusal
from tests.backend.management.conftest import Act

ALL = list(actions().values())


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_action_says_what_it_does_and_who_may(one: Action) -> None:
    assert set(one.roles) < set(ROLES)
    assert SYSADMIN not in one.roles
    assert one.help.endswith(".")
    assert all(parameter.help for parameter in one.parameters)
    assert one.changes or not one.dangerous
    assert one.changes or AUDITOR in one.roles, "what only reads is open to auditors"
    oneself = one.name.startswith("me.")
    assert oneself or not (one.changes and AUDITOR in one.roles), "auditors change nothing but what is their own"
    assert one.changes or not one.reason
    taken = {"action", "verb", "verb_of_group", "config", "json", "yes", "why", "host", "identity"}
    assert not taken & {parameter.name for parameter in one.parameters}, "the command line has these words already"


def test_keys_are_one_letter_and_not_taken_twice_in_a_group() -> None:
    keys = [(one.name.partition(".")[0], one.key) for one in ALL if one.key]
    assert len(keys) == len(set(keys))
    assert all(len(key) == 1 for _, key in keys)


def test_the_table_has_a_row_for_every_action() -> None:
    text = table(ALL)
    assert text.count("\n") == len(ALL) + 1
    assert all(f"| `{one.name.replace('.', ' ')}` |" in text for one in ALL)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_nobody_without_a_role_does_anything(one: Action, act: Act) -> None:
    with pytest.raises(Denied):
        act(one.name, _role="")
    with pytest.raises(Denied):
        act(one.name, _role="root")


@pytest.mark.parametrize(
    ("role", "roles", "allowed"),
    [
        (SYSADMIN, (), True),
        (SYSADMIN, (POSTMASTER,), True),
        (POSTMASTER, EVERYBODY, True),
        (POSTMASTER, (), False),
        (HELPDESK, (POSTMASTER, HELPDESK), True),
        (HELPDESK, (POSTMASTER,), False),
        (AUDITOR, EVERYBODY, True),
        (AUDITOR, (HELPDESK,), False),
        ("", EVERYBODY, False),
    ],
)
def test_roles(role: str, roles: tuple[str, ...], allowed: bool) -> None:
    assert (refusal(role, roles) == "") is allowed


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("queue.list", {"statee": "held"}, "has no argument 'statee'"),
        ("queue.list", {"limit": "5"}, "limit is not a whole number"),
        ("queue.list", {"limit": True}, "limit is not a whole number"),
        ("queue.list", {"limit": 2**80}, "limit is not a whole number"),
        ("queue.list", {"limit": 1_001}, "1 to 1000"),
        ("queue.list", {"offset": -1}, "not below 0"),
        ("queue.list", {"sort": "size"}, "no order 'size'"),
        ("queue.list", {"state": "stuck"}, "no state 'stuck'"),
        ("queue.list", {"message": "nonsense"}, "not a queue id"),
        ("queue.list", {"sender": "\ud800"}, "sender is not a text"),
        ("queue.list", {"sender": "a\nb"}, "sender is not a text"),
        ("queue.list", {"older_than": "yesterday"}, "not a length of time"),
        ("queue.list", {"why": 5}, "why is not a text"),
        ("queue.show", {}, "needs id"),
        ("queue.show", {"id": "ZZZZZZZZZZZZZ-" + "9" * 5_000}, "No entry"),
        ("queue.hold", {}, "empty filter matches nothing"),
        ("queue.hold", {"all": False}, "empty filter matches nothing"),
        ("queue.hold", {"ids": ["x"], "all": True}, "ids or a filter"),
        ("queue.hold", {"ids": ["nonsense"]}, "No entry in the queue"),
        ("queue.hold", {"ids": ["x"] * (MOST_IDS + 1)}, "a list of at most"),
        ("queue.hold", {"ids": [5]}, "a list of at most"),
        ("user.add", {"address": "alice", "password": "long enough"}, "not a mail address"),
        ("user.add", {"address": "a@example.net", "password": "long enough"}, "not one of our domains"),
        ("user.add", {"address": "a@example.org", "password": "short"}, "8 to 1024 characters"),
        ("user.quota", {"address": "postmaster@example.org", "size": -1}, "not below 0"),
        ("user.suspend", {"address": "nobody@example.org"}, "no account"),
        ("alias.add", {"address": "a@example.org", "target": []}, "Where shall"),
        ("domain.add", {"domain": "no domain"}, "domain"),
        ("mailbox.export", {"address": "postmaster@example.org", "mailbox": "Sent"}, "no mailbox"),
    ],
)
def test_wrong_arguments_get_a_sentence(act: Act, name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        act(name, **arguments)


def test_a_span_may_be_words_or_seconds(act: Act) -> None:
    assert act("queue.list", older_than="2h") == act("queue.list", older_than=7_200)
