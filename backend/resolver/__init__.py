"""What the DNS says: questions and answers (`resolver`), a message's share of them (`lookups`), and who takes a
domain's mail (`mail_hosts`).
"""
