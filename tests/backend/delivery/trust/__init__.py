"""How sure connections out must be, and are."""
