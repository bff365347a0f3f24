"""What every test of a screen begins with."""

from __future__ import annotations

from tests.screens.test_console import service

__all__ = ["service"]
