"""Text that was made to be looked at: it shall reach no terminal."""
