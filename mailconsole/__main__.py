"""`mailconsole` and `python -m mailconsole`."""

from __future__ import annotations

import sys

from mailconsole import problems
from mailconsole.cli import run


def main() -> None:
    """Run one command and end with its exit code."""
    sys.exit(problems.guard(lambda: run(sys.argv[1:])))


if __name__ == "__main__":
    main()
