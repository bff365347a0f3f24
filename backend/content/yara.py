"""The embedded engine: YARA-X with the rules that come along and the site's own, compiled once and again on change."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yara_x

from backend.content.unpacked import Unpacked

_WRONG = (yara_x.CompileError, OSError, UnicodeDecodeError, ValueError)
_VERSION = version("yara-x")
_LOOK = 2.0  # seconds between two looks at whether the rules have changed
_FOUND = 20  # matches that are told of
_RULES = 64 * 1024 * 1024  # bytes of one file of rules


class Rules:
    """The rules of some folders. Where new ones are wrong, the old ones stay in force; where there are no old ones, the
    files that are wrong are left out. `scan` says so.
    """

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self._scanner: yara_x.Scanner | None = None
        self._stamp: list[tuple[str, int, int]] | None = None
        self._looked = 0.0
        self._trouble = ""
        self._newest = 0.0
        self._number = 0

    def scan(self, data: bytes, unpacked: Unpacked, seconds: float) -> dict[str, Any]:
        """`found` [[rule, way]], `failed` (why nothing was looked at), `words`, `version`, `of` (the newest rule)."""
        self._refresh()
        answer: dict[str, Any] = {
            "found": [],
            "failed": "",
            "words": self._trouble,
            "version": f"YARA-X {_VERSION}, {self._number} file{'' if self._number == 1 else 's'} of rules",
            "of": self._newest,
        }
        if self._scanner is None:
            return {**answer, "failed": self._trouble}
        end = time.monotonic() + seconds
        found: dict[str, list[str]] = {}
        try:
            for way, content in [((), data), *((piece.way, piece.data) for piece in unpacked.pieces)]:
                if not content:
                    continue
                left = end - time.monotonic()
                if left <= 0:
                    raise yara_x.TimeoutError("no time left")
                self._scanner.set_timeout(max(1, int(left)))
                for rule in self._scanner.scan(content).matching_rules:
                    found.setdefault(rule.identifier, list(way))
        except (yara_x.TimeoutError, yara_x.ScanError) as error:
            answer["failed"] = f"{type(error).__name__}: {error}"[:200]
        answer["found"] = [[rule, way] for rule, way in found.items()][:_FOUND]
        return answer

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._stamp is not None and now - self._looked < _LOOK:
            return
        self._looked = now
        files = sorted(file for folder in self.folders for file in folder.glob("*.yar") if file.is_file())
        stats = [(file, file.stat()) for file in files]
        stamp = [(str(file), stat.st_mtime_ns, stat.st_size) for file, stat in stats]
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._scanner = _compiled(files)
        except _WRONG as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            self._trouble = f"the rules are wrong: {' '.join(lines[:2])}"[:300]
            if self._scanner is None:
                self._scanner = _compiled([file for file in files if _right(file)])
            return
        self._trouble = "" if files else "there are no rules"
        self._newest = max((stat.st_mtime for _, stat in stats), default=0.0)
        self._number = len(files)


def _right(file: Path) -> bool:
    """Whether it can be compiled by itself."""
    try:
        return _compiled([file]) is not None
    except _WRONG:
        return False


def _compiled(files: list[Path]) -> yara_x.Scanner | None:
    if not files:
        return None
    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    for file in files:
        if file.stat().st_size > _RULES:
            raise ValueError(f"{file.name} is too large")
        compiler.new_namespace(file.stem)
        compiler.add_source(file.read_text("utf-8"), origin=file.name)
    return yara_x.Scanner(compiler.build())
