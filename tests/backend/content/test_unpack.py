"""Unpacking: what is in a message is found however it is packed, and what is broken or a bomb is said."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.content.unpack.message import unpack
from backend.content.unpack.office import decompress
from backend.content.unpacked import Unpacked
from backend.limits import Limits

LIMITS = Limits()
SECRET = b"the needle that must be found, 0123456789" * 3


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def part(content: bytes, *fields: str, encoding: str = "base64") -> bytes:
    body = base64.encodebytes(content).replace(b"\n", b"\r\n") if encoding == "base64" else content
    head = "".join(f"{field}\r\n" for field in (*fields, f"Content-Transfer-Encoding: {encoding}"))
    return head.encode() + b"\r\n" + body


def mixed(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    head = b'Subject: test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"".join(b"--b\r\n" + one + b"\r\n" for one in parts) + end


def found(unpacked: Unpacked) -> bool:
    return any(SECRET in piece.data for piece in unpacked.pieces)


ZIP = zipped("a.txt", SECRET)
ATTACHED = "Content-Type: application/octet-stream"
UU = b"begin 644 a.bin\n" + b"".join(binascii.b2a_uu(SECRET[i : i + 45]) for i in range(0, len(SECRET), 45)) + b"end\n"

# Made by py7zr: first.txt, and SECRET as dir/second.exe; in aes it is a.txt, and the password is x.
SEVEN = {
    "lzma2": (
        "N3q8ryccAAQqaV+LuQAAAAAAAAAVAAAAAAAAAOyw7bDgAH8ANF0AMxpKrAx9Pyr1aBktAy1sNr0Dd0vMeEPyDAB18QHCrrf71vcw"
        "PULoQrPvXpwNDbGoMC8AAADgAIoAdV0AAIEzB64P0bZyEKCKabC54UquoYjvQYSvsjxe4ytaf3txv9Iu8iJmzBMMTs5KSxi1zKyf"
        "6oSZhhy3bC7BVzOgOTLDT7TLVVWjZuu2HJDZb/V8eMGxgIWDSBSgazmXB5BH1Hf/78Zc1xi0UR8VV9Kj2NI4AAAAABcGPAEJfQAH"
        "CwEAASEhARgMgIsAAA=="
    ),
    "lzma": (
        "N3q8ryccAATcbVusuQAAAAAAAAAVAAAAAAAAAJyekaoAMxpKrAx9Pyr1aBktAy1sNr0Dd0vMeEPyDAB18QHCrrf71vcwPULoQrPv"
        "XpwNDbGoP0PNP//28QQA4ACKAHddAACBMweuD9GYLRigkKB3sP6Th+GqHydqLVxsheeWpluV0trvwC620zXWcpaC3AOW2833AB3x"
        "A2HkU2hBq73GKaIS2zt9EiQ6DnlLfSW7f4t7h6WpoeAFRbdU22N4ficiONxVZnTs88JAhgA2ilC/oX+/7fxAAAAAABcGOgEJfwAH"
        "CwEAASEhARgMgIsAAA=="
    ),
    "bzip2": (
        "N3q8ryccAAQrjzcA1gAAAAAAAAAUAAAAAAAAACXkofxCWmg5MUFZJlNZTCNa/wAAJxmAQAR/4DdnngAgAFRX6qPUZMmAhoehn/qp"
        "GgaBoAEHqaCFCaKtYtXL0mDFk2SdMmyLlUiXaWYd3EFNBDCH6nw0ex+yimRdyRThQkEwjWv84AB+AG1dAACBMweuD9Ocyz1AwJDO"
        "5ct29lN97ZK61ZhdZ9n/mWs0WBMUIGSPh1jKUixJGdwBqj3mqIHmiRg6ltOG2ObivMTh1LekdhJmQNHzmvdRjyVTk8FjftP13l2N"
        "SeiOR2E7VSPj6wDKiUGH1UAAAAAAFwZhAQl1AAcLAQABISEBGAx/AAA="
    ),
    "deflate": (
        "N3q8ryccAASNkNZCpgAAAAAAAAAUAAAAAAAAANfO8jtLyywqLinJSFXIS01NyUlVKMlILFHILS0uUUhKVUjLL81L0VEwMDQyNjE1"
        "M7ewpL5CAOAAfgBsXQAAgTMHrg/RHxk0oJCgckPUWaivSaFL5m+aExOz5zyfs09X3HS3VcHThKFAkw2Y9r3EczydsYL/CAsIx0K1"
        "5w3Fhs1duEbeQw1kWivg0QU8ZVYVPq2w94DbK7A+8nsBzcGl7xqj8gN18AAAAAAAFwYyAQl0AAcLAQABISEBGAx/AAA="
    ),
    "bcj": (
        "N3q8ryccAAQqaV+LuQAAAAAAAAAVAAAAAAAAAOyw7bDgAH8ANF0AMxpKrAx9Pyr1aBktAy1sNr0Dd0vMeEPyDAB18QHCrrf71vcw"
        "PULoQrPvXpwNDbGoMC8AAADgAIoAdV0AAIEzB64P0bZyEKCKabC54UquoYjvQYSvsjxe4ytaf3txv9Iu8iJmzBMMTs5KSxi1zKyf"
        "6oSZhhy3bC7BVzOgOTLDT7TLVVWjZuu2HJDZb/V8eMGxgIWDSBSgcN+oRYQgMJyf55xf7p30FnkmhOgR0z0QAAAAABcGPAEJfQAH"
        "CwEAASEhARgMgIsAAA=="
    ),
    "copy": (
        "N3q8ryccAARKZHeI9QAAAAAAAAAWAAAAAAAAANO3HJxmaXJzdHRoZSBuZWVkbGUgdGhhdCBtdXN0IGJlIGZvdW5kLCAwMTIzNDU2"
        "Nzg5dGhlIG5lZWRsZSB0aGF0IG11c3QgYmUgZm91bmQsIDAxMjM0NTY3ODl0aGUgbmVlZGxlIHRoYXQgbXVzdCBiZSBmb3VuZCwg"
        "MDEyMzQ1Njc4OeAAggBtXQAAgTMHrg/VNSexaT5tFJA9nu/D6y1n90cwekE99dxKLQQxOJwPoONlgQ2Y641m4c92HR1OtwD4uJXQ"
        "WY8/P7LNsOcPrGaHQc2/XJOlYWI4PKAD1MyOIv2OljBoTuTkzQp23P+hkdamDW69AAAAABcGgIABCXUABwsBAAEhIQEYDICDAAA="
    ),
    "aes": (
        "N3q8ryccAATcuvgcqQAAAAAAAAAUAAAAAAAAAPn6k14hrTX1TuvEejXuTYbgL6baL7CoXx9Z+2KIm1bAWuKJWIfNzZ3wlTAug3s2"
        "UvHgLc0GyXW9hURZocTNzFBbOmBAAQBkAQQGAAEJQAoBX3BF9QAHCwEAAiQG8QcBElMPY85TTaBjrKckjLfpv/K1piEhARgBAAw3"
        "ewAICgGEFWBhAAAFARENAGEALgB0AHgAdAAAABQKAQBwOzymbXzdARUGAQAggICBAAAAFwZAAQlpAAcLAQABISEBGAxlAAA="
    ),
}


@pytest.mark.parametrize(
    "message",
    {
        "plain": b"Subject: x\r\n\r\n" + SECRET,
        "no header": b"\r\n" + SECRET,
        "base64": part(SECRET, ATTACHED),
        "quoted-printable": part(binascii.b2a_qp(SECRET), ATTACHED, encoding="quoted-printable"),
        "base64 with rubbish between": part(
            base64.b64encode(SECRET).replace(b"I", b"I!\r\n "), ATTACHED, encoding="BASE64 "
        ).replace(b"BASE64 \r\n\r\n", b"BASE64\r\n\r\n"),
        "base64 that nobody announces": b"Subject: x\r\n\r\n" + base64.encodebytes(SECRET).replace(b"\n", b"\r\n"),
        "uuencoded": b"Subject: x\r\n\r\nHello\r\n" + UU.replace(b"\n", b"\r\n"),
        "in a part": mixed(part(b"hello", ATTACHED), part(SECRET, ATTACHED)),
        "no end": mixed(part(SECRET, ATTACHED), end=b""),
        "a wrong boundary": mixed(part(SECRET, ATTACHED)).replace(b'boundary="b"', b'boundary="other"'),
        "no boundary": mixed(part(SECRET, ATTACHED)).replace(b'; boundary="b"', b""),
        "before the first part": mixed(b"x").replace(b"\r\n\r\n--b", b"\r\n\r\n" + SECRET + b"\r\n--b", 1),
        "behind the last part": mixed(part(b"x", ATTACHED)) + SECRET,
        "a message in a message": mixed(b"Content-Type: message/rfc822\r\n\r\n" + mixed(part(SECRET, ATTACHED))),
        "zip": part(ZIP, ATTACHED),
        "zip called a picture": part(ZIP, 'Content-Type: image/png; name="a.png"'),
        "zip in zip in zip": part(zipped("b.zip", zipped("c.zip", ZIP)), ATTACHED),
        "zip behind a program": part(b"MZ\x90\0" + bytes(range(256)) + ZIP, ATTACHED),
        "gzip": part(gzip.compress(SECRET), ATTACHED),
        "the second of two gzips": part(gzip.compress(b"first") + gzip.compress(SECRET), ATTACHED),
        "bzip2": part(bz2.compress(SECRET), ATTACHED),
        "xz": part(lzma.compress(SECRET), ATTACHED),
        "tar": part(tarred("a", SECRET), ATTACHED),
        "tar.gz in zip": part(zipped("x", gzip.compress(tarred("a", SECRET))), ATTACHED),
        "a mail in a zip": part(zipped("a.eml", b"From: a@b.example\r\n" + part(SECRET, ATTACHED)), ATTACHED),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_it_is_found(message: tuple[str, bytes]) -> None:
    assert found(unpack(message[1], LIMITS))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ('Content-Disposition: attachment; filename="a b.pdf"', "a b.pdf"),
        ("Content-Type: x/y; name=a.pdf", "a.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?B?w6QucGRm?="', "ä.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf", "ä.pdf"),
        ("Content-Disposition: attachment; filename*1=.exe; filename*0=invoice.pdf", "invoice.pdf.exe"),
        ("Content-Disposition: attachment;\r\n\tfilename*0*=iso-8859-1'en'%E4;\r\n\tfilename*1=.scr", "ä.scr"),
        ('Content-Disposition: attachment; filename="a\\"b.exe"', 'a"b.exe'),
    ],
)
def test_names_are_decoded(fields: str, name: str) -> None:
    (piece,) = unpack(part(b"x", fields), LIMITS).pieces
    assert piece.name == name


def test_html_becomes_text() -> None:
    message = b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<html><p>Gr\xfc\xdfe <b>an</b> alle</p></html>"
    (piece,) = unpack(message, LIMITS).pieces
    assert (piece.kind, piece.text) == ("text/html", "Grüße an alle")


def test_an_encrypted_member_is_said() -> None:
    data = bytearray(ZIP)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    troubles = unpack(part(bytes(data), ATTACHED), LIMITS).troubles
    assert [trouble.kind for trouble in troubles] == ["encrypted"]


def test_a_zip_bomb_is_a_verdict() -> None:
    bomb = zipped("zeros", bytes(64 * 1024 * 1024))
    unpacked = unpack(part(bomb, ATTACHED), LIMITS)
    assert [trouble.kind for trouble in unpacked.troubles] == ["bomb"]
    assert sum(len(piece.data) for piece in unpacked.pieces) < 2 * len(bomb)


def test_the_number_of_pieces_has_a_limit() -> None:
    message = mixed(*[part(b"x", ATTACHED)] * 6)
    assert unpack(message, replace(LIMITS, unpack_pieces=6)).troubles == ()
    assert [t.kind for t in unpack(message, replace(LIMITS, unpack_pieces=5)).troubles] == ["too many"]


def test_the_bytes_in_all_have_a_limit() -> None:
    message = part(zipped("a", b"0123456789"), ATTACHED)
    size = sum(len(piece.data) for piece in unpack(message, LIMITS).pieces)
    assert unpack(message, replace(LIMITS, unpack_bytes=size)).troubles == ()
    assert [t.kind for t in unpack(message, replace(LIMITS, unpack_bytes=size - 1)).troubles] == ["too large"]


def test_the_depth_has_a_limit() -> None:
    packed = SECRET
    for _ in range(3):
        packed = zipped("x", packed)
    message = part(packed, ATTACHED)
    assert unpack(message, replace(LIMITS, unpack_depth=3)).troubles == ()
    assert [t.kind for t in unpack(message, replace(LIMITS, unpack_depth=2)).troubles] == ["too deep"]


def test_the_time_has_a_limit() -> None:
    assert [t.kind for t in unpack(part(ZIP, ATTACHED), replace(LIMITS, unpack_seconds=0)).troubles] == ["time"]


def test_the_source_of_a_macro_is_unpacked() -> None:
    """The example of MS-OVBA §3.2.2."""
    packed = bytes.fromhex(
        "012fb000236161616263646582660070616768696a013808616b6c00306d6e6f700671027004107273747576107778797a003c"
    )
    assert decompress(packed) == b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"


@pytest.mark.parametrize("way", [way for way in SEVEN if way != "aes"])
def test_a_7z_archive_is_opened(way: str) -> None:
    unpacked = unpack(part(base64.b64decode(SEVEN[way]), ATTACHED), LIMITS)
    assert [(piece.name, piece.data) for piece in unpacked.pieces[1:]] == [
        ("first.txt", b"first"),
        ("dir/second.exe", SECRET),
    ]
    assert unpacked.troubles == ()


def test_an_encrypted_7z_archive_is_said() -> None:
    troubles = unpack(part(base64.b64decode(SEVEN["aes"]), ATTACHED), LIMITS).troubles
    assert [trouble.kind for trouble in troubles] == ["encrypted"]


def test_names_in_a_rar_archive_are_listed() -> None:
    name = b"run.exe"
    body = bytes([2, 2, 0, 0, 0, 0, 0, 0, len(name)]) + name  # kind, flags, packed 0, file flags, size, attributes, ...
    data = b"Rar!\x1a\x07\x01\x00" + struct.pack("<I", 0) + bytes([len(body)]) + body
    unpacked = unpack(part(data, ATTACHED), LIMITS)
    assert [piece.name for piece in unpacked.pieces] == ["", "run.exe"]


SHARDS = st.lists(
    st.sampled_from(
        [
            b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"--b\r\n", b"--b--",
            b"\r\n", b"\r\n\r\n", b"--b", b"Content-Transfer-Encoding: base64\r\n", base64.b64encode(ZIP), ZIP,
            b"Content-Transfer-Encoding: quoted-printable\r\n", b"=?utf-8?B?", b"begin 644 x\r\n", b"end\r\n",
            b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c", gzip.compress(SECRET), b"BZh9",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), tarred("a", b"x"), b'; n="', b"filename*0*=", b"\0\xff",
        ]
    )
    | st.binary(max_size=200),
    max_size=30,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SHARDS)
def test_nothing_that_comes_makes_it_fall(shards: list[bytes]) -> None:
    unpacked = unpack(b"".join(shards), LIMITS)
    assert unpacked.size == sum(map(len, shards))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([ZIP, tarred("a", SECRET), gzip.compress(SECRET), *map(base64.b64decode, SEVEN.values())]),
    st.data(),
)
def test_no_broken_archive_makes_it_fall(archive: bytes, data: st.DataObject) -> None:
    broken = bytearray(archive)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    unpacked = unpack(part(bytes(broken), ATTACHED), LIMITS)
    assert unpacked.pieces[0].data == broken
