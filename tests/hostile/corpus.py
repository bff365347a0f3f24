"""Hostile text, as it comes in subjects, senders, HELO names, DNS answers, vacation texts and file names."""

from __future__ import annotations

import re

CORPUS = {
    "clear screen": "\x1b[2J\x1b[H you have been cleared",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "hyperlink": "\x1b]8;;http://evil.test/\x1b\\click\x1b]8;;\x1b\\",
    "answer back": '\x05\x1b[c\x1b[6n\x1bP$q"p\x1b\\',
    "C1": "\x9b31mred\x9d0;title\x9c\x90q\x9c",
    "carriage return": "harmless\rhidden\b\b\b\x7f",
    "shift out": "\x0e box \x0f",
    "bidi": "\u202egpj.exe\u202c \u2066over\u2069 \u061c",
    "zero width": "pay\u200bpal\u200c.\u200d\u2060\ufeff com",
    "combining": "Z" + "\u0336\u0489\u0300" * 400,
    "tags": "flag \U000e0041\U000e0042\U000e007f",
    "markup": "Re: [/nope] [bold]x[/bold] [@click=app.quit]here[/] [link=http://evil.test]y",
    "separators": "line\u2028paragraph\u2029next\x85\x0b\x0c",
    "not characters": "\ufffe\uffff\U0010ffff\ue000",
    "long": "A" * 1_000_000,
    "wide": "\uff21\u3042\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50,
    "format": "{0} %s %n ${HOME} `id` $(id) \\x1b[31m",
}
# What a terminal obeys, and what makes text look like other text. Spaces that are shown as spaces are none of it.
_FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u061c\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def dirt(text: str) -> str:
    """The first thing in `text` that must not reach a terminal, with what stands around it; empty when it is clean."""
    found = _FORBIDDEN.search(text)
    return repr(text[max(0, found.start() - 40) : found.end() + 40]) if found else ""


def test_the_corpus_is_hostile() -> None:
    assert sum(bool(dirt(text)) for text in CORPUS.values()) >= 12
