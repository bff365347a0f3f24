"""A role's process: its log, store, signals and event loop around the role's own `serve`."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys

import uvloop

from backend import logs, service
from backend.config import Settings
from backend.errors import MailError
from backend.role import Role, Serve
from backend.service import Kind
from backend.settings_file import load
from backend.store.database import Store

_log = logging.getLogger("role")
_SWITCH = 0.0005  # seconds: the store's thread and the event loop take turns; 5 ms made each commit wait
_RETRY = 2.0  # seconds between tries to open a store that is not there


def run(settings: Settings, kind: Kind) -> int:
    """Run one role until it is told to stop; the exit code."""
    slot = int(os.environ.get("MAILCONSOLE_SLOT", "0"))
    logs.start(settings.log.level, f"{kind.name}.{slot}")
    sys.setswitchinterval(_SWITCH)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(settings, kind, slot))
    except Exception:
        _log.exception("the role failed")
        return 70


async def _serve(settings: Settings, kind: Kind, slot: int) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    for lifeline in service.lifeline():
        loop.add_reader(lifeline, _orphaned)
    listeners = service.listeners(settings, kind)
    store = await _open(settings, stopping)
    if store is None:
        return 0
    role = Role(kind.name, settings, store, listeners, slot, stopping)
    loop.add_signal_handler(signal.SIGHUP, _reload, role)
    _log.info("the role runs", extra=logs.fields(pid=os.getpid()))
    serve: Serve = importlib.import_module(kind.module).serve
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    try:
        await serve(role)
    finally:
        await loop.run_in_executor(None, store.close)
    return 0


async def _open(settings: Settings, stopping: asyncio.Event) -> Store | None:
    """The store, as soon as it can be opened; None when told to stop before."""
    while not stopping.is_set():
        try:
            return Store.open(settings.site.data, settings.limits)
        except (MailError, OSError) as error:
            _log.error("the store cannot be opened, trying again: %s", error)
        try:
            await asyncio.wait_for(stopping.wait(), _RETRY)
        except TimeoutError:
            continue
    return None


def _reload(role: Role) -> None:
    try:
        settings = load(role.settings.path)
        for callback in role.on_reload:
            callback(settings)
        role.settings = settings
        _log.info("the settings are loaded anew")
    except MailError as error:
        _log.error("the settings are wrong; going on with the old ones: %s", error)


def _orphaned() -> None:
    os._exit(0)  # the supervisor is gone; nothing that is not on disk was promised to anybody
