"""The way out: the queue's runners, mail to other hosts, retries, and what senders are told."""
