"""The project as a whole: its wheel, its manual, what it ships, what it imports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import backend

ROOT = Path(__file__).parents[1]


def run(*words: str | Path, cwd: Path = ROOT, timeout: float = 60) -> str:
    """What a command prints; it must end well."""
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_wheel_works_alone(tmp_path: Path) -> None:
    """Installed from the wheel, away from the sources, it makes a site and finds its settings right."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", timeout=120)
    run(tmp_path / "venv/bin/pip", "install", "--quiet", wheel, cwd=tmp_path, timeout=300)
    mailconsole = tmp_path / "venv/bin/mailconsole"
    assert backend.__version__ in run(mailconsole, "--version", cwd=tmp_path)
    site = tmp_path / "site"
    run(mailconsole, "init", site, "--hostname", "mail.example.org", "--domain", "example.org", cwd=tmp_path)
    run(mailconsole, "--config", site / "mailconsole.toml", "config", "check", cwd=tmp_path)
    assert "postmaster@example.org" in run(
        mailconsole, "--config", site / "mailconsole.toml", "user", "list", cwd=tmp_path
    )
    packages = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    shipped = {path.name for path in (packages / "backend/configs").iterdir()}
    assert shipped == {path.name for path in (ROOT / "configs").iterdir()}


def test_manual_names_every_action() -> None:
    """The table in the README is what the registry says."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- actions: .*? -->\n(.*?)\n<!-- end of actions -->", readme, re.DOTALL)
    assert found
    assert found[1] == run(sys.executable, "-m", "mailconsole", "actions", "--markdown").strip()


def test_manual_names_every_key() -> None:
    """The table of keys in the README is what the screens say."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- keys: .*? -->\n(.*?)\n<!-- end of keys -->", readme, re.DOTALL)
    assert found
    assert found[1] == run(sys.executable, "-m", "mailconsole", "keys", "--markdown").strip()


def test_manual_links_lead_somewhere() -> None:
    """Every file that the README points to is there."""
    readme = (ROOT / "README.md").read_text("utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_manual_commands_are_known() -> None:
    """Every command of the manual is one that the command line knows."""
    readme = (ROOT / "README.md").read_text("utf-8")
    verbs = set(
        re.findall(
            r"^mailconsole ((?:access|queue|user|alias|domain|mailbox|vacation|operator|session|dkim|dnslist|rate)"
            r" [a-z-]+|(?:dmarc|dns|authentication|tls) [a-z-]+|undo|deletions)",
            readme,
            re.MULTILINE,
        )
    )
    assert verbs
    for verb in verbs:
        run(sys.executable, "-m", "mailconsole", *verb.split(), "--help")


def test_changelog_has_this_release() -> None:
    """The newest entry is the version that we are."""
    newest = re.search(r"^## (\S+),", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == backend.__version__


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_unit_loads(tmp_path: Path) -> None:
    """systemd understands every line of the unit."""
    unit = tmp_path / "mailconsole.service"
    text = (ROOT / "configs/mailconsole.service").read_text("utf-8")
    unit.write_text(
        text.replace("/opt/mailconsole/bin/mailconsole", sys.executable).replace("=mailconsole\n", "=root\n")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60
    )
    about_us = [line for line in done.stderr.splitlines() if "mailconsole" in line]
    assert not about_us
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["--version"], ["config", "check", "--help"], ["serve", "--help"]])
def test_small_commands_load_no_console(words: list[str]) -> None:
    """What a role or a quick command never shows, it does not load."""
    script = "import sys; from mailconsole.cli import run\ntry: run(sys.argv[1:])\nfinally: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "mailconsole.cli" in loaded
    assert not {
        name for name in loaded if name.partition(".")[0] in ("textual", "rich", "sqlite_utils", "cryptography")
    }


def test_make_says_what_it_does() -> None:
    """The two commands of the README are targets, and the CI script can be run."""
    for target in ("run", "test", "check", "bench", "pictures"):
        run("make", "--dry-run", target)
    assert os.access(ROOT / ".ci/run", os.X_OK)
