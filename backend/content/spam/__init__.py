"""Is it spam? Words and form of a message, weighed by a model that was learnt, and rules with points. Marked, never
deleted or refused for it.
"""
