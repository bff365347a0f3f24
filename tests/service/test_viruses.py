"""Viruses on the wire: a service, real clamd, YARA-X; the test files in every form, in both directions."""

from __future__ import annotations

import base64
import binascii
import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clamd import EICAR, MISSING, TEST_FILES, Clamd
from tests.harness.site import PASSWORD, Site
from tests.harness.waiting import until

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
_OUTSIDE = "127.0.0.7"
_FIELDS = b"Subject: test\r\nMIME-Version: 1.0\r\n"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with Clamd(tmp_path_factory.mktemp("clamd") / "clamd") as clamd:
        yield clamd


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, clamd: Clamd) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("viruses") / "site") as site:
        site.configure(clamd.settings + "\n[limits]\nmessages_per_ip_per_minute = 0\n[workers]\nsmtp = 1\n")
        for name in ("alice", "bob"):
            site.add_user(f"{name}@example.org")
        yield site.start()


def attached(data: bytes, *, kind: str = "application/octet-stream", name: str = "", encoding: str = "base64") -> bytes:
    named = f'; name="{name}"' if name else ""
    body = {
        "base64": lambda: base64.encodebytes(data).replace(b"\n", b"\r\n"),
        "quoted-printable": lambda: binascii.b2a_qp(data, istext=False).replace(b"\n", b"\r\n") + b"\r\n",
        "7bit": lambda: data + b"\r\n",
    }[encoding]()
    return f"Content-Type: {kind}{named}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def mixed(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return _FIELDS + head + b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def zipped(data: bytes, name: str = "file.bin") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


HELLO = attached(b"hello", kind="text/plain", encoding="7bit")
FORMS = {
    "raw": _FIELDS + b"\r\n" + EICAR + b"\r\n",
    "raw, in a part": mixed(HELLO, attached(EICAR, kind="text/plain", encoding="7bit")),
    "base64": mixed(HELLO, attached(EICAR)),
    "quoted-printable": mixed(HELLO, attached(EICAR, encoding="quoted-printable")),
    "zip": mixed(HELLO, attached(zipped(EICAR))),
    "nested zip": mixed(HELLO, attached(zipped(zipped(zipped(EICAR), "b.zip"), "a.zip"))),
    "misdeclared type": mixed(HELLO, attached(zipped(EICAR), kind="image/png", name="photo.png")),
    "no last boundary": mixed(HELLO, attached(zipped(EICAR)), end=b""),
    "a wrong boundary": mixed(HELLO, attached(zipped(EICAR))).replace(b'boundary="b"', b'boundary="x"'),
    "no encoding named": mixed(HELLO, attached(EICAR).replace(b"Content-Transfer-Encoding: base64\r\n", b"")),
}


def send(site: Site, message: bytes, direction: str, *, patience: float = 30) -> str:
    """The reply at the end of the message, from the outside in or from the inside out."""
    if direction == "in":
        with site.wire(source=_OUTSIDE, timeout=patience) as wire:
            wire.must(250, "EHLO client.test")
            return str(wire.message("ann@client.test", ["alice@example.org"], message))
    with site.wire(site.submissions, tls=True) as wire:
        wire.extensions()
        wire.log_in("bob@example.org", PASSWORD)
        return str(wire.message("bob@example.org", ["someone@remote.test"], message))


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize("form", FORMS)
def test_eicar_is_refused_in_every_form(service: Site, form: str, direction: str) -> None:
    answer = send(service, FORMS[form], direction)
    assert answer.startswith("550 5.7.1 The message is infected ("), answer


def test_clamd_alone_finds_each_form_too(own: Site) -> None:
    """Also what the message does not say that it is: the unpacker gives it that by itself."""
    antivirus(own, "yara = false")
    own.start()
    uuencoded = b"begin 644 eicar.com\r\n" + b"".join(
        binascii.b2a_uu(EICAR[at : at + 45]).rstrip(b"\n") + b"\r\n" for at in range(0, len(EICAR), 45)
    )
    more = {"uuencoded in a text": mixed(attached(b"hello\r\n" + uuencoded + b"`\r\nend\r\n", encoding="7bit"))}
    answers = {form: send(own, message, "in") for form, message in (FORMS | more).items()}
    wrong = {form: answer for form, answer in answers.items() if "infected (Eicar-Test-Signature" not in answer}
    assert wrong == {}


