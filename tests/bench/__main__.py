"""`make bench`: every piece of work, both sides in one run, medians of BENCH_RUNS (5) runs, in one table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, table

WORKS = (
    "local_mailbox",
    "relay",
    "many_recipients",
    "queue_page",
    "trace",
    "access",
    "spam",
    "content",
    "large_messages",
    "idle",
    "console",
    "checks",
    "check_costs",
    "dkim",
)


def main() -> int:
    """Measure what was asked for; 0 when every goal is met."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"only these of {', '.join(WORKS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there too")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", "5")))
    given = parser.parse_args()
    if unknown := set(given.works) - set(WORKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    if not shutil.which("postfix", path="/usr/sbin") or os.geteuid() != 0:
        print("The peer is missing: run as root, after apt-get install postfix.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for work in given.works or WORKS:
        print(f"{work} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            folder.chmod(0o755)  # Postfix's own user must get in
            rows += importlib.import_module(f"tests.bench.{work}").measure(folder, given.runs)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps([row.to_json() for row in rows], indent=1) + "\n")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
