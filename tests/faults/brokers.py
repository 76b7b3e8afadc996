"""Brokers of a run's own: a Redis, and a RabbitMQ node that knows nothing of the machine's."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from functools import cached_property

import redis

from tests.ports import free_port, wait_until_open

from . import requirements
from .databases import fresh_name
from .own_servers import Server


class Redis(Server):
    """A Redis that keeps nothing: when it is killed, its messages are gone."""

    @cached_property
    def client(self) -> redis.Redis:
        """A way into it."""
        return redis.Redis(port=self.port)

    def run_settings(self) -> dict[str, str]:
        """Return what processes that use it find in their run."""
        return {"dispatcher": "celery", "broker": f"redis://127.0.0.1:{self.port}/0"}

    def command(self) -> list[str]:
        program = requirements.program("redis-server", "redis-server")
        return [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]


class Rabbitmq(Server):
    """A RabbitMQ node with a port mapper, a cookie and files of its own; it stops in good order."""

    ending = signal.SIGTERM

    def run_settings(self) -> dict[str, str]:
        """Return what processes that use it find in their run; each time another queue."""
        broker = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        return {"dispatcher": "celery", "broker": broker, "queue": fresh_name("queue")}

    def prepare(self) -> None:
        self.mapper_port, self.node_port = free_port(), free_port()
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text("loopback_users.guest = true\n")
        mapper = [requirements.program("epmd", "erlang-base"), "-port", str(self.mapper_port)]
        self.launch(*mapper, "-address", "127.0.0.1")
        wait_until_open(self.mapper_port)

    def command(self) -> list[str]:
        return [requirements.program("rabbitmq-server", "rabbitmq-server", "usr/lib/rabbitmq/bin")]

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),  # the cookie
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"{self.folder.name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RUNNING_UNDER_SYSTEMD": "true",  # the node replaces the script, as a child of ours
        }
