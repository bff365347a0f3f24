"""Who is at home, and which desks hear everybody."""

from __future__ import annotations

import pytest

from backend.address import parse
from backend.policy.ours import desk
from backend.smtp.session import Recipient
from backend.store.accounts import Resolution


@pytest.mark.parametrize(
    ("address", "own", "is_one"),
    [
        ("postmaster@example.org", True, True),
        ("Abuse@example.org", True, True),
        ("abuse@remote.test", False, False),
        ("alice@example.org", True, False),
        ("postmaster+x@example.org", True, False),
    ],
)
def test_desks(address: str, own: bool, is_one: bool) -> None:
    assert desk(Recipient(parse(address), Resolution((), ()), own)) is is_one
    assert not desk(None)
