"""One account of the settings or of the account source, with every value checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

KNOWN_KEYS = (
    "BACKEND",
    "CLOSING",
    "DATABASE",
    "DISPATCHER",
    "OPTIONS",
    "RAISE_TRACKING_ERRORS",
    "TIMING",
)
T = TypeVar("T")


class UnknownKeyError(ImproperlyConfigured):
    """An unknown key or option."""


@dataclass(frozen=True)
class Timing:
    """Every duration of delivery, in milliseconds of the database's clock.

    Tests run the same code faster with ``Timing().divided_by(20)``.
    """

    lease: int = 60_000
    quarantine: int = 60_000
    drain: int = 5_000
    permit: int = 16_000  # the deadline of a call, and a second
    sweep: int = 15_000
    catch_up: int = 1_000
    alarm_grace: int = 2_000  # a wake-up that is later than this counts as lost
    call_deadline: int = 15_000
    backoff_first: int = 1_000
    backoff_cap: int = 60_000
    backoff_long_after: int = 600_000
    backoff_long_cap: int = 900_000
    freeze_step: int = 10_000
    freeze_cap: int = 30_000
    retry_after_cap: int = 300_000
    probe_first: int = 30_000
    probe_cap: int = 300_000
    limit_first: int = 15_000
    limit_cap: int = 300_000
    operator_retry: int = 3_600_000
    latency_allowance: int = 750
    keep_finished: int = 30 * 24 * 3_600_000
    overdue_after: int = 300_000
    silent_after: int = 90_000  # six sweeps
    alert_every: int = 300_000

    def divided_by(self, divisor: int) -> Self:
        """Return the same proportions, ``divisor`` times as fast; no duration falls below 1 ms."""
        return type(self)(
            **{f.name: max(1, getattr(self, f.name) // divisor) for f in fields(self)}
        )


LONGER = (
    ("lease", "call_deadline", "no call is made, as its lease might end before it"),
    ("permit", "call_deadline", "an account may have more drains than it has permits"),
    ("silent_after", "sweep", "every account counts as silent before its next sweep"),
    ("overdue_after", "sweep", "an end counts as overdue before the next sweep can wake a drain"),
)
"""Durations that are longer than another, and what follows if they are not."""
AT_LEAST = (
    ("backoff_cap", "backoff_first"),
    ("backoff_long_cap", "backoff_cap"),
    ("retry_after_cap", "backoff_first"),
    ("freeze_cap", "freeze_step"),
    ("probe_cap", "probe_first"),
    ("limit_cap", "limit_first"),
)
"""Bounds of growing pauses, each with the pause that it must not be below."""


def contradictions(timing: Timing) -> Iterator[str]:
    """Yield a message for each two durations that contradict each other."""

    def named(name: str) -> str:
        return f"{name} ({getattr(timing, name)})"

    for one, other, consequence in LONGER:
        if getattr(timing, one) <= getattr(timing, other):
            yield f"{named(one)} must be longer than {named(other)}: {consequence}."
    for bound, pause in AT_LEAST:
        if getattr(timing, bound) < getattr(timing, pause):
            yield f"{named(bound)} must not be shorter than {named(pause)}."


class HiddenValues:
    """The values of a dict of the settings, to be asked for one by one.

    Error reporters print the locals of every frame, and walk what is a Mapping or a sequence. So
    this is neither, has no ``__dict__``, and shows only the names. ``get(name, default)`` is the
    built-in method of a private dict: there is no frame of it to print.

    Args:
        name: what the messages call the dict.
        read: returns it. Nothing of ours ever keeps it in a variable, and neither may *read*.
        wanted: what the message asks for if it is no dict.

    Raises:
        ImproperlyConfigured: it is no dict.
    """

    __slots__ = ("get", "names")

    def __init__(self, name: str, read: Callable[[], Any], wanted: str = "a dict") -> None:
        # Of its type, as the isinstance() of an abstract class has a frame that holds the value.
        if not issubclass(type(read()), Mapping):
            raise ImproperlyConfigured(f"{name} must be {wanted}.")
        self.get: Callable[..., Any] = dict(read()).get
        self.names: tuple[Any, ...] = tuple(read())

    def holds_same(self, other: Self) -> bool:
        """Tell whether names and values are the same."""
        same: bool = self._dict() == other._dict()
        return same

    def _dict(self) -> Any:
        return getattr(self.get, "__self__", None)

    def __repr__(self) -> str:
        names = getattr(self, "names", ())  # none yet in the traceback of what __init__ raises
        return f"<{', '.join(map(str, names))}: values hidden>"

    def __reduce__(self) -> str:
        raise TypeError("settings are not pickled, as pickles end up in queues and caches")


@dataclass(frozen=True)
class Account:
    """One entry of ``LIVEACTIVITY``: an API key, a rate limit, a backend, a database alias.

    Attributes:
        closing: it is about to be removed: it takes no more content, and its ends are sent.
        from_source: it comes from the account source.
    """

    alias: str
    backend: str
    dispatcher: str = "none"
    database: str = "default"
    options: HiddenValues = field(default_factory=lambda: HiddenValues("OPTIONS", dict))
    timing: Timing = field(default_factory=Timing)
    raise_tracking_errors: bool = False
    closing: bool = False
    from_source: bool = False

    @property
    def name(self) -> str:
        """What messages call the account's entry: where its owner finds it."""
        if self.from_source:
            return f"LIVEACTIVITY_ACCOUNTS[{self.alias!r}]"
        return f"LIVEACTIVITY[{self.alias!r}]"

    def is_same(self, other: Self) -> bool:
        """Tell whether the other one has the same values."""
        same = replace(other, options=self.options) == self
        return same and self.options.holds_same(other.options)


