"""Keeps a run off the network. Not a wall, since compiled code can climb it: what tries to download fails, and says so."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1", b"", b"localhost", b"127.0.0.1", b"::1", socket.gethostname()})


class NoNetwork(OSError):
    """An attempt to reach another machine."""

    def __init__(self, host: object) -> None:
        super().__init__(errno.ENETUNREACH, f"nnlint runs models without a network, and this one asked for {host}")


def forbid_network() -> None:
    """Makes this process's attempts to reach other machines through Python's sockets raise `NoNetwork`, from here on."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):  # not a socket of this machine, which is named by a path
        host = arguments[1][0]
    else:
        return
    if host not in _LOCAL:
        raise NoNetwork(host)
