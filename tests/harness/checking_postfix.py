"""Postfix with the checks that a careful site adds to it: opendkim, opendmarc, policyd-spf and DNS lists.

None of them can be told of a name server on another port or address, so the whole family lives in a mount namespace
of its own, in which /etc/resolv.conf names the server of the test.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.harness.ports import free_port
from tests.harness.postfix import Postfix
from tests.harness.processes import end
from tests.harness.waiting import until

PROGRAMS = ("/usr/sbin/opendkim", "/usr/sbin/opendmarc", "/usr/bin/policyd-spf", "/usr/bin/unshare")
_SPF_LIMIT = "policyd-spf_time_limit = 3600\n"
_SETTINGS = """\
mynetworks = 127.0.0.1/32
smtpd_peername_lookup = yes
smtpd_milters = inet:127.0.0.1:{dkim}, inet:127.0.0.1:{dmarc}
milter_default_action = tempfail
smtpd_client_connection_rate_limit = 0
smtpd_recipient_restrictions = reject_unauth_destination, reject_unknown_reverse_client_hostname,
    {lists},
    check_policy_service unix:private/policyd-spf
"""
_SPF = "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf {folder}/etc/policyd-spf.conf\n"
_SPF_SETTINGS = """\
debugLevel = 0
TestOnly = 1
HELO_reject = Fail
Mail_From_reject = Fail
PermError_reject = False
TempError_Defer = True
skip_addresses = ::ffff:127.0.0.1/128
"""
_DKIM = """\
Mode v
Socket inet:{port}@127.0.0.1
Background no
InternalHosts 127.0.0.1
PidFile {folder}/opendkim.pid
Syslog no
UserID nobody
AlwaysAddARHeader yes
Nameservers {nameserver}
"""
_DMARC = """\
Socket inet:{port}@127.0.0.1
Background false
AuthservID postfix.test
TrustedAuthservIDs postfix.test
IgnoreHosts {folder}/etc/no-hosts
PidFile {folder}/opendmarc.pid
RejectFailures true
Syslog false
UserID nobody
SPFIgnoreResults false
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
"""


class CheckingPostfix(Postfix):
    """As Postfix, and asks the name server at `nameserver` (port 53 of a loopback address) about every stranger."""

    def __init__(
        self,
        folder: Path,
        users: Sequence[str],
        *,
        domain: str,
        nameserver: str,
        black: Sequence[str],
        white: Sequence[str],
    ) -> None:
        self._dkim, self._dmarc = free_port(), free_port()
        lists = [*(f"permit_dnswl_client {zone}" for zone in white), *(f"reject_rbl_client {zone}" for zone in black)]
        extra = _SETTINGS.format(dkim=self._dkim, dmarc=self._dmarc, lists=", ".join(lists)) + _SPF_LIMIT
        super().__init__(folder, users, domain=domain, extra=extra)
        with (self.config / "master.cf").open("a") as file:
            file.write(_SPF.format(folder=folder))
        (self.config / "policyd-spf.conf").write_text(_SPF_SETTINGS)
        (self.config / "opendkim.conf").write_text(_DKIM.format(port=self._dkim, folder=folder, nameserver=nameserver))
        (self.config / "opendmarc.conf").write_text(_DMARC.format(port=self._dmarc, folder=folder))
        (self.config / "no-hosts").write_text("")
        (self.config / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:1 attempts:1\n")
        nobody = pwd.getpwnam("nobody")
        os.chown(self.config / "no-hosts", nobody.pw_uid, nobody.pw_gid)
        self._milters: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            for program in ("opendkim", "opendmarc"):
                flag = "-x" if program == "opendkim" else "-c"
                command = [f"/usr/sbin/{program}", "-f", flag, f"{self.config}/{program}.conf"]
                self._milters.append(
                    subprocess.Popen(self._inside(command), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                )
            return super().__enter__()
        except BaseException:
            self._end_milters()
            raise

    def __exit__(self, *reason: object) -> None:
        with contextlib.suppress(RuntimeError):
            self.control("stop")
        self._end_milters()

    def control(self, verb: str) -> None:
        """As Postfix.control; what it starts asks the name server of the test."""
        done = subprocess.run(
            self._inside(["/usr/sbin/postfix", "-c", str(self.config), verb]),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            log = self.log.read_text() if self.log.exists() else ""
            raise RuntimeError(f"postfix {verb}: {done.stderr}{log[-2000:]}")

    def _inside(self, command: Sequence[str]) -> list[str]:
        """The command in a mount namespace in which /etc/resolv.conf is ours."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return ["/usr/bin/unshare", "--mount", "sh", "-c", script, str(self.config / "resolv.conf"), *command]

    def _end_milters(self) -> None:
        for process in self._milters:
            end(process, grace=5)
        self._milters.clear()


def waits(postfix: CheckingPostfix, user: str, number: int, *, within: float = 120) -> None:
    """Return when the user has that many messages."""
    until(lambda: sum(1 for _ in postfix.mailbox(user).glob("*")) >= number, within=within, every=0.01)
