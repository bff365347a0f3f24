"""The settings: what is in force, from where, and what a reload would change."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Any

from backend import clock, config, settings_file, site
from backend.errors import BadInput, MailError, Temporary
from backend.management.registry import Call, Change, action
from backend.management.roles import AUDITOR, POSTMASTER
from backend.management.snapshots.settings import Reloaded, SettingRow, SettingsPage
from backend.store import overrides
from backend.store.overrides import Override

_ONLY = ("set", "pending")
_HELP = re.compile(r"(?m)^(?:\[{1,2}(?P<section>[\w.]+)\]{1,2}|(?:# )?(?P<key>\w+) = .*?  # (?P<help>.+))$")


@action("settings.list", roles=(POSTMASTER, AUDITOR))
def settings_list(
    call: Call,
    part: Annotated[str, "only keys with this in their name or help", "place"] = "",
    only: Annotated[str | None, "set: what the file sets; pending: what a reload would change"] = None,
    limit: Annotated[int, "how many at the most"] = 1_000,
    offset: Annotated[int, "how many to pass over"] = 0,
) -> SettingsPage:
    """Show what is in force, from which line of the file, and what a reload would change."""
    if only not in (None, *_ONLY):
        raise BadInput(f"only is one of {', '.join(_ONLY)}.")
    if not 1 <= limit <= 1_000 or offset < 0:
        raise BadInput("limit is 1 to 1000, and offset not below 0.")
    here = {one.key: one for one in call.store.read(overrides.every)}
    rows, trouble = _rows(call.settings, here)
    fit = [
        row
        for row in rows
        if (part.lower() in row.key or part.lower() in row.help.lower())
        and (only != "set" or row.line is not None or row.author is not None)
        and (only != "pending" or row.pending is not None)
    ]
    page = tuple(fit[offset : offset + limit])
    return SettingsPage(page, len(fit), offset, str(call.settings.path), trouble)


@action("settings.reload", roles=(), changes=True, dangerous=True, key="R")
def settings_reload(call: Call) -> Reloaded:
    """Make the service use the file as it is now; what needs a restart waits for one."""
    new = settings_file.load(call.settings.path)  # BadInput with its line, when it is wrong
    different = settings_file.differences(call.settings, new)
    now = tuple(key for key, _, _ in different if key not in settings_file.NEEDS_RESTART)
    later = tuple(key for key, _, _ in different if key in settings_file.NEEDS_RESTART)
    done = Reloaded(now, later)
    before = {key: _text(old) for key, old, _ in different}
    after = {key: _text(value) for key, _, value in different}
    answer: Reloaded = call.change(lambda _: Change(done, before, after))
    _signal(call.settings)
    return answer


def pending(settings: config.Settings) -> tuple[tuple[str, ...], str]:
    """The keys that a reload or a restart would change, and why the file could not be loaded; empty when it could."""
    try:
        new = settings_file.load(settings.path)
    except MailError as error:
        return (), str(error)
    return tuple(key for key, _, _ in settings_file.differences(settings, new)), ""


def _signal(settings: config.Settings) -> None:
    """Tell the supervisor; Temporary when there is none."""
    try:
        number = int((settings.site.run / "service.lock").read_text())
        os.kill(number, signal.SIGHUP)
    except (OSError, ValueError):
        raise Temporary(
            "The service does not run, so there is nobody to reload; it reads the file at its start."
        ) from None


def _rows(settings: config.Settings, here: Mapping[str, Override]) -> tuple[list[SettingRow], str]:
    lines: dict[str, int] = {}
    new: dict[str, Any] = {}
    trouble = ""
    try:
        new = dict(settings_file.values(settings_file.load(settings.path)))
        lines = settings_file.sources(settings.path)
    except MailError as error:
        trouble = str(error)
    defaults, words = dict(settings_file.values(config.Settings())), _help()
    rows = []
    for key, value in settings_file.values(settings):
        other = new.get(key, value)
        row = SettingRow(
            key=key,
            value=_text(value),
            default=_text(defaults[key]),
            line=lines.get(key),
            pending=None if other == value else _text(other),
            restart=key in settings_file.NEEDS_RESTART,
            help=words.get(key, ""),
        )
        rows.append(_over(row, here[key]) if key in here else row)
    return rows, trouble


def _over(row: SettingRow, here: Override) -> SettingRow:
    """A setting that was set here: the file has no say in it."""
    since = clock.rfc3339(here.time)
    return replace(row, value=here.value, author=here.author, since=since, file=row.pending or row.value, pending=None)


@cache
def _help() -> dict[str, str]:
    """What the shipped file says of each key."""
    found, section = {}, ""
    for match in _HELP.finditer(site.shipped(site.SETTINGS).read_text("utf-8")):
        if match["section"]:
            section = match["section"]
        else:
            found[f"{section}.{match['key']}"] = match["help"]
    return found


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(map(_text, value))
        case None:
            return ""
    return str(value)
