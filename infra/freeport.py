"""Ports for servers of the tests."""

import random
import socket

# Below those that systems assign to outgoing connections and to listeners on port 0: none of these gets one while its server starts.
PORTS = iter(random.sample(range(20_000, 32_000), 12_000))


def free_port():
    """An unused port of loopback, each time another one."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")