@pytest.mark.parametrize("direction", ["in", "out"])
def test_all_test_files_are_refused(service: Site, direction: str) -> None:
    files = sorted(TEST_FILES.iterdir()) if TEST_FILES.is_dir() else []
    assert len(files) == 44
    answers = {file.name: send(service, mixed(HELLO, attached(file.read_bytes())), direction) for file in files}
    wrong = {
        name: answer for name, answer in answers.items() if "The message is infected (ClamAV-Test-File" not in answer
    }
    assert wrong == {}


def test_what_is_clean_arrives_and_the_trace_says_what_each_engine_said(service: Site) -> None:
    answer = send(service, _FIELDS.replace(b"test", b"clean") + b"\r\nhello\r\n", "in")
    assert answer.startswith("250 ")
    story = service.cli("trace", "show", answer.split()[-1]).stdout.decode()
    assert "Viruses: yara found nothing, clamd found nothing." in story


def test_where_engines_disagree_the_one_that_found_something_counts(service: Site) -> None:
    file = (TEST_FILES / "clam.zip").read_bytes()
    assert "infected (ClamAV-Test-File" in send(service, mixed(attached(file)), "in")
    text = service.cli("trace", "find", "--json").stdout.decode()
    assert "clamd found ClamAV-Test-File.UNOFFICIAL" in text
    assert "yara found nothing" in text
    assert "they disagree" in text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.jpg", b"MZ\x90\0" + bytes(range(256)) * 2),
        ("invoice.pdf.exe", b"not even a program"),
        ("run.vbs", b'MsgBox "hello"'),
        ("invoice\u202efdp.txt", b"hello"),
    ],
)
def test_programs_are_refused_by_any_name(service: Site, name: str, data: bytes) -> None:
    encoded = f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="
    assert send(service, mixed(HELLO, attached(data, name=encoded)), "in").startswith("550 5.7.1 Files of this type")
    assert send(service, mixed(HELLO, attached(zipped(data, name))), "in").startswith("550 5.7.1 Files of this type")


