"""Seeded work for a host: cards that are shown, updated, ended, rolled back and shown again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

Step = dict[str, Any]
SERIALS = itertools.count(1)


def show(key: str, *, account: str = "default") -> Step:
    """Show content that nobody showed before."""
    return {"do": "show", "key": key, "serial": next(SERIALS), "account": account}


def end(key: str, *, content: bool = False, account: str = "default") -> Step:
    """End a card."""
    serial = next(SERIALS)
    return {"do": "end", "key": key, "serial": serial, "content": content, "account": account}


def many(steps: list[Step]) -> Step:
    """Several steps, one transaction each."""
    return {"do": "many", "steps": steps}


def transaction(*steps: Step, undo: bool = False) -> Step:
    """Several steps in one transaction or, inside of one, in a savepoint."""
    return {"do": "transaction", "steps": list(steps), "undo": undo}


def serials(step: Step) -> Iterator[int]:
    """Yield the serial numbers of all that a step may commit."""
    if "serial" in step:
        yield step["serial"]
    for inner in step.get("steps", ()):
        yield from serials(inner)


def work(
    seed: int, keys: int, *, lives: int = 1, updates: int = 2, undo: float = 0.0
) -> list[Step]:
    """Return the lives of several cards, mixed, each life ending.

    Args:
        seed: makes the mixture the same in every run.
        keys: how many stream keys; each belongs to the caller alone.
        lives: how often each key is shown and ended.
        updates: the greatest number of further contents in a life.
        undo: the share of changes that come with a twin that is rolled back.
    """
    dice = random.Random(seed)
    queues = [_lives(dice, f"card-{seed}-{n}", lives, updates) for n in range(keys)]
    mixed = []
    while queues:
        queue = dice.choice(queues)
        method, key = queue.pop(0)
        step = end(key, content=dice.random() < 0.3) if method == "end" else show(key)
        if dice.random() < undo:
            step = _with_a_twin_undone(dice, step, key)
        mixed.append(step)
        queues = [queue for queue in queues if queue]
    return mixed


def _lives(dice: random.Random, key: str, lives: int, updates: int) -> list[tuple[str, str]]:
    one = [["show"] * (1 + dice.randint(0, updates)) + ["end"] for _ in range(lives)]
    return [(method, key) for life in one for method in life]


def _with_a_twin_undone(dice: random.Random, step: Step, key: str) -> Step:
    twin = dice.choice([show, end])(dice.choice([key, f"{key}-never"]))
    if dice.random() < 0.5:
        return many([transaction(twin, undo=True), step])
    return transaction(transaction(twin, undo=True), step)
