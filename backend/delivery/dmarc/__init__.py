"""DMARC reports: ours to the owners of domains (`reporter`), and theirs to us (`reader`)."""
