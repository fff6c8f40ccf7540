"""The service: `python -m thumbnails`. A worker runs inside, for development, unless `--no-worker`."""

from __future__ import annotations

import argparse

from aiohttp import web

from thumbnails.app import create_app


def main() -> None:
    """Serve on this machine only, until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m thumbnails", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="where the service listens (default: 8080)")
    parser.add_argument("--no-worker", action="store_true", help="aioqueue worker thumbnails.tasks:queue does the work")
    arguments = parser.parse_args()
    worker = None if arguments.no_worker else {"concurrency": 4}
    web.run_app(create_app(worker), host="127.0.0.1", port=arguments.port)


if __name__ == "__main__":
    main()
