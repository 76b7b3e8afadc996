"""The card of a deployment shows its steps while it runs."""

from __future__ import annotations

from datetime import timedelta

from django_liveactivity import Icon, ModelActivity, SegmentedProgress, register
from django_liveactivity.content import Color

from .models import STEPS, Deployment

COLORS: dict[str, Color] = {Deployment.Status.SUCCEEDED: "green", Deployment.Status.FAILED: "red"}


@register(Deployment)
class DeploymentActivity(ModelActivity[Deployment]):
    dismiss_after = timedelta(minutes=15)

    def is_live(self, deployment: Deployment) -> bool:
        return deployment.is_running

    def content(self, deployment: Deployment) -> SegmentedProgress:
        return SegmentedProgress(
            title=str(deployment),
            subtitle=deployment.phase,
            current_step=deployment.steps_done,
            number_of_steps=len(STEPS),
            color=COLORS.get(deployment.status, "blue"),
            icon=Icon(symbol="shippingbox.fill"),
        )

    def final_content(self, deployment: Deployment) -> SegmentedProgress:
        return self.content(deployment)
