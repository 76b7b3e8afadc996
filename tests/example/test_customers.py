"""The customers of the example: keys are encrypted, and no page shows one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from .running import manage

ASK = """
from django.contrib.auth.models import User
from django.test import Client
from customers.models import Customer
from django_liveactivity import conf

User.objects.create_superuser("operator", password="secret")
client = Client(SERVER_NAME="127.0.0.1")
client.login(username="operator", password="secret")
add = "/admin/customers/customer/add/"
assert b"Give the customer" in client.post(add, {"slug": "acme"}).content
assert b"lower case" in client.post(add, {"slug": "Acme", "key": "ask_x"}).content
assert client.post(add, {"slug": "acme", "key": "ask_acme_0123456789"}).status_code == 302
page = "/admin/customers/customer/1/change/"
assert b"ask_acme" not in client.get(page).content
before = conf.account("acme")
assert client.post(page, {"key": "ask_acme_9876543210"}).status_code == 302
conf.forget_version()
assert conf.account("acme") is not before
assert client.post(page, {"key": ""}).status_code == 302
assert Customer.objects.get().api_key == "ask_acme_9876543210"
assert client.post("/admin/customers/customer/1/delete/").status_code == 403
remove = {"action": "remove", "_selected_action": ["1"]}
assert client.post("/admin/customers/customer/", remove).status_code == 302
conf.forget_version()
assert conf.account("acme").closing
print("well")
"""


def test_customers_come_and_change_and_leave(tmp_path):
    path = tmp_path / "db.sqlite3"
    with manage("migrate", DATABASE_URL=f"sqlite:///{path}") as run:
        assert run.finish() == 0, run.output
    with manage("shell", "-c", ASK, DATABASE_URL=f"sqlite:///{path}") as run:
        assert run.finish() == 0, run.output
        assert "well" in run.output
    with closing(sqlite3.connect(path)) as database:
        [(stored,)] = database.execute("SELECT api_key FROM customers_customer")
    assert "ask_acme" not in stored
