"""A bare caller of the sandbox, which checks every answer against the contract."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from .contract import assert_conforms

CONTENT: dict[str, dict[str, Any]] = {
    "progress": {"title": "Import", "type": "progress", "percentage": 40},
    "segmented_progress": {
        "title": "Deploy",
        "type": "segmented_progress",
        "number_of_steps": 4,
        "current_step": 1,
    },
    "metrics": {
        "title": "Server",
        "type": "metrics",
        "metrics": [{"label": "CPU", "value": 27, "unit": "%"}],
    },
    "stats": {
        "title": "Sales",
        "type": "stats",
        "metrics": [{"label": "Today", "value": "$1,200"}],
    },
    "alert": {"title": "Approval", "type": "alert", "message": "Send it?"},
    "timer": {"title": "Benchmark", "type": "timer", "duration_seconds": 300},
    "value": {"title": "Revenue", "type": "value", "value": "$1,200.50"},
}
PROGRESS = CONTENT["progress"]


class Reply(NamedTuple):
    """An answer, read."""

    status: int
    body: Any
    headers: httpx.Headers


class Api:
    """Calls the API of a sandbox with one API key."""

    def __init__(self, url: str, key: str = "ask_test") -> None:
        self.url = url
        # Certificates take a while to load, and there is no TLS on loopback.
        self.http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=5,
            trust_env=False,
            verify=False,
        )

    def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Reply:
        """Make a call and check that the contract allows its answer."""
        answer = self.http.request(method, path, json=body, **kwargs)
        reply = Reply(answer.status_code, answer.json(), answer.headers)
        assert_conforms(method, path, reply.status, reply.body)
        return reply

    def start(self, content: dict[str, Any], **fields: Any) -> Reply:
        """Start a card by hand."""
        return self.call("POST", "/live-activity/start", {"content_state": content, **fields})

    def update(self, activity_id: str, content: dict[str, Any], **fields: Any) -> Reply:
        """Update a card by its id."""
        body = {"activity_id": activity_id, "content_state": content, **fields}
        return self.call("POST", "/live-activity/update", body)

    def end(self, activity_id: str, content: dict[str, Any], **fields: Any) -> Reply:
        """End a card by its id."""
        body = {"activity_id": activity_id, "content_state": content, **fields}
        return self.call("POST", "/live-activity/end", body)

    def put(self, key: str, content: dict[str, Any], **fields: Any) -> Reply:
        """Show the latest state of a stream."""
        body = {"content_state": content, **fields}
        return self.call("PUT", f"/live-activity/stream/{key}", body)

    def delete(self, key: str, content: dict[str, Any] | None = None, **fields: Any) -> Reply:
        """End a stream, without a body unless there is something to say."""
        body = fields if content is None else {"content_state": content, **fields}
        return self.call("DELETE", f"/live-activity/stream/{key}", body or None)

    def started(self, content: dict[str, Any] = PROGRESS) -> str:
        """Start a card and return its id."""
        return str(self.start(content).body["activity_id"])
