"""One message over a connection: MAIL, RCPT, DATA in one go (RFC 2920), and a result for each recipient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

from backend.config import Settings
from backend.delivery import retry
from backend.delivery.transport import Job
from backend.smtp import stuffing
from backend.smtp.answers import Answer
from backend.smtp.client import Client, Lost
from backend.store.queue import Entry, Result

_AT_ONCE = 100  # recipients of one transaction, RFC 5321 §4.5.3.1.8


async def send(client: Client, job: Job, settings: Settings) -> list[Result]:
    """Send a message to its recipients, some at a time. Never raises for what the other host does."""
    results: list[Result] = []
    most = min(_AT_ONCE, _limit(client.extensions.get("LIMITS", ""), "RCPTMAX") or _AT_ONCE)
    for start in range(0, len(job.entries), most):
        results += await _Transaction(client, job, job.entries[start : start + most], settings).run()
    return results


def _limit(words: str, name: str) -> int:
    """A number of LIMITS (RFC 9422), 0 when it is not there."""
    for word in words.split():
        key, _, number = word.partition("=")
        if key.upper() == name and number.isdecimal():
            return int(number[:6])
    return 0


class _Transaction:
    def __init__(self, client: Client, job: Job, entries: Sequence[Entry], settings: Settings) -> None:
        self._client = client
        self._job = job
        self._entries = entries
        self._settings = settings
        self._began = time.monotonic()
        self._results: list[Result] = []
        self._done: set[int] = set()  # rows that have their result

    async def run(self) -> list[Result]:
        """The results of all entries."""
        try:
            await self._talk()
        except Lost as error:
            for entry in self._left():
                self._defer(entry, "4.4.2", str(error))
        return self._results

    async def _talk(self) -> None:
        client, extensions = self._client, self._client.extensions
        if self._needs_utf8() and "SMTPUTF8" not in extensions:
            for entry in self._left():
                self._fail(entry, "5.6.7", "The next mail host cannot take addresses in UTF-8 (no SMTPUTF8)")
            return
        commands = [self._mail(), *map(self._rcpt, self._entries), "DATA"]
        pipelining = "PIPELINING" in extensions
        answers: list[Answer] = []
        if pipelining:
            client.write("".join(f"{command}\r\n" for command in commands).encode())
        for command in commands:
            if not pipelining:
                if command == "DATA" and not any(answer.good for answer in answers[1:]):
                    break
                client.write(f"{command}\r\n".encode())
            answers.append(await client.answer())
            if not pipelining and not answers[0].good:
                break
        accepted = self._sort(answers)
        data = answers[-1] if len(answers) == len(commands) else None
        if data is not None and data.code == 354:
            await self._body(accepted)
            return
        for entry in accepted:
            self._answered(entry, data or answers[-1])
        if client.usable:
            await client.command("RSET")

    def _sort(self, answers: Sequence[Answer]) -> list[Entry]:
        """Note refusals; the entries that may have the message."""
        mail = answers[0]
        if not mail.good:
            for entry in self._left():
                self._answered(entry, mail)
            return []
        accepted = []
        for entry, answer in zip(self._entries, answers[1 : 1 + len(self._entries)], strict=False):
            if answer.good:
                accepted.append(entry)
            else:
                self._answered(entry, answer)
        return accepted

    async def _body(self, accepted: list[Entry]) -> None:
        client, body = self._client, self._job.body
        if not accepted:  # 354 without a recipient: nothing is what it gets
            client.write(b".\r\n")
            await client.answer()
            return
        before = stuffing.START
        if body.path is None:
            piece, before = stuffing.stuff(body.head + body.data, before)
            client.write(piece + stuffing.end(before))
        else:
            before = await self._stream()
            client.write(stuffing.end(before))
        await client.drain(client.times.data)
        answer = await client.answer(client.times.data)
        for entry in accepted:
            self._answered(entry, answer)

    async def _stream(self) -> bytes:
        """Send a large body as fast as the other side reads; its end. The file is read in a thread."""
        from backend.delivery.remote import threads

        loop = asyncio.get_running_loop()
        chunks: Iterator[bytes] = self._job.body.chunks()
        before = stuffing.START
        try:
            while chunk := await loop.run_in_executor(threads, next, chunks, b""):
                piece, before = stuffing.stuff(chunk, before)
                self._client.write(piece)
                await self._client.drain(self._client.times.data)
        except OSError as error:
            self._client.abort()  # half a message is not sent
            raise Lost(f"the body cannot be read here ({error.strerror})") from error
        return before

    # -- the words

    def _needs_utf8(self) -> bool:
        return self._job.envelope.smtputf8 and not (
            self._job.envelope.sender.isascii()
            and all(entry.recipient.isascii() for entry in self._entries)
            and self._job.body.start(65_536).partition(b"\r\n\r\n")[0].isascii()
        )

    def _mail(self) -> str:
        envelope, extensions = self._job.envelope, self._client.extensions
        words = [f"MAIL FROM:<{envelope.sender}>"]
        if "SIZE" in extensions:
            words.append(f"SIZE={self._job.body.size}")
        if "8BITMIME" in extensions:
            words.append("BODY=8BITMIME")
        if envelope.smtputf8 and "SMTPUTF8" in extensions:
            words.append("SMTPUTF8")
        if "DSN" in extensions:
            words += [f"RET={envelope.ret}"] if envelope.ret else []
            words += [f"ENVID={envelope.envid}"] if envelope.envid else []
        return " ".join(words)

    def _rcpt(self, entry: Entry) -> str:
        words = [f"RCPT TO:<{entry.recipient}>"]
        if "DSN" in self._client.extensions:
            words += [f"NOTIFY={entry.notify}"] if entry.notify else []
            words += [f"ORCPT={entry.orcpt}"] if entry.orcpt and entry.orcpt.isascii() else []
        return " ".join(words)

    # -- the results

    def _left(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.row not in self._done]

    def _detail(self) -> dict[str, Any]:
        detail: dict[str, Any] = {"seconds": round(time.monotonic() - self._began, 3)}
        if self._client.tls:
            detail["tls"] = self._client.tls
        return detail

    def _answered(self, entry: Entry, answer: Answer) -> None:
        client = self._client
        if answer.good:
            dsn = "DSN" in client.extensions
            self._note(retry.relayed(entry, answer.text, client.name, dsn=dsn, detail=self._detail()))
        elif answer.code >= 500:
            self._fail(entry, answer.status or "5.0.0", answer.text)
        else:
            self._defer(entry, answer.status or "4.0.0", answer.text)

    def _fail(self, entry: Entry, status: str, reply: str) -> None:
        self._note(retry.failed(entry, status, reply, self._client.name, self._detail()))

    def _defer(self, entry: Entry, status: str, reply: str) -> None:
        delivery = self._settings.delivery
        self._note(retry.deferred(entry, status, reply, delivery, time.time(), self._client.name, self._detail()))

    def _note(self, result: Result) -> None:
        if result.entry.row not in self._done:
            self._done.add(result.entry.row)
            self._results.append(result)
