"""A job's card is shown on its customer's account while it runs."""

from __future__ import annotations

from django_liveactivity import ModelActivity, Progress, register

from .models import Job


@register(Job)
class JobActivity(ModelActivity[Job]):
    def get_account(self, job: Job) -> str:
        return job.customer.slug

    def is_live(self, job: Job) -> bool:
        return job.running

    def content(self, job: Job) -> Progress:
        return Progress(title=job.name, percentage=job.progress)
