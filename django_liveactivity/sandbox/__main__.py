"""Run the sandbox: ``python -m django_liveactivity.sandbox --bind 127.0.0.1:8765``."""

import argparse
from functools import partial

from .options import add_arguments, from_arguments


def main() -> None:
    """Serve until interrupted."""
    echo = partial(print, flush=True)
    parser = argparse.ArgumentParser(
        prog="python -m django_liveactivity.sandbox",
        description="The ActivitySmith API on loopback, for development and tests.",
    )
    add_arguments(parser)
    try:
        sandbox = from_arguments(parser.parse_args(), echo)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    echo(f"Sandbox at {sandbox.url} and phone at {sandbox.base}/")
    try:
        sandbox.serve_forever()
    except KeyboardInterrupt:
        sandbox.close()


if __name__ == "__main__":
    main()
