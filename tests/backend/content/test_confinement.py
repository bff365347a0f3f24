"""What a child of the workshop cannot do, tried in one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backend import confinement
from backend.content.workshop import Workshop
from tests.backend.content.test_workshop import JOB, LETTER, LIMITS, body
from tests.test_project import ROOT

SCRIPT = """
import ctypes, json, os, socket, sys, threading
from backend.content import workbench
secret, rules = sys.argv[1:]
line, other = socket.socketpair()
held = workbench.confine(1 << 30, [rules])
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")

tries = dict(
    socket=lambda: socket.socket(socket.AF_INET), unix=lambda: socket.socket(socket.AF_UNIX),
    write=lambda: open(secret + ".new", "w"), append=lambda: open(secret, "a"), remove=lambda: os.unlink(secret),
    rename=lambda: os.rename(secret, secret + ".old"), mkdir=lambda: os.mkdir(secret + ".folder"),
    read=lambda: open(secret).read(), processes=lambda: open("/proc/1/status").read(),
    exec=lambda: os.execv("/bin/true", ["true"]), fork=os.fork, vfork=lambda: os.posix_spawn("/bin/true", ["true"], {}),
    signal=lambda: os.kill(os.getppid(), 0), ptrace=lambda: call(PTRACE, 16, os.getppid(), 0, 0),
)
done = []
for name, one in tries.items():
    try:
        one()
        done.append(name)
    except OSError:
        pass
threads = []
thread = threading.Thread(target=threads.append, args=(1,))
thread.start()
thread.join()
line.sendall(b"x")
print(json.dumps([held, done, threads, open(rules + "/own.yar").read()]))
""".replace("PTRACE", "117 if os.uname().machine == 'aarch64' else 101")


def test_a_child_reads_the_rules_and_can_do_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yar").write_text("a rule")
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "secret"), str(tmp_path / "rules")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    held, did, threads, rule = json.loads(done.stdout)
    if held != list(confinement.ALL):
        pytest.skip(f"this kernel has only {held}")
    assert did == []
    assert (threads, rule) == ([1], "a rule")
    assert (tmp_path / "secret").read_text() == "secret"


async def test_it_says_once_what_does_not_hold_it_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(confinement, "ALL", (*confinement.ALL, "a lock of tomorrow"))
    shop = Workshop(LIMITS)
    for _ in range(2):
        assert (await shop.run(JOB, body(LETTER)))["pieces"] == 1
        shop.reads = (*shop.reads, "/nowhere")  # another child
    shop.close()
    said = [one.getMessage() for one in caplog.records if one.name == "workshop"]
    assert said == ["this kernel has no a lock of tomorrow to hold who looks at messages"]
