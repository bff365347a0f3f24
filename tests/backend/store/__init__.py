"""The store with a real database in a temporary folder."""
