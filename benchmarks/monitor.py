"""Counts the commands that arrive at a Redis server, by name.

`MONITOR` is used because `INFO commandstats` cannot tell what a client sent from what a script ran on its behalf.
"""

from __future__ import annotations

import socket
import time
from collections import Counter


def commands_by_clients(port: int, seconds: float) -> Counter[str]:
    """How often each command arrived from a client within `seconds`; those run inside scripts are left out."""
    seen = bytearray()
    deadline = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"MONITOR\r\n")
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            try:
                seen += connection.recv(65_536)
            except TimeoutError:
                break
    return Counter(_command(line) for line in seen.decode(errors="replace").splitlines() if _from_client(line))


def _from_client(line: str) -> bool:
    """A line reads `+1700000000.123456 [0 127.0.0.1:50000] "GET" "key"`, with `lua` for the address within a script."""
    return "] " in line and "[0 lua]" not in line


def _command(line: str) -> str:
    return line.partition("] ")[2].split(" ", 1)[0].strip('"').upper()
