"""Run the sandbox: ``python -m django_liveactivity.sandbox --bind 127.0.0.1:8765``."""

from __future__ import annotations

import argparse
import sys

from .options import add_arguments, from_arguments


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m django_liveactivity.sandbox",
        description="The ActivitySmith API on loopback, for development and tests.",
    )
    add_arguments(parser)
    try:
        sandbox = from_arguments(parser.parse_args(), _print)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _print(f"Sandbox at {sandbox.url}, phone at {sandbox.base}/phone.json")
    try:
        sandbox.serve_forever()
    except KeyboardInterrupt:
        sandbox.close()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
