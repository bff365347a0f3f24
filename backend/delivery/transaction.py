"""One message over a connection: MAIL, RCPT, DATA in one go (RFC 2920), and a result for each recipient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from backend.config import Settings
from backend.content import seven_bit
from backend.delivery import retry
from backend.delivery.transport import Job
from backend.smtp import stuffing
from backend.smtp.answers import Answer
from backend.smtp.client import Client, Lost
from backend.store.bodies import Body
from backend.store.messages import TLS_REQUIRED
from backend.store.queue import Entry, Result

_AT_ONCE = 100  # recipients of one transaction, RFC 5321 §4.5.3.1.8
_CONVERTED = 16 * 1024 * 1024  # bytes of a message that is converted: it is in memory then, twice
_HEADER = 65_536  # bytes in which the header section is looked for

threads = ThreadPoolExecutor(4, thread_name_prefix="bodies")  # disk reads of large messages


async def send(client: Client, job: Job, settings: Settings) -> list[Result]:
    """Send a message to its recipients, some at a time. Never raises for what the other host does."""
    results: list[Result] = []
    most = min(_AT_ONCE, limit(client, "RCPTMAX") or _AT_ONCE)
    waiting = list(job.entries)
    while waiting:
        transaction = _Transaction(client, job, waiting[:most], settings)
        results += await transaction.run()
        waiting = [*transaction.another, *waiting[most:]]
    return results


def limit(client: Client, name: str) -> int:
    """A number of LIMITS (RFC 9422), 0 when the host says none."""
    for word in client.extensions.get("LIMITS", "").split():
        key, _, number = word.partition("=")
        if key.upper() == name and number.isdecimal():
            return int(number[:6])
    return 0


def _seven_bits(body: Body) -> Body:
    """The body as 7-bit, itself when it is that already. Blocks; Unconvertible, OSError."""
    if all(chunk.isascii() for chunk in body.chunks()):
        return body
    if body.size > _CONVERTED:
        raise seven_bit.Unconvertible(f"it has more than {_CONVERTED:,} bytes")
    data = seven_bit.convert(body.whole())
    return Body(size=len(data), data=data)


class _Transaction:
    def __init__(self, client: Client, job: Job, entries: Sequence[Entry], settings: Settings) -> None:
        self.another: list[Entry] = []  # for whom the host wants another transaction
        self._client = client
        self._job = job
        self._entries = entries
        self._settings = settings
        self._began = time.monotonic()
        self._results: list[Result] = []

    async def run(self) -> list[Result]:
        """The results of all entries but those in `another`."""
        try:
            await self._talk()
        except Lost as error:
            self.another = []
            known = {result.entry.row for result in self._results}
            for entry in self._entries:
                if entry.row not in known:
                    self._defer(entry, "4.4.2", str(error))
        return self._results

    async def _talk(self) -> None:
        client = self._client
        if self._needs_utf8() and "SMTPUTF8" not in client.extensions:
            for entry in self._entries:
                self._fail(entry, "5.6.7", "The next mail host cannot take addresses in UTF-8 (no SMTPUTF8)")
            return
        if self._job.envelope.tls == TLS_REQUIRED and not (client.verified and "REQUIRETLS" in client.extensions):
            for entry in self._entries:  # a connection that is not for such mail: cannot be, and must not be
                self._fail(entry, "5.7.30", "The next mail host does not keep to REQUIRETLS (RFC 8689)")
            return
        if "8BITMIME" not in client.extensions and not await self._fits_seven_bits():
            return
        if "PIPELINING" in client.extensions:
            answers = await self._in_one_go()
        else:
            answers = await self._one_by_one()
        accepted = self._sort(answers)
        data = answers[len(self._entries) + 1] if len(answers) == len(self._entries) + 2 else None
        if data is not None and data.code == 354:
            await self._body(accepted)
            return
        if data is not None:
            for entry in accepted:
                self._answered(entry, data)
        if client.usable:
            await client.command("RSET")

    async def _fits_seven_bits(self) -> bool:
        """See to it that a host without 8BITMIME gets nothing else (RFC 6152 §3); whether that can be done."""
        loop, body = asyncio.get_running_loop(), self._job.body
        try:
            converted = await loop.run_in_executor(threads, _seven_bits, body)
        except OSError as error:
            raise Lost(f"the body cannot be read here ({error.strerror})") from error
        except seven_bit.Unconvertible as error:
            for entry in self._entries:
                self._fail(entry, "5.6.3", f"The next mail host takes no 8-bit content, and {error}")
            return False
        if converted is not body:
            self._job = replace(self._job, body=converted)
        return True

    async def _in_one_go(self) -> list[Answer]:
        commands = [self._mail(), *map(self._rcpt, self._entries), "DATA"]
        self._client.write("".join(f"{command}\r\n" for command in commands).encode())
        return [await self._client.answer() for _ in commands]

    async def _one_by_one(self) -> list[Answer]:
        """The answers up to the one that makes the rest useless."""
        command = self._client.command
        answers = [await command(self._mail())]
        if answers[0].good:
            answers += [await command(self._rcpt(entry)) for entry in self._entries]
        if any(answer.good for answer in answers[1:]):
            answers.append(await command("DATA"))
        return answers

    def _sort(self, answers: Sequence[Answer]) -> list[Entry]:
        """Note refusals; the entries that may have the message."""
        if not answers[0].good:
            for entry in self._entries:
                self._answered(entry, answers[0])
            return []
        told = list(zip(self._entries, answers[1:], strict=False))
        accepted = [entry for entry, answer in told if answer.good]
        for entry, answer in told:
            if answer.code in (452, 552) and accepted:  # too many for one transaction, RFC 5321 §4.5.3.1.10
                self.another.append(entry)
            elif not answer.good:
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
            self._answered(entry, answer, final=True)

    async def _stream(self) -> bytes:
        """Send a large body as fast as the other side reads; its end. The file is read in a thread."""
        client, loop = self._client, asyncio.get_running_loop()
        chunks = self._job.body.chunks()
        before = stuffing.START
        try:
            while chunk := await loop.run_in_executor(threads, next, chunks, b""):
                piece, before = stuffing.stuff(chunk, before)
                client.write(piece)
                await client.drain(client.times.data)
        except OSError as error:
            client.abort()  # half a message is not sent
            raise Lost(f"the body cannot be read here ({error.strerror})") from error
        return before

    # -- the words

    def _needs_utf8(self) -> bool:
        """Whether SMTPUTF8 must be said: for an address, or for a header section in UTF-8 (RFC 6531 §3.4)."""
        if not all(map(str.isascii, (self._entries[0].reverse_path, *(entry.recipient for entry in self._entries)))):
            return True
        return self._job.envelope.smtputf8 and not self._job.body.start(_HEADER).partition(b"\r\n\r\n")[0].isascii()

    def _mail(self) -> str:
        envelope, extensions = self._job.envelope, self._client.extensions
        words = [f"MAIL FROM:<{self._entries[0].reverse_path}>"]
        if "SIZE" in extensions:
            words.append(f"SIZE={self._job.body.size}")
        if "8BITMIME" in extensions:
            words.append("BODY=8BITMIME")
        if envelope.tls == TLS_REQUIRED:
            words.append("REQUIRETLS")
        if "SMTPUTF8" in extensions and (envelope.smtputf8 or self._needs_utf8()):
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

    def _detail(self) -> dict[str, Any]:
        detail: dict[str, Any] = {"seconds": round(time.monotonic() - self._began, 3)}
        detail["trust"] = self._client.trust
        if self._client.tls:
            detail["tls"] = self._client.tls
        return detail

    def _answered(self, entry: Entry, answer: Answer, *, final: bool = False) -> None:
        """The result that an answer means. Only the `final` one, after the dot, can say that a message was taken."""
        client = self._client
        if answer.good and final:
            dsn = "DSN" in client.extensions
            self._results.append(retry.relayed(entry, answer.text, client.name, dsn=dsn, detail=self._detail()))
        elif answer.code >= 500:
            self._fail(entry, answer.status or "5.0.0", answer.text)
        else:
            self._defer(entry, answer.status if answer.status[:1] == "4" else "4.5.0", answer.text)

    def _fail(self, entry: Entry, status: str, reply: str) -> None:
        self._results.append(retry.failed(entry, status, reply, self._client.name, self._detail()))

    def _defer(self, entry: Entry, status: str, reply: str) -> None:
        delivery = self._settings.delivery
        detail = self._detail()
        self._results.append(retry.deferred(entry, status, reply, delivery, time.time(), self._client.name, detail))
