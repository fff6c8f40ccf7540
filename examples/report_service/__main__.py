"""The service for development, with a worker inside: `python -m report_service`."""

from __future__ import annotations

import argparse

import uvicorn

from report_service.app import create_app


def main() -> None:
    """Serve on this machine only, until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m report_service", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where the service listens (default: 8000)")
    arguments = parser.parse_args()
    uvicorn.run(create_app(worker={"concurrency": 4}), port=arguments.port, timeout_graceful_shutdown=5)


if __name__ == "__main__":
    main()