def read_account(alias: str, name: str, values: HiddenValues) -> Account:
    """Return an account of the settings.

    Args:
        alias: its alias.
        name: what messages call its entry.
        values: the entry.

    Raises:
        ImproperlyConfigured: a value is missing or wrong.
        UnknownKeyError: a key is unknown.
    """
    refuse_unknown(name, values.names, KNOWN_KEYS)
    if not isinstance(values.get("BACKEND"), str):
        raise ImproperlyConfigured(f"{name} needs a BACKEND, the dotted path of a backend class.")
    for key in ("RAISE_TRACKING_ERRORS", "CLOSING"):
        if not isinstance(values.get(key, False), bool):
            raise ImproperlyConfigured(f"{name}[{key!r}] must be True or False.")
    return Account(
        alias=alias,
        backend=values.get("BACKEND"),
        dispatcher=values.get("DISPATCHER", "none"),
        database=values.get("DATABASE", "default"),
        options=_options(f"{name}['OPTIONS']", values),
        timing=read_timing(f"{name}['TIMING']", values),
        raise_tracking_errors=values.get("RAISE_TRACKING_ERRORS", False),
        closing=values.get("CLOSING", False),
    )


def _options(name: str, values: HiddenValues) -> HiddenValues:
    if isinstance(values.get("OPTIONS"), HiddenValues):  # of an account that a test copies
        return cast(HiddenValues, values.get("OPTIONS"))
    return HiddenValues(name, lambda: values.get("OPTIONS", {}))


def read_timing(name: str, values: HiddenValues) -> Timing:
    """Return the durations in an entry, by default our own; *name* is what messages call them."""
    given = HiddenValues(name, lambda: values.get("TIMING", {}))
    refuse_unknown(name, given.names, [f.name for f in fields(Timing)])
    for key in given.names:
        if type(given.get(key)) is not int or given.get(key) <= 0:
            raise ImproperlyConfigured(f"{name}[{key!r}] must be a whole number of milliseconds.")
    return Timing(**{key: given.get(key) for key in given.names})


def import_class(name: str, path: str, base: type[T]) -> type[T]:
    """Return the class that a setting names by its dotted path.

    Args:
        name: what messages call the setting.
        path: its value.
        base: what it has to be a subclass of.

    Raises:
        ImproperlyConfigured: it cannot be imported, or is no such class.
    """
    try:
        found = import_string(path)
    except (ImportError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(f"{name}: cannot import {path!r}: {error}.") from error
    if isinstance(found, type) and issubclass(found, base):
        return found
    whole = f"{base.__module__}.{base.__qualname__}"
    raise ImproperlyConfigured(f"{name}: {path!r} is not a subclass of {whole}.")


def refuse_unknown(name: str, given: Iterable[object], known: Iterable[str]) -> None:
    """Refuse unknown keys: most are typing errors.

    Args:
        name: what the message calls the dict.
        given: its keys, without the values: error reporters would print those.
        known: the keys there are.

    Raises:
        UnknownKeyError: names them, and those there are.
    """
    unknown = set(given) - set(known)
    if unknown:
        raise UnknownKeyError(
            f"{name} has unknown keys {', '.join(sorted(map(repr, unknown)))}; "
            f"known: {', '.join(sorted(known))}."
        )
