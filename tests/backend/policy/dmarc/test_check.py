"""The check on whole messages: what SPF and DKIM found is made by hand, the policies come from a real name server."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from backend.config import Arc
from backend.policy.arc.chain import Chain
from backend.policy.check import Verdict
from tests.backend.policy.dmarc.conftest import Judge, dkim, spf


def reply(verdict: Verdict | None) -> tuple[int, str]:
    assert verdict is not None
    assert verdict.reply is not None
    return verdict.reply.code, verdict.reply.status


async def test_policies(judge: Judge) -> None:
    assert reply(await judge("From: a@reject.test")) == (550, "5.7.26")
    assert judge.words == "dmarc=fail header.from=reject.test policy.dmarc=reject"
    assert judge.finding.domain == "reject.test"
    verdict = await judge("From: a@quarantine.test")
    assert verdict == Verdict("mark", "quarantine")
    assert judge.finding.words == "p=quarantine dis=quarantine"
    assert await judge("From: a@watch.test") is None
    assert judge.words == "dmarc=fail header.from=watch.test policy.dmarc=none"
    assert await judge("From: a@plain.test") is None
    assert judge.words == "dmarc=none header.from=plain.test"


async def test_spf_or_dkim_is_enough_when_aligned(judge: Judge) -> None:
    assert await judge("From: a@reject.test", spf=spf("pass", "x@bounce.reject.test")) is None
    assert judge.finding.value == "pass"
    assert await judge("From: a@sub.reject.test", dkim=dkim(("fail", "reject.test"), ("pass", "reject.test"))) is None
    assert judge.finding.value == "pass"
    assert reply(await judge("From: a@reject.test", spf=spf("pass", "x@elsewhere.test"))) == (550, "5.7.26")
    assert reply(await judge("From: a@reject.test", dkim=dkim(("pass", "elsewhere.test")))) == (550, "5.7.26")
    for value in ("fail", "softfail", "neutral", "none", "permerror"):
        assert reply(await judge("From: a@reject.test", spf=spf(value, "x@reject.test"))) == (550, "5.7.26")


async def test_strict_alignment(judge: Judge) -> None:
    assert reply(await judge("From: a@strict.test", spf=spf("pass", "x@sub.strict.test"))) == (550, "5.7.26")
    assert reply(await judge("From: a@strict.test", dkim=dkim(("pass", "sub.strict.test")))) == (550, "5.7.26")
    assert await judge("From: a@strict.test", spf=spf("pass", "x@strict.test")) is None
    assert await judge("From: a@strict.test", dkim=dkim(("pass", "strict.test"))) is None


async def test_helo_counts_for_the_null_sender_only(judge: Judge) -> None:
    assert await judge("From: a@reject.test", sender="", spf=spf("pass", helo="mx.reject.test")) is None
    assert reply(await judge("From: a@reject.test", spf=spf("pass", helo="mx.reject.test"))) == (550, "5.7.26")


async def test_subdomains(judge: Judge) -> None:
    assert reply(await judge("From: a@sub.reject.test")) == (550, "5.7.26")
    assert await judge("From: a@sub.spared.test") is None
    assert reply(await judge("From: a@spared.test")) == (550, "5.7.26")
    assert reply(await judge("From: a@sub.own.test")) == (550, "5.7.26")  # a record of its own
    assert await judge("From: a@own.test") is None
    assert await judge("From: a@sub.np.test") is None
    assert reply(await judge("From: a@madeup.np.test")) == (550, "5.7.26")
    assert reply(await judge("From: a@text.np.test")) == (550, "5.7.26")  # there, but not for mail


async def test_records_that_cannot_be_followed(judge: Judge) -> None:
    for domain in ("two.test", "wrong.test"):
        assert await judge(f"From: a@{domain}") is None
        assert judge.finding.value == "none"
    for domain in ("other.test", "long.test"):
        assert reply(await judge(f"From: a@{domain}")) == (550, "5.7.26")


async def test_pct_is_the_same_for_a_message_each_time(judge: Judge) -> None:
    verdict = await judge("From: a@sampled.test")
    assert verdict == Verdict("mark", "quarantine")  # the next milder policy
    assert "sampled_out: pct=0" in judge.finding.words
    refused = 0
    for number in range(60):
        header = f"From: a@half.test\r\nMessage-ID: <{number}@x>"
        one, other = await judge(header), await judge(f"Received: again\r\n{header}")
        assert one == other
        refused += one is not None and one.action == "reject"
    assert 10 < refused < 50


async def test_from_that_says_nothing_certain(judge: Judge) -> None:
    for header in ("Subject: x", "From: a@plain.test\r\nFrom: b@reject.test", "From: <a@plain.test> <b@reject.test>"):
        assert reply(await judge(header)) == (550, "5.6.0")
        assert judge.finding.value == "permerror"
    assert await judge("From: nobody:;") is None
    assert judge.finding.value == "none"
    judge.set(apply=False)
    assert await judge("Subject: x") is None
    assert judge.finding.value == "permerror"


async def test_of_several_authors_the_strictest_that_fails_counts(judge: Judge) -> None:
    verdict = await judge("From: a@plain.test, b@watch.test, c@reject.test, d@quarantine.test")
    assert reply(verdict) == (550, "5.7.26")
    assert judge.finding.domain == "reject.test"
    assert await judge("From: a@reject.test, b@watch.test", spf=spf("pass", "a@reject.test")) is None
    assert judge.words == "dmarc=fail header.from=watch.test policy.dmarc=none"


async def test_what_cannot_be_known_now_is_put_off(judge: Judge) -> None:
    assert reply(await judge("From: a@broken.test")) == (451, "4.4.3")
    assert judge.finding.value == "temperror"
    assert reply(await judge("From: a@reject.test", spf=spf("temperror", "a@reject.test"))) == (451, "4.4.3")
    assert reply(await judge("From: a@reject.test", dkim=dkim(("temperror", "reject.test")))) == (451, "4.4.3")
    assert not judge.mail.written  # it will come again
    # What could not be known of others changes nothing, and neither does it where nobody would be refused.
    assert reply(await judge("From: a@reject.test", dkim=dkim(("temperror", "elsewhere.test")))) == (550, "5.7.26")
    assert await judge("From: a@watch.test", spf=spf("temperror", "a@watch.test")) is None
    judge.set(apply=False)
    assert await judge("From: a@broken.test") is None


async def test_who_may_bring_it_all_the_same(judge: Judge) -> None:
    assert await judge("From: a@reject.test", allowed="rule 12", client_allowed=True) is None
    assert "local_policy: rule 12 allows the host" in judge.finding.words
    assert judge.finding.value == "fail"
    for name in ("rule 13", "swl.test"):  # a rule about the sender, whom anybody can forge; a white list
        assert reply(await judge("From: a@reject.test", allowed=name)) == (550, "5.7.26")
    judge.set(exceptions=("lists.test",))
    assert await judge("From: a@reject.test", spf=spf("pass", "x-bounces@lists.test")) is None
    assert await judge("From: a@reject.test", dkim=dkim(("pass", "a.lists.test"))) is None
    assert "mailing_list: list=a.lists.test" in judge.finding.words
    assert reply(await judge("From: a@reject.test", spf=spf("fail", "x-bounces@lists.test"))) == (550, "5.7.26")
    assert reply(await judge("From: a@reject.test", spf=spf("pass", "x@notlists.test"))) == (550, "5.7.26")
    judge.set(apply=False)
    assert await judge("From: a@reject.test") is None
    assert judge.finding.value == "fail"


async def test_who_is_refused_can_write_to_the_postmaster(judge: Judge) -> None:
    for to in ("postmaster@example.org", "Abuse@example.org"):
        assert await judge("From: a@reject.test", to=to) is None
        assert judge.finding.value == "fail"
        assert "it is for the postmaster" in judge.finding.words
        assert await judge("Subject: no From", to=to) is None


def sealed(*found: str, by: str = "lists.test", value: str = "pass") -> Chain:
    """A chain of seals, with what each host found."""
    sets = [
        SimpleNamespace(sealed=SimpleNamespace(domain=by), results=SimpleNamespace(value=f"{by}; dmarc={one}".encode()))
        for one in found
    ]
    return Chain(value, "", tuple(sets))  # type: ignore[arg-type]  # no more of them is looked at


async def test_a_seal_of_nobody_we_trust_changes_nothing(judge: Judge) -> None:
    assert reply(await judge("From: a@reject.test", chain=sealed("pass"))) == (550, "5.7.26")


async def test_a_trusted_seal(judge: Judge) -> None:
    judge.settings = replace(judge.settings, arc=Arc(trusted=("lists.test",)))
    author, refused = "From: a@reject.test", (550, "5.7.26")
    assert await judge(author, chain=sealed("pass")) is None
    assert "trusted_forwarder: arc=lists.test" in judge.finding.words
    assert reply(await judge(author, chain=sealed("fail"))) == refused  # it was forged when it came there
    assert reply(await judge(author, chain=sealed("pass", value="fail"))) == refused
    assert reply(await judge(author, chain=sealed("pass", by="evil.test"))) == refused
    assert reply(await judge(author)) == refused


async def test_our_own_people_are_not_asked(judge: Judge) -> None:
    assert await judge("From: a@reject.test", peer="127.0.0.1") is None
    assert "dmarc" not in judge.mail.findings
    judge.set(enabled=False)
    assert await judge("From: a@reject.test") is None
    assert "dmarc" not in judge.mail.findings


@pytest.mark.parametrize(
    ("header", "to", "counted"),
    [
        ("From: a@reject.test", "bob@example.org", 1),
        ("From: a@watch.test", "bob@example.org", 1),
        ("From: a@quarantine.test", "bob@example.org", 0),  # nobody wants a report
        ("From: a@plain.test", "bob@example.org", 0),
        ("From: a@reject.test", "DMARC-Reports@example.org", 0),  # else two hosts report on each other's reports
    ],
)
async def test_what_is_counted_for_reports(judge: Judge, header: str, to: str, counted: int) -> None:
    await judge(header, to=to)
    assert len(judge.mail.written) == counted
    judge.set(reports=False)
    await judge(header, to=to)
    assert not judge.mail.written
