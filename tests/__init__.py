"""Tests: the folders mirror the code, service/ looks from outside, bench/ measures."""
