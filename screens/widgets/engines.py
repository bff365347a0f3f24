"""How the engines against viruses are, and who of ours is infected: what needs somebody stands first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from backend.management.snapshots.content import EngineRow
from backend.management.snapshots.probe import ProbeRow
from screens import figures
from screens.colours import ink
from screens.text import safe
from screens.widgets.likeness import likeness

_LONGEST = 200  # characters of what an engine says
_DOWN = {"defer": "mail waits at its senders", "pass": "mail passes without its word"}


class Engines(Static):
    """A line each; as high as it must be."""

    DEFAULT_CSS = """
    Engines { background: $surface; padding: 0 1; height: auto; max-height: 40%; }
    Engines { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._likeness: object = None

    def show(
        self,
        engines: Sequence[EngineRow] | None,
        trouble: str,
        infected: int,
        disagreed: int,
        now: str,
        probes: Sequence[ProbeRow] = (),
    ) -> None:
        """`engines` is None as long as nobody has answered, and `trouble` says why; `infected`: of ours; `probes`: the
        newest first.
        """
        lines = [_engine(one, now) for one in sorted(engines or (), key=lambda one: one.alive)]
        if engines is None:
            lines.append(Text(f"? {safe(trouble) or 'asking the engines ...'}", style=ink.muted))
        elif not engines:
            lines.append(
                Text("▲ No engine looks at mail; [antivirus] in the settings says so.", style=f"bold {ink.bad}")
            )
        down = sum(not one.alive for one in engines or ())
        lines.insert(down, _infected(infected))
        if eicar := [row for row in probes if row.what == "eicar"]:
            proof, good = _proof(eicar, now)
            lines.insert(len(lines) if good else down, proof)
        if disagreed:
            words = f"≠ The engines disagreed in {disagreed:,} alert{'' if disagreed == 1 else 's'}; e lists them."
            lines.append(Text(words, style=ink.warn))
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(lines)
        if (like := likeness(text)) != self._likeness:
            self._likeness = like
            self.update(text)


def _engine(one: EngineRow, now: str) -> Text:
    """`✓ yara works, 3d 4h old, when down: defer  YARA-X 1.23.0`; `✗ clamd is down  mail waits ...: no answer`."""
    if not one.alive:
        line = Text(f"✗ {safe(one.name, 40)} is down  ", style=f"bold {ink.bad}")
        done = _DOWN.get(one.when_down, one.when_down)
        line.append(
            f"{safe(done, 60)}: {safe(one.words, _LONGEST) or 'nobody knows why'}", style=f"not bold {ink.text}"
        )
        return line
    line = Text(f"✓ {safe(one.name, 40)} works", style=ink.good)
    if one.signatures_of:
        line.append(f", {figures.since(one.signatures_of, now)} old", style=ink.text)
    line.append(f", when down: {safe(one.when_down, 20)}", style=ink.text)
    return line.append(f"  {safe(one.version, _LONGEST)}", style=ink.muted)


def _proof(rows: Sequence[ProbeRow], now: str) -> tuple[Text, bool]:
    """The last EICAR probe of each direction, and whether all were found."""
    line, good = Text("Proof with EICAR", style=ink.muted), True
    last = {row.direction: row for row in reversed(rows)}
    for direction, one in sorted(last.items()):
        found = one.outcome == "found"
        good = good and found
        words = f"{safe(direction, 10)}: {safe(one.outcome, 20)} {figures.since(one.time, now)} ago"
        line.append(f"  {'✓' if found else '✗'} {words}", style=ink.good if found else f"bold {ink.bad}")
        line.append("" if found else f" {safe(one.words, _LONGEST)}", style=f"not bold {ink.text}")
    return line, good


def _infected(number: int) -> Text:
    if not number:
        return Text("✓ Nobody of ours who sent a virus may still send.", style=ink.good)
    who = (
        "1 of ours sent a virus and still may send" if number == 1 else f"{number:,} of ours sent viruses and still may"
    )
    return Text(f"▲ {who}; c stops whom the cursor is on.", style=f"bold {ink.bad}")
