"""Plays the demo in the world that the environment names; ``manage.py demo`` starts it."""

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

from demo.courier import Courier, dispatch_loop, worker
from demo.report import Card, problems, table
from demo.rows import describe, refuse_a_database_in_use
from demo.site import admin_login, robot_token, site
from demo.ways import WAYS, Stage, leave_some_alive
from django_liveactivity.models import LiveActivity

SIGNALS_EVERY = 0.1


class Command(BaseCommand):
    help = "Play the demo with the sandbox and the database that the environment names."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--serve", action="store_true")

    def handle(self, *_: Any, serve: bool, **__: Any) -> None:
        dispatcher = settings.LIVEACTIVITY["default"]["DISPATCHER"]
        self.sandbox = settings.ACTIVITYSMITH_BASE_URL.removesuffix("/api")
        call_command("migrate", verbosity=0)
        refuse_a_database_in_use()
        with worker(dispatcher, os.environ["DEMO_FOLDER"]), site() as address:
            self.stdout.write(f"Site      {address}\nDelivery  {dispatcher}\n\n")
            courier = Courier(dispatcher, self.stdout)
            stage = Stage(courier, address, admin_login(), robot_token())
            cards = self._play(stage)
            courier.settle()
            all_is_well = self._judge([describe(way, row) for way, row in cards])
            if serve:
                self._serve(stage)
        sys.exit(0 if all_is_well else 1)

    def _play(self, stage: Stage) -> list[tuple[str, LiveActivity]]:
        played = []
        for way, act in WAYS.items():
            begun = time.monotonic()
            row = act(stage)
            stage.courier.deliver()
            played.append((way, row))
            card, seconds = describe(way, row), time.monotonic() - begun
            self.stdout.write(f"{way}: {card.type} {card.title!r} {card.status}, {seconds:.1f} s")
        return played

    def _judge(self, cards: list[Card]) -> bool:
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

    def _serve(self, stage: Stage) -> None:
        asked: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        with dispatch_loop(stage.courier.dispatcher):
            leave_some_alive()
            self.stdout.write(
                f"\nSite   {stage.address}/"
                f"\nAdmin  {stage.address}/admin/django_liveactivity/liveactivity/"
                f"\nLogin  {stage.admin.name} / {stage.admin.password}"
                f"\nPhone  {self.sandbox}/phone.json"
                f"\nCalls  {self.sandbox}/calls.json"
                "\nThree more cards are alive. Ctrl-C stops."
            )
            while not asked:  # an event's wait or set can hang when two signals come at once
                time.sleep(SIGNALS_EVERY)
