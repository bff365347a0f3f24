"""The SSH server: who logs in, what a channel may ask for, and the children that serve it.

    role        the process: signals, the pulse, the end
    server      takes connections in, within `admission`'s limits
    connection  one client: its log-in timer and its life
    authentication, channels   what paramiko asks us
    session     one shell, command or contract: bytes between a channel and a child
    nursery     starts children by way of the `zygote`, which has the console loaded already
    child       what runs in one: the console or a command, `confinement` around it

A child has the management connection that it was given, and no way to another one.
"""
