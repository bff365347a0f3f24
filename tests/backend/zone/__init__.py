"""What should be in the DNS."""
