"""`python -m aioqueue` is `aioqueue`."""

from __future__ import annotations

from aioqueue.cli.entry import main

if __name__ == "__main__":
    main()
