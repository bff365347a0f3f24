"""Colours, out of the 256 that every terminal has, and what they mean.

`ink` is the palette in force: read it when you draw (`ink.muted`), never at import, for a key changes it. No state is
said by its colour alone: a word or a sign stands beside it, for those who see no colours or have none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

_MEANINGS = {
    **dict.fromkeys(("accepted", "delivered", "relayed", "released", "active", "running", "done", "good"), "good"),
    **dict.fromkeys(("forwarded", "sent", "right", "pass"), "good"),
    **dict.fromkeys(("deferred", "waiting", "delayed", "locked", "must change", "warning"), "warn"),
    **dict.fromkeys(("weak", "quarantine"), "warn"),
    **dict.fromkeys(("wrong", "missing", "fail", "reject"), "bad"),
    **dict.fromkeys(
        ("rejected", "refused", "closed", "failed", "bounced", "deleted", "suspended", "denied", "error"), "bad"
    ),
    "held": "held",
    "new": "new",
}


@dataclass(slots=True)
class Palette:
    """One colour for each thing that is to be told apart."""

    dark: bool
    ground: str
    card: str
    raised: str
    text: str
    muted: str
    faint: str
    primary: str
    accent: str
    good: str
    warn: str
    bad: str
    new: str
    held: str

    def of(self, word: str) -> str:
        """The colour of a state or a verdict; that of text for a word that means nothing here."""
        found: str = getattr(self, _MEANINGS.get(word, "text"))
        return found

    @property
    def heading(self) -> str:
        """The style of a heading."""
        return f"bold {self.primary}"


THEMES = {
    "dark": Palette(
        dark=True, ground="#121212", card="#1c1c1c", raised="#303030",
        text="#d0d0d0", muted="#8a8a8a", faint="#585858", primary="#5fafd7", accent="#d7af5f",
        good="#87af5f", warn="#d7af5f", bad="#d75f5f", new="#87d7d7", held="#af87d7",
    ),
    "light": Palette(
        dark=False, ground="#ffffff", card="#eeeeee", raised="#dadada",
        text="#1c1c1c", muted="#5f5f5f", faint="#949494", primary="#005f87", accent="#875f00",
        good="#005f00", warn="#875f00", bad="#af0000", new="#005f5f", held="#5f00af",
    ),
    "contrast": Palette(
        dark=True, ground="#000000", card="#080808", raised="#303030",
        text="#ffffff", muted="#d0d0d0", faint="#a8a8a8", primary="#5fd7ff", accent="#ffff00",
        good="#5fff5f", warn="#ffd700", bad="#ff8787", new="#5fffff", held="#d7afff",
    ),
}  # fmt: skip
ink = replace(THEMES["dark"])


def use(name: str) -> None:
    """Draw with the palette of that name from now on."""
    for field in fields(Palette):
        setattr(ink, field.name, getattr(THEMES[name], field.name))
