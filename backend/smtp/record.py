"""What the trace is told of a session: refusals above all, each with time, address and reason (RFC 2505 §2.4)."""

from __future__ import annotations

from backend.policy.check import Verdict
from backend.smtp import intake, probing
from backend.smtp.reply import Reply
from backend.smtp.session import Session
from backend.store import trace
from backend.store.database import Store, Transaction


def refusal(
    store: Store, session: Session, stage: str, answer: Reply, check: str, verdict: Verdict | None = None
) -> None:
    """Something was refused or put off with `answer`, by `check`, whose verdict knows why."""
    detail: dict[str, object] = {"check": check, "reply": f"{answer.code} {answer.status} {answer.text}"}
    if verdict is not None:
        detail["reason"] = verdict.reason
        if session.mail is not None and session.mail.engines:
            detail["engines"] = session.mail.engines
        if verdict.rule is not None:
            detail["rule"] = verdict.rule
    if session.helo:
        detail["helo"] = session.helo
    if session.mail is not None and session.mail.probe is not None:
        detail["probe"] = session.mail.probe.what
    event(store, session, stage, "rejected" if answer.code >= 500 else "deferred", detail, count=True)


def event(
    store: Store, session: Session, stage: str, verdict: str, detail: dict[str, object], *, count: bool = False
) -> None:
    """One event; a message that is refused whole has one for each recipient, for each may ask where it is."""
    mail = session.mail
    sender = mail.reverse_path if mail is not None else None
    meant = [session.recipient] if stage == "rcpt" else mail.recipients if stage == "data" and mail is not None else []
    recipients = [str(one.address) for one in meant if one is not None]
    note = intake.account_of(session, over=stage == "data" and verdict == "rejected")

    def write(transaction: Transaction) -> None:
        for recipient in recipients or (None,):
            trace.add(
                transaction,
                stage,
                verdict,
                session=session.id,
                peer=str(session.peer),
                sender=sender,
                recipient=recipient,
                detail=detail,
            )
        if count:
            transaction.count("rejected")
            note(transaction)
        probing.note(transaction, mail, session.id, str(detail.get("check", "")), str(detail.get("reason", "")))

    store.record(write)
