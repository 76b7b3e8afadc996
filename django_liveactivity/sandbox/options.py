"""The command-line options of the sandbox, for `python -m` and the management command."""

import argparse
from collections.abc import Callable
from dataclasses import fields

from .contract import TYPES
from .control import ELSEWHERE_TYPE
from .faults import KINDS, parse_faults
from .limits import BILLING_ERRORS, DELIVERIES, WINDOWS, Policy
from .sandbox import Sandbox

DEFAULT_BIND = "127.0.0.1:8765"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sandbox on this parser; those of ``Policy`` default to its own."""
    add = parser.add_argument
    add("--bind", type=_checked(parse_bind), default=DEFAULT_BIND, metavar="HOST:PORT")
    add(
        "--allow-remote",
        action="store_true",
        help="let other machines in: any address to bind, any Host in requests",
    )
    add(
        "--api-key",
        action="append",
        dest="api_keys",
        metavar="KEY",
        help="an API key that exists; repeatable; by default every key does",
    )
    _add_limits(parser)
    add(
        "--latency",
        type=_checked(parse_latency),
        default="0",
        metavar="SECONDS",
        help="before each answer",
    )
    add("--quiet", action="store_true", help="print no line for each call")
    add("--seed", type=int, help="makes ids and the chances of faults repeatable")
    add(
        "--faults",
        type=_checked(parse_faults),
        default="",
        metavar="RULES",
        help="METHOD[/endpoint]:KIND@WHEN, separated by commas, for example PUT:500@3,"
        "DELETE:hang@1,*:reset@10%%; WHEN counts matching calls from 1: N (that one), N-M, "
        "N+ (it and all later ones) or P%% (a chance for each); KIND is a status from 400 to 599, "
        f"or one of {', '.join(KINDS)}",
    )
    add(
        "--started-elsewhere",
        action="append",
        type=_checked(parse_started_elsewhere),
        default=[],
        metavar="ID[:TYPE]",
        help="activity id of a card that another program started; repeatable; "
        f"by default of type {ELSEWHERE_TYPE}",
    )
    _add_open_answers(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rate-limit", type=_checked(parse_rate_limit), default="60/60", metavar="CALLS/SECONDS")
    add("--window", choices=tuple(WINDOWS), help="shape of the rate limit")
    add("--concurrent", type=int, help="activities that an account may have at once")
    add(
        "--evict",
        action="store_true",
        help="a start beyond that ends the oldest activity instead of being refused",
    )


def _add_open_answers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--channel",
        action="append",
        dest="channels",
        metavar="SLUG",
        help="a channel that has devices; repeatable; by default all but 'empty' have",
    )
    add("--billing", choices=BILLING_ERRORS, help="answer starts and PUTs 402")
    add("--delivery", choices=DELIVERIES, help="how ends reach the devices")
    add(
        "--unknown-activity", type=int, choices=(403, 404), help="status for an unknown activity_id"
    )
    add(
        "--no-recipients",
        type=int,
        choices=(404, 422),
        help="status when no device matches the channels",
    )
    add("--retry-after", type=float, metavar="SECONDS", help="header of 429 and 503 answers")


def from_arguments(
    arguments: argparse.Namespace, echo: Callable[[str], object] | None = None
) -> Sandbox:
    """Return the sandbox that these options describe, listening but not yet serving.

    Args:
        arguments: as parsed, or built by hand: ``bind``, ``rate_limit``, ``latency``, ``faults``
            and ``started_elsewhere`` are text, as on the command line.
        echo: is given a line for each call, unless the option ``quiet`` is set.

    Raises:
        ValueError: an option has a value that it cannot have.
        OSError: the address is taken.
    """
    host, port = parse_bind(arguments.bind)
    chosen = {field.name: getattr(arguments, field.name) for field in fields(Policy)}
    policy = {name: value for name, value in chosen.items() if value is not None}
    policy["rate_limit"] = parse_rate_limit(arguments.rate_limit)
    return Sandbox(
        port,
        host=host,
        allow_remote=arguments.allow_remote,
        latency=parse_latency(arguments.latency),
        seed=arguments.seed,
        faults=arguments.faults,
        started_elsewhere=dict(map(parse_started_elsewhere, arguments.started_elsewhere)),
        echo=None if arguments.quiet else echo,
        **policy,
    )


def parse_bind(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; port 0 takes a free one.

    Raises:
        ValueError: not an address and a port below 65536.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{text!r} is not HOST:PORT, as in {DEFAULT_BIND}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def parse_started_elsewhere(text: str) -> tuple[str, str]:
    """Read ``ID[:TYPE]``, an activity id and the type of its content.

    Raises:
        ValueError: the id is empty, or the type does not exist.
    """
    activity_id, _, card_type = text.partition(":")
    if not activity_id or (card_type and card_type not in TYPES):
        raise ValueError(f"{text!r} is not ID[:TYPE]; the types are {', '.join(TYPES)}")
    return activity_id, card_type or ELSEWHERE_TYPE


def parse_latency(text: str) -> float:
    """Read ``SECONDS``, 0 to 3600.

    Raises:
        ValueError: not a number of seconds in this range.
    """
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ValueError(f"{text!r} is not a number of seconds from 0 to 3600")
    return seconds


def parse_rate_limit(text: str) -> tuple[int, float]:
    """Read ``CALLS/SECONDS``.

    Raises:
        ValueError: not two numbers.
    """
    calls, _, seconds = text.partition("/")
    try:
        return int(calls), float(seconds)
    except ValueError:
        raise ValueError(f"{text!r} is not CALLS/SECONDS, as in 60/60") from None


def _checked(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Return a type for argparse that keeps the text, and shows why the text is wrong."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check
