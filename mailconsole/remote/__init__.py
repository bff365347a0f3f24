"""`mailconsole --host admin@mail`: the console and the actions on one's own machine, the contract through SSH.

target   what the command line and ~/.ssh/config say of the host
hosts    whether it is the host that it was: known_hosts
keys     the keys of the agent and of files
login    who we are to it: keys, password, code
tunnel   the SSH connection, made again when it breaks, and sockets that lead through it
"""
