"""A password of one's own: asked for before anything else when one came with a one-time password."""

from __future__ import annotations

from textual.app import App

from backend.errors import MailError
from screens.ask import Ask, Field
from screens.link import Link

_FIELDS = (
    Field("old", "Password of now", secret=True),
    Field("new", "New password", "8 characters or more", secret=True),
    Field("again", "The new one again", secret=True),
)


async def choose(app: App[None], link: Link, *, must: bool) -> bool:
    """Ask until it is chosen; False when the person would rather not. `must`: it is a one-time password."""
    title = "This is a one-time password. Choose one of your own." if must else "Choose another password."
    trouble = ""
    while True:
        typed = await app.push_screen_wait(Ask(title, _FIELDS, trouble=trouble))
        if typed is None:
            return False
        if typed["new"] != typed["again"]:
            trouble = "The new password is not the same both times."
            continue
        try:
            await link.call("me.password", {"old": typed["old"], "new": typed["new"]})
        except MailError as error:
            trouble = str(error)
            continue
        app.notify("Your password is changed.", markup=False)
        return True
