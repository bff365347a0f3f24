"""DMARC (RFC 7489): whose domain stands in From, what its owner wants done with mail that is not theirs, and the
reports on it. `check` is the check; what it needs is pure and beside it.

Where the later form of the protocol (DMARCbis) differs, this is RFC 7489's way: the public suffix list rather than a
walk up the tree, and `pct` is obeyed. Of the later one only `np` is read, the policy for names that do not exist.
"""
