"""Commands without a terminal: words in, data and sentences out, an exit code; and the contract itself."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from tests.harness.waiting import until
from tests.ssh.conftest import Operator

Make = Callable[..., Operator]


def test_data_is_on_stdout_and_words_on_stderr(olga: Operator) -> None:
    done = olga.run("queue", "list", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["total"] == 0
    done = olga.run("queue", "show", "0CNEHKRTM0BR9")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"mailconsole: ")


def test_no_command_is_help(olga: Operator) -> None:
    done = olga.run()
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"ssh -t" in done.stderr


def test_a_secret_comes_by_stdin(olga: Operator) -> None:
    done = olga.run("user", "add", "alice@example.org", "--password-stdin", stdin=b"correct horse battery\n")
    assert done.returncode == 0, done.stderr
    assert b"alice@example.org" in olga.run("user", "list").stdout


def test_a_list_comes_by_stdin_and_never_from_a_file_of_the_host(olga: Operator) -> None:
    done = olga.run("access", "import", "-", "postfix", "--why", "'a test'", stdin=b"192.0.2.7\tREJECT\n")
    assert (done.returncode, b"1 rule added" in done.stdout) == (0, True), done
    done = olga.run("access", "import", "/etc/passwd", "csv", "--verdict", "deny", "--dry-run")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"root" not in done.stderr
    assert b"192.0.2.7 REJECT\n" in olga.run("access", "export", "postfix", "--about", "client").stdout


def test_the_role_decides(operator: Make) -> None:
    anna = operator("anna", "auditor")
    assert anna.run("queue", "list").returncode == 0
    done = anna.run("queue", "hold", "--all", "--why", "a try")
    assert done.returncode == 3
    assert b"yours is auditor" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "queue list; touch {mark}",
        "queue list --domain '$(touch {mark})'",
        "queue list `touch {mark}`",
        "queue list | tee {mark}",
        "queue list > {mark}",
        "'unclosed",
        "--config /etc/passwd status",
        "status --config /etc/passwd",
        "serve --role smtp",
        "init {mark} --hostname a.test --domain a.test",
        "demo {mark}",
        "config show",
        "console",
        "mailbox export alice@example.org {mark}",
        "queue show \x1b]0;title\x07",
        "queue show \xff\xfe",
        "queue list --domain [/nope]",
        "operator add eve sysadmin --key @{mark}",
        "gate.bind",
        "queue list " + "x" * 30_000,
        "\n\n",
        "-- --",
        "status\x00--json",
    ],
)
def test_hostile_words_do_nothing_and_nothing_breaks(
    olga: Operator, line: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mark = tmp_path_factory.mktemp("mark") / "made"
    if "\0" in line:
        pytest.skip("no command line of this machine can hold it")
    done = subprocess.run(
        [part.encode("latin-1") for part in olga.command(line.format(mark=mark), options=("-o", "BatchMode=yes"))],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert not mark.exists()
    assert done.returncode in (0, 1, 2, 3), done
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert olga.run("status").returncode == 0


def test_a_message_comes_by_stdin_and_no_file_of_the_host_is_read(operator: Make) -> None:
    words = ("explain", "--ip", "127.0.0.1", "--from", "ann@client.test", "--to", "postmaster@example.org")
    petra = operator("petra", "postmaster")
    done = petra.run(*words, "-", "--json", stdin=b"Subject: hello\n\nhello\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["message"] is True
    for file in ("/etc/passwd", str(petra.site.config), "./-"):
        done = petra.run(*words, file)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"standard input" in done.stderr
    helen = operator("helen", "helpdesk")
    assert helen.run(*words).returncode == 0
    done = helen.run(*words, "-", stdin=b"Subject: hello\n\nhello\n")
    assert done.returncode == 3
    assert b"for the postmaster" in done.stderr


def test_the_contract_is_json_lines(olga: Operator) -> None:
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "hello"},
        {"jsonrpc": "2.0", "id": 2, "method": "gate.pulse", "params": {"sessions": {}}},
    ]
    done = olga.run("contract", stdin="".join(json.dumps(line) + "\n" for line in lines).encode())
    hello, gate = [json.loads(line) for line in done.stdout.splitlines()]
    assert hello["result"]["user"] == "olga"
    assert hello["result"]["role"] == "sysadmin"
    assert gate["error"]["data"]["kind"] == "Denied"


def test_a_question_is_asked_on_a_terminal(olga: Operator) -> None:
    olga.site.add_user("bob@example.org")
    child = olga.terminal("user", "password", "bob@example.org", options=("-t",))
    child.expect("Password: ")
    child.sendline("correct horse battery")
    child.expect("Again: ")
    child.sendline("correct horse battery")
    child.expect("bob@example.org")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_contract_that_repeats_itself_is_idle(olga: Operator) -> None:
    """A console on another machine asks the same at each tick. Nobody is there until somebody asks something else."""
    command = olga.command("contract", options=("-o", "BatchMode=yes"))

    def idle() -> float:
        rows = olga.site.cli_json("session", "list")["rows"]
        return max((row["idle_seconds"] for row in rows if row["kind"] == "contract"), default=-1)

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        to, answers = client.stdin, client.stdout
        assert to is not None
        assert answers is not None
        number = 0

        def ask(method: str, **params: object) -> Any:
            nonlocal number
            number += 1
            line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            to.write(line.encode() + b"\n")
            to.flush()
            return json.loads(answers.readline())

        assert ask("hello")["result"]["idle_seconds"] == 30 * 60

        def tick() -> bool:
            assert "result" in ask("status")
            return idle() >= 4

        until(tick, every=0.3, why="who only repeats a question is idle")
        numbers = itertools.count()

        def anew() -> bool:  # something that was not asked before; the answer to `idle` may take a while
            assert "result" in ask("user.list", limit=1, offset=next(numbers))
            return 0 <= idle() <= 3

        until(anew, why="who asks something else is there")
        to.close()
