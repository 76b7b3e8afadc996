"""The host project's app; in a run that breaks the engine on purpose, it is broken here."""

from __future__ import annotations

from django.apps import AppConfig

from tests.faults.settings import RUN


class HostConfig(AppConfig):
    """Loaded after the package's own app."""

    name = "tests.faults.host"
    label = "host"

    def ready(self) -> None:
        """Break the engine in the way that the run names, if it does."""
        if "mutation" in RUN:
            from tests.faults.mutations import MUTATIONS

            MUTATIONS[RUN["mutation"]]()
