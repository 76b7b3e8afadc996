"""Run the demo: ``python example_project/manage.py demo``."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from demo.environment import environment, manage, sandbox


class Command(BaseCommand):
    help = "Show live activities on a sandbox's phone, and end one in each way."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--serve", action="store_true", help="keep the site and the sandbox up afterward"
        )
        parser.add_argument(
            "--faults",
            default="",
            metavar="RULES",
            help="faults of the sandbox, for example DELETE:500@1",
        )

    def handle(self, *_: Any, serve: bool, faults: str, **__: Any) -> None:
        with sandbox(faults) as vendor, environment(vendor.url) as variables:
            self.stdout.write(f"Sandbox   {vendor.url}")
            self.stdout.write(f"Database  {variables['DATABASE_URL'].partition('://')[0]}")
            self.stdout.flush()
            sys.exit(manage(["play", *(["--serve"] if serve else [])], variables))
