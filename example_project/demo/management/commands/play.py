"""Run the scenarios in the environment that ``manage.py demo`` has prepared."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from demo.delivery import Delivery, dispatch_loop, worker
from demo.report import Card, problems, table
from demo.rows import describe, refuse_a_database_in_use
from demo.scenarios import CARDS, SCENARIOS, Context, leave_some_alive
from demo.server import admin_login, robot_token, serve
from django_liveactivity.models import LiveActivity

SIGNALS_EVERY = 0.1


class Command(BaseCommand):
    help = "Run the demo with the sandbox and the database that the environment names."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--serve", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        dispatcher = settings.LIVEACTIVITY["default"]["DISPATCHER"]
        self.sandbox = settings.ACTIVITYSMITH_BASE_URL.removesuffix("/api")
        call_command("migrate", verbosity=0)
        refuse_a_database_in_use()
        with worker(dispatcher, os.environ["DEMO_FOLDER"]), serve() as address:
            delivery = Delivery(dispatcher, self.stdout)
            context = Context(delivery, address, admin_login(), robot_token())
            self._tell_addresses(context)
            self.stdout.write(f"Delivery  {dispatcher}\n\n")
            cards = self._play(context)
            delivery.confirm()
            has_passed = self._report([describe(scenario, row) for scenario, row in cards])
            if options["serve"]:
                self._serve(context)
        sys.exit(0 if has_passed else 1)

    def _tell_addresses(self, context: Context) -> None:
        self.stdout.write(
            f"Site      {context.address}/"
            f"\nAdmin     {context.address}{CARDS}"
            f"\nLogin     {context.admin.name} / {context.admin.password}"
            f"\nPhone     {self.sandbox}/"
        )

    def _play(self, context: Context) -> list[tuple[str, LiveActivity]]:
        played = []
        for name, scenario in SCENARIOS.items():
            begun = time.monotonic()
            row = scenario(context)
            context.delivery.deliver()
            played.append((name, row))
            card, seconds = describe(name, row), time.monotonic() - begun
            self.stdout.write(f"{name}: {card.type} {card.title!r} {card.status}, {seconds:.1f} s")
        return played

    def _report(self, cards: list[Card]) -> bool:
        with httpx.Client(base_url=self.sandbox) as sandbox:
            phone, calls = sandbox.get("/phone.json").json(), sandbox.get("/calls.json").json()
        self.stdout.write("\n" + "\n".join(table(cards, calls)) + "\n\n")
        found = problems(cards, phone, calls)
        if found:
            self.stdout.write("NOT ENDED: " + "; ".join(found) + ".")
        else:
            types = len({card.type for card in cards})
            self.stdout.write(
                f"ENDED: {len(cards)} cards of {types} types. Nothing is alive on the phone, the "
                "sandbox acknowledged each end, and every row says so."
            )
        return not found

    def _serve(self, context: Context) -> None:
        received: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: received.append(number))
        with dispatch_loop(context.delivery.dispatcher):
            leave_some_alive()
            self.stdout.write("")
            self._tell_addresses(context)
            self.stdout.write("Three more cards are alive. Ctrl-C stops.")
            while not received:  # an event can hang when two signals come at once
                time.sleep(SIGNALS_EVERY)
