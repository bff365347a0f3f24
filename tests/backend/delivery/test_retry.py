"""When an entry is tried again, and what its sender hears."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import Delivery
from backend.delivery import retry
from backend.store.queue import Entry

NOW = 1_000_000.0
ENTRY = Entry(1, 2, 1, "a@x.test", "b@y.test", "y.test", 10, NOW, "new", NOW, 0, "me", None, None, False, None)
SETTINGS = Delivery()


def test_the_pause_doubles_from_five_minutes_to_four_hours() -> None:
    for attempts, seconds in ((1, 300), (2, 600), (3, 1_200), (6, 9_600), (7, 14_400), (60, 14_400), (10**6, 14_400)):
        pauses = [retry.pause(attempts, SETTINGS) for _ in range(50)]
        assert all(seconds * 0.9 <= pause <= seconds * 1.1 for pause in pauses)
        assert len(set(pauses)) > 40  # what failed together does not come back together


@given(st.integers(0, 50), st.floats(0, 600_000))
def test_a_deferred_entry_comes_back_in_the_future_and_never_long_after_its_end(attempts: int, age: float) -> None:
    entry = replace(ENTRY, attempts=attempts, received=NOW - age)
    result = retry.deferred(entry, "4.4.1", "no", SETTINGS, NOW)
    if age >= SETTINGS.give_up:
        assert (result.outcome, result.status) == ("failed", "4.4.7")
    else:
        assert NOW < result.due <= max(NOW + 1, entry.received + SETTINGS.give_up)


def test_a_delay_is_told_once_and_on_time() -> None:
    early = retry.deferred(replace(ENTRY, attempts=9), "4.4.1", "no", SETTINGS, NOW + 10_000)
    assert early.notice is None
    assert early.due == NOW + 14_400
    late = retry.deferred(ENTRY, "4.4.1", "no", SETTINGS, NOW + 14_400)
    assert late.notice is not None
    assert (late.notice.action, late.notice.until) == ("delayed", NOW + 432_000)
    assert retry.deferred(replace(ENTRY, delayed=True), "4.4.1", "no", SETTINGS, NOW + 20_000).notice is None
    never = replace(SETTINGS, delay_notice=0)
    assert retry.deferred(ENTRY, "4.4.1", "no", never, NOW + 20_000).notice is None


@pytest.mark.parametrize(
    ("sender", "notify", "hears"),
    [
        ("a@x.test", None, {"FAILURE", "DELAY"}),
        ("a@x.test", "NEVER", set()),
        ("a@x.test", "SUCCESS", {"SUCCESS"}),
        ("a@x.test", "FAILURE,DELAY", {"FAILURE", "DELAY"}),
        ("", None, set()),
        ("", "SUCCESS,FAILURE,DELAY", set()),
    ],
)
def test_who_hears_of_what(sender: str, notify: str | None, hears: set[str]) -> None:
    entry = replace(ENTRY, sender=sender, notify=notify)
    assert {what for what in ("FAILURE", "DELAY", "SUCCESS") if retry.wants(entry, what)} == hears
    assert (retry.failed(entry, "5.0.0", "no").notice is not None) == ("FAILURE" in hears)
    assert (retry.relayed(entry, "ok", "mx", dsn=False).notice is not None) == ("SUCCESS" in hears)
    assert retry.relayed(entry, "ok", "mx", dsn=True).notice is None
