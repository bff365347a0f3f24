"""Every number of the service, with its unit and its reason. Each can be set under [limits] in mailconsole.toml."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds, unless the name says otherwise."""

    # One message
    message_bytes: int = 104_857_600  # 100 MB, announced as SIZE (RFC 1870)
    recipients: int = 150  # of one message; the next is 452 4.5.3 (RFC 5321 §4.5.3.1.10 asks for at least 100)
    header_bytes: int = 1 * MIB  # of the whole header section: parsers read it into memory
    received_headers: int = 100  # hops before a loop is assumed (RFC 5321 §6.3)
    spool_memory_bytes: int = 64 * KIB  # of a message kept in memory; past it the body goes to a file

    # One connection
    command_bytes: int = 4_096  # of a command line; RFC 5321 §4.5.3.1.4 asks for 512, SMTPUTF8 and AUTH for more
    auth_bytes: int = 12_288  # of an AUTH response line (RFC 4954 §4)
    errors_per_session: int = 20  # bad commands and refusals before 421
    session_messages: int = 1_000  # messages of one connection before 421: a fair share for the others
    command_timeout: int = 300  # waiting for a command, RFC 5321 §4.5.3.2.7
    data_timeout: int = 180  # waiting for a block of the message, RFC 5321 §4.5.3.2.5
    session_seconds: int = 7_200  # of one connection, whatever it does
    data_bytes_per_second: int = 512  # slower than this after the first minute of a message is too slow
    tls_timeout: int = 60  # of a TLS handshake

    # What is inside of a message
    unpack_pieces: int = 10_000  # parts and members of archives; twice what the largest honest message was seen to have
    unpack_bytes: int = 256 * MIB  # of all pieces together: the largest message, and archives of twice as much
    unpack_ratio: int = (
        250  # bytes out of an archive for each one in, past the first 16 MiB: text reaches 20, bombs 1,000
    )
    unpack_depth: int = 16  # archives in archives; a .tgz is two of them
    unpack_seconds: int = 30  # of one message, all that is done in a child process; senders wait ten minutes
    workshop_children: int = 2  # processes for that, of each SMTP worker: a large message holds nobody else up
    workshop_memory_bytes: int = 1_024 * MIB  # of one of them: the largest message, its pieces and the rules
    workshop_jobs: int = 5_000  # messages before one is replaced, so that nothing adds up

    # All connections
    connections: int = 1_000  # at once, over all workers
    connections_per_ip: int = 50  # at once from one address (IPv6: one /64), over all workers
    messages_per_ip_per_minute: int = 600  # from one address (IPv6: one /64); 0 is no limit
    messages_per_network_per_minute: int = 2_400  # from one /24 of IPv4 or /64 of IPv6; 0 is no limit
    recipients_per_sender_per_hour: int = 5_000  # of one sender elsewhere, whatever hosts it comes by; 0 is no limit
    unknown_per_ip_per_hour: int = 200  # recipients that do not exist, before an address must wait: it guesses; 0: none
    recipients_per_account_per_hour: int = 2_000  # of one account's submissions; 0 is no limit
    # An account that writes in 24 hours to this many times the recipients of its usual day, and to more than the floor,
    # is slowed down and reported: somebody else may have its password.
    account_jump_factor: int = 10  # times; 0: never
    account_jump_floor: int = 500  # recipients in 24 hours that any account may have
    account_slow_per_hour: int = 30  # recipients of one that is slowed down
    account_slow_hours: int = 24  # that it is, unless somebody lets it go on

    vacation_answers_per_hour: int = 100  # for one account: nobody floods others through somebody who is away

    # Passwords
    password_checks: int = 2  # argon2id hashes computed at once in a process (64 MiB each)
    app_passwords: int = 10  # of one account
    password_queue: int = 64  # log-ins waiting for their hash before 454
    lockout_failures: int = 5  # failed log-ins in a row before an account or an address is locked
    lockout_seconds: int = 60  # of the first lockout; each further one is twice as long
    lockout_max_seconds: int = 3_600  # of the longest lockout

    # The store
    group_commit: int = 128  # operations in one transaction at the most
    write_queue: int = 10_000  # operations waiting before new ones are refused with 451
    lock_seconds: int = 30  # waiting for the other processes' transactions before 451

    # Management
    request_bytes: int = 1 * MIB  # of one request or answer on the management socket
    request_seconds: int = 30  # of one management request
    management_connections: int = 64  # at once
    management_connections_per_operator: int = 30  # at once, of those that came by SSH

    # SSH
    ssh_connections: int = 100  # at once that have logged in
    ssh_connections_per_ip: int = 20  # of them from one address (IPv6: one /64)
    ssh_half_open: int = 50  # at once that have not logged in; a further one pushes one of them out, by chance
    ssh_half_open_per_ip: int = 20  # of them from one address (IPv6: one /64)
    ssh_login_seconds: int = 20  # for logging in, all tries
    ssh_login_tries: int = 6  # keys that are not known, wrong passwords and codes before the connection ends
    ssh_channels: int = 10  # of one connection, at once
    ssh_sessions: int = 40  # at once: each has a child and a management connection
    ssh_sessions_per_operator: int = 25  # at once
    ssh_write_seconds: int = 30  # for a client to read what it was sent before its session ends


NO_LIMIT = 0
