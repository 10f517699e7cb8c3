"""The way into the server's process, and out of it."""

from __future__ import annotations

import logging
import sys

from nnlint.lsp.features import register
from nnlint.lsp.language_server import Server, leave


def main(tcp_port: int | None = None) -> None:
    """Serve one client on standard input and output, or the first that connects to a port of this machine. Does not return."""
    server = Server()
    register(server)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # what fails is told by `report_server_error`
    stdout, sys.stdout = sys.stdout, sys.stderr  # a stray print would break the protocol
    try:
        if tcp_port is None:
            server.start_io(stdout=stdout.buffer)
        else:
            server.start_tcp("127.0.0.1", tcp_port)
    finally:
        leave(server.exit_status)