def test_a_killed_a_hung_and_a_restarted_clamd_lose_nothing_and_let_nothing_through(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only clamd knows the test files: what of them is taken was not scanned."""
    infected = mixed(HELLO, attached((TEST_FILES / "clam.zip").read_bytes()))
    with Clamd(tmp_path / "clamd") as clamd, Site(tmp_path / "site") as site:
        site.configure(clamd.settings + "seconds = 2.0\n\n[limits]\nmessages_per_ip_per_minute = 0\n")
        site.add_user("alice@example.org")
        site.start()
        answers: list[tuple[bool, str, int]] = []
        stop = threading.Event()

        def load(number: int) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                bad = count % 3 == 0
                mark = f"{number}-{count}"
                clean = _FIELDS + f"X-Mark: <{mark}>\r\n\r\nhello\r\n".encode()
                answers.append((bad, send(site, infected if bad else clean, "in"), number * 1_000_000 + count))

        threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for act in (clamd.kill, clamd.start, clamd.hang, clamd.go_on, clamd.kill, clamd.start):
            before = len(answers)
            until(lambda before=before: len(answers) > before + 8, within=60)  # type: ignore[misc]
            act()
        before = len(answers)
        until(lambda: len(answers) > before + 12, within=60)
        stop.set()
        for thread in threads:
            thread.join(60)
        kinds = {(bad, answer[:9]) for bad, answer, _ in answers}
        assert kinds == {(True, "550 5.7.1"), (True, "451 4.7.1"), (False, "250 2.0.0"), (False, "451 4.7.1")}
        taken = [f"<{number // 1_000_000}-{number % 1_000_000}>" for bad, answer, number in answers if answer[0] == "2"]
        text = b"".join(site.mailboxes("alice@example.org")).decode()
        assert [mark for mark in taken if text.count(f"X-Mark: {mark}") != 1] == []
        assert text.count("X-Mark: ") == len(taken)


def test_a_bomb_and_five_thousand_attachments_stay_within_limits_while_others_go_on(service: Site) -> None:
    layer = zipped(bytes(100 * 1024 * 1024), "zeros")
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_STORED) as archive:
        for number in range(103):  # 10 GB
            archive.writestr(f"{number}.zip", layer)
    bomb = mixed(attached(many.getvalue()))
    piece = attached(bytes(range(250)) * 55)  # 97 MB in all
    crowd = mixed(*[piece] * 5_000)
    answers: dict[str, str] = {}
    heavy = [
        threading.Thread(
            target=lambda name=name, data=data: answers.update({name: send(service, data, "in", patience=300)})
        )
        for name, data in (("bomb", bomb), ("crowd", crowd))
    ]
    for thread in heavy:
        thread.start()
    small = 0
    while any(thread.is_alive() for thread in heavy):
        assert send(service, _FIELDS + b"\r\nhello\r\n", "in").startswith("250 ")
        small += 1
    assert small > 3
    assert answers["bomb"].startswith("550 5.7.1 The message holds something that cannot be looked at (bomb:"), answers
    assert answers["crowd"].startswith("250 "), answers


# -- quarantine, alerts, what happens inside


def alerts(site: Site) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = site.cli_json("virus", "list")["rows"]
    return rows


@pytest.fixture
def own(tmp_path: Path, clamd: Clamd) -> Iterator[Site]:
    """A service of the test's own, not started yet."""
    with Site(tmp_path / "site") as site:
        site.configure(clamd.settings)
        site.add_user("alice@example.org")
        site.add_user("bob@example.org")
        site.add_user("master@example.org")
        site.add_alias("postmaster@example.org", "master@example.org")
        yield site


def antivirus(site: Site, lines: str) -> None:
    """Keys of [antivirus]."""
    text = site.config.read_text()
    site.config.write_text(text.replace("[antivirus]\n", f"[antivirus]\n{lines}\n", 1))


def test_an_outbreak_is_one_alert_and_one_mail_and_the_sender_hears_nothing(own: Site) -> None:
    own.start()
    for _ in range(5):
        assert send(own, FORMS["zip"], "in").startswith("550 ")
    (alert,) = alerts(own)
    assert (alert["kind"], alert["subject"], alert["count"]) == ("incoming", "EICAR_Test_File", 5)
    (mail,) = own.inbox("master@example.org")
    assert b"Subject: [alert] Infected mail from outside" in mail
    assert own.queue() == []


@pytest.mark.parametrize("suspend", [False, True])
def test_an_account_that_sends_a_virus_is_told_of_and_suspended_when_the_site_says_so(own: Site, suspend: bool) -> None:
    antivirus(own, f"suspend = {str(suspend).lower()}")
    own.start()
    assert send(own, FORMS["base64"], "out").startswith("550 5.7.1 The message is infected")
    (alert,) = alerts(own)
    assert (alert["kind"], alert["account"]) == ("outgoing", "bob@example.org")
    assert "bob@example.org sent infected mail" in str(own.cli_json("problems"))
    (mail,) = own.inbox("master@example.org")
    assert b"bob@example.org" in mail
    states = {row["address"]: row["state"] for row in own.cli_json("user", "list")["rows"]}
    assert states["bob@example.org"] == ("suspended" if suspend else "active")


def test_quarantine_keeps_shows_deletes_and_scans_again_before_it_lets_go(own: Site) -> None:
    antivirus(own, 'infected = "quarantine"\nencrypted = "quarantine"')
    own.start()
    locked = bytearray(zipped(b"hello", "letter.txt"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.find(signature) + offset] |= 1
    assert send(own, FORMS["zip"], "in").startswith("250 ")
    assert send(own, mixed(HELLO, attached(bytes(locked), name="letter.zip")), "in").startswith("250 ")
    assert send(own, FORMS["zip"], "out").startswith("550 ")
    assert own.mailboxes("alice@example.org") == []
    rows = own.cli_json("quarantine", "list")["rows"]
    assert [(row["reason"], row["recipients"]) for row in rows] == [
        ("encrypted", ["alice@example.org"]),
        ("infected", ["alice@example.org"]),
    ]
    encrypted, infected = (row["id"] for row in rows)
    assert own.cli_json("quarantine", "show", encrypted)["text"].strip() == "hello"
    refused = own.cli("quarantine", "release", infected, "--yes", check=False)
    assert refused.returncode != 0
    assert b"found EICAR_Test_File" in refused.stderr
    own.cli("quarantine", "release", encrypted, "--yes")
    (mail,) = own.inbox("alice@example.org")
    assert b"letter.zip" in mail
    gone = own.cli_json("quarantine", "delete", infected, "--yes")
    assert own.cli_json("quarantine", "list")["rows"] == []
    own.cli("undo", gone["undo"])
    assert [row["id"] for row in own.cli_json("quarantine", "list")["rows"]] == [infected]
    actions = {row["action"] for row in own.cli_json("audit-log", "list")["rows"]}
    assert {"quarantine.show", "quarantine.release", "quarantine.delete", "undo"} <= actions


def test_scan_shows_what_every_engine_says(own: Site, tmp_path: Path) -> None:
    for name, data in (("eicar", FORMS["nested zip"]), ("clean", _FIELDS + b"\r\nhello\r\n")):
        (tmp_path / name).write_bytes(data)
    answer = own.cli_json("scan", str(tmp_path / "eicar"))
    assert {row["engine"]: row["outcome"] for row in answer["rows"]} == {"yara": "infected", "clamd": "infected"}
    answer = own.cli_json("scan", str(tmp_path / "clean"))
    assert {row["engine"]: row["outcome"] for row in answer["rows"]} == {"yara": "clean", "clamd": "clean"}
    assert answer["verdict"] == "pass"


def test_an_engine_that_may_be_missing_lets_mail_pass_marked_and_raises_an_alert(own: Site) -> None:
    text = own.config.read_text()
    own.config.write_text(re.sub('address = ".*clamd.ctl"', 'address = "/nowhere"\nwhen_down = "pass"', text))
    own.start()
    answer = send(own, _FIELDS + b"\r\nhello\r\n", "in")
    assert answer.startswith("250 ")
    assert "clamd failed" in own.cli("trace", "show", answer.split()[-1]).stdout.decode()
    (alert,) = alerts(own)
    assert (alert["kind"], alert["subject"]) == ("engine", "clamd")
    assert "The engine clamd did not look at a message" in str(own.cli_json("problems"))
    assert send(own, FORMS["zip"], "in").startswith("550 5.7.1 The message is infected (EICAR_Test_File)")


def test_the_sites_own_rules_count_as_soon_as_they_are_there(own: Site) -> None:
    own.configure("[workers]\nsmtp = 1\n[limits]\nworkshop_children = 1\n")  # one child, which has the old rules
    own.start()
    bad = _FIELDS + b"\r\nthe word is swordfish\r\n"
    assert send(own, bad, "in").startswith("250 ")
    rules = own.folder / "yara"
    rules.mkdir()
    (rules / "own.yar").write_text('rule Swordfish { strings: $a = "swordfish" condition: $a }')
    until(lambda: "Swordfish" in send(own, bad, "in"), within=20, every=0.5)
    (rules / "own.yar").write_text("rule Swordfish { this is none")
    time.sleep(2.5)
    assert "Swordfish" in send(own, bad, "in")  # the old rules stay in force
    assert send(own, _FIELDS + b"\r\nhello\r\n", "in").startswith("250 ")
    assert any("the rules are wrong" in alert["words"] for alert in alerts(own))
    assert send(own, FORMS["zip"], "in").startswith("550 5.7.1 The message is infected (EICAR_Test_File)")


def test_any_program_can_be_an_engine(tmp_path: Path) -> None:
    script = tmp_path / "engine"
    script.write_text("#!/bin/sh\nif grep -q wormhole; then echo Worm.Hole; exit 1; fi\n")
    script.chmod(0o755)
    with Site(tmp_path / "site") as site:
        site.configure(
            f'[antivirus]\nenabled = true\n\n[[antivirus.engine]]\nname = "own"\nkind = "command"\n'
            f'command = ["{script}"]\n'
        )
        site.add_user("alice@example.org")
        site.start()
        assert send(site, _FIELDS + b"\r\nhello\r\n", "in").startswith("250 ")
        answer = send(site, _FIELDS + b"\r\na wormhole\r\n", "in")
        assert answer.startswith("550 5.7.1 The message is infected (Worm.Hole)"), answer
        script.write_text("#!/bin/sh\nexit 7\n")
        assert send(site, _FIELDS + b"\r\nhello\r\n", "in").startswith("451 4.7.1 ")
