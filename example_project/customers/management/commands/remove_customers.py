"""Delete the customers who leave, with their keys, when their cards have ended."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from customers.models import Customer
from django_liveactivity import services


class Command(BaseCommand):
    help = "End the cards of customers who leave, and then delete the customers with their keys."

    def handle(self, *_: Any, **__: Any) -> None:
        while leaving := list(Customer.objects.filter(leaving=True)):
            for customer in leaving:
                if services.close_account(customer.slug, actor="remove_customers").is_done:
                    customer.delete()
                    self.stdout.write(f"{customer} is removed.")
            time.sleep(1)
