"""What may pass. Every scanner is a file; `scan` asks them all once the message is here whole."""
