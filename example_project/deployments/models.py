"""A deployment takes a version of a service through the steps to production."""

from __future__ import annotations

from django.db import models

STEPS = ("Build", "Test", "Roll out", "Check health")


class Deployment(models.Model):
    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    service = models.CharField(max_length=60)
    version = models.CharField(max_length=40)
    steps_done = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.service} {self.version}"

    @property
    def is_running(self) -> bool:
        return self.status == self.Status.RUNNING

    @property
    def phase(self) -> str:
        """The current step, or the result."""
        return STEPS[self.steps_done] if self.is_running else self.get_status_display()

    def advance(self) -> None:
        """Finish the current step; the last one makes the deployment succeed."""
        self.steps_done += 1
        if self.steps_done == len(STEPS):
            self.status = self.Status.SUCCEEDED
        self.save()
