"""What management answers, as frozen values: a module for each thing they show.

Times are RFC 3339 in UTC, sizes bytes; None is "not known" or "never". `backend.management.codec` turns them into
JSON and back.
"""
