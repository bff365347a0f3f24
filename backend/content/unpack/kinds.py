"""What bytes are, by what they begin with. A sender's word is only asked where the content does not say."""

from __future__ import annotations

import re

_LOOKED_AT = 4_096  # bytes
_HTML = re.compile(rb"<(?:!doctype html|html|head|body|script|table|meta)\b", re.IGNORECASE)
_BEGINNINGS = (
    (b"MZ", "application/x-dosexec"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rt", "application/rtf"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"ITSF", "application/vnd.ms-htmlhelp"),
    (b"#!", "text/x-script"),
    (b"\x89PNG\r\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_TAR = slice(257, 262)
PROGRAMS = {
    "application/x-dosexec",
    "application/x-elf",
    "application/java-vm",
    "application/x-mach-binary",
    "application/x-ms-shortcut",
}


def kind(data: bytes, declared: str = "") -> str:
    """The media type of the content. `declared` decides between kinds of text."""
    for beginning, name in _BEGINNINGS:
        if data.startswith(beginning) and not (name == "application/x-dosexec" and not _program(data)):
            return name
    if data[_TAR] == b"ustar":
        return "application/x-tar"
    start = data[:_LOOKED_AT]
    if b"%PDF-" in start[:1_024]:
        return "application/pdf"
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "application/octet-stream"
    if declared == "text/html" or _HTML.search(start):
        return "text/html"
    return "text/plain" if not declared or declared.startswith("text/") or _readable(start) else declared


def _program(data: bytes) -> bool:
    """Whether what begins with MZ is a program: a text may begin so too."""
    return len(data) >= 64 and not _readable(data[:64])


def _readable(start: bytes) -> bool:
    return not start.translate(None, bytes({*range(32, 127), 9, 10, 12, 13}))
