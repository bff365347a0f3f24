"""What the black-box tests stand on: a site, and the servers around it, each a real one on 127.0.0.0/8."""
