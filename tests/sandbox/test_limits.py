"""The rate limit, the concurrent cards, billing and channels."""

from __future__ import annotations

import pytest

from .api import CONTENT, PROGRESS


def statuses(api, count):
    return [api.delete("never-seen").status for _ in range(count)]


def test_calls_beyond_the_rate_limit_are_refused(run, call_as):
    api = call_as(run(rate_limit=(3, 60.0)))

    assert statuses(api, 4) == [404, 404, 404, 429]
    assert api.put("order-42", PROGRESS).body == {
        "code": "rate_limited",
        "error": "Rate limit exceeded",
        "message": "Too many requests, please try again later.",
    }


def test_every_call_of_an_account_counts_even_a_refused_one(run, call_as):
    api = call_as(run(rate_limit=(4, 60.0)))
    activity_id = api.started()
    api.put("order-42", PROGRESS)
    api.put("order-42", {"title": "no type fields"})
    api.end(activity_id, PROGRESS)

    assert api.delete("order-42").status == 429


def test_a_refused_call_changes_nothing(run, call_as):
    sandbox = run(rate_limit=(1, 60.0))
    api = call_as(sandbox)
    api.put("order-42", PROGRESS)

    assert api.delete("order-42").status == 429
    assert not sandbox.phone()["empty"]


def test_accounts_have_limits_of_their_own(run, call_as):
    sandbox = run(rate_limit=(1, 60.0))

    assert statuses(call_as(sandbox, "ask_one"), 2) == [404, 429]
    assert statuses(call_as(sandbox, "ask_two"), 2) == [404, 429]


def test_a_fixed_window_lets_all_calls_in_again_when_it_is_over(run, call_as, clock):
    api = call_as(run(rate_limit=(2, 60.0), window="fixed"))
    statuses(api, 1)
    clock.advance(50)
    assert statuses(api, 2) == [404, 429]

    clock.advance(10)
    assert statuses(api, 3) == [404, 404, 429]


def test_a_sliding_window_lets_a_call_in_as_one_leaves_it(run, call_as, clock):
    api = call_as(run(rate_limit=(2, 60.0), window="sliding"))
    statuses(api, 1)
    clock.advance(50)
    assert statuses(api, 2) == [404, 429]

    clock.advance(10)
    assert statuses(api, 2) == [404, 429]


def test_no_retry_after_is_sent_unless_asked_for(run, call_as):
    silent = call_as(run(rate_limit=(1, 60.0)))
    speaking = call_as(run(rate_limit=(1, 60.0), retry_after=7))

    for api in (silent, speaking):
        statuses(api, 1)
    assert "Retry-After" not in silent.delete("a").headers
    assert speaking.delete("a").headers["Retry-After"] == "7"


@pytest.mark.parametrize("way", ["put", "start"])
def test_a_card_beyond_the_concurrent_ones_is_refused(run, call_as, way):
    api = call_as(run(concurrent=2))
    api.put("one", PROGRESS)
    api.started()
    reply = api.put("three", PROGRESS) if way == "put" else api.start(PROGRESS)

    assert reply.status == 429
    assert (reply.body["limit"], reply.body["active"]) == (2, 2)
    assert api.put("one", {**PROGRESS, "percentage": 50}).status == 200


def test_an_end_makes_room(run, call_as):
    api = call_as(run(concurrent=1))
    api.put("one", PROGRESS)
    api.delete("one")

    assert api.put("two", PROGRESS).status == 200


def test_another_type_needs_no_further_room(run, call_as):
    api = call_as(run(concurrent=1))
    api.put("one", PROGRESS)

    assert api.put("one", CONTENT["alert"]).body["operation"] == "rotated"


@pytest.mark.parametrize("way", ["put", "start"])
def test_eviction_ends_the_oldest_card_instead(run, call_as, way):
    sandbox = run(concurrent=2, evict=True)
    api = call_as(sandbox)
    oldest, younger = api.started(), api.started()
    reply = api.put("three", PROGRESS) if way == "put" else api.start(PROGRESS)

    assert reply.body["ended_activity_id"] == oldest
    alive = [shown["activity_id"] for shown in sandbox.phone()["alive"]]
    assert alive == [younger, reply.body["activity_id"]]


@pytest.mark.parametrize(
    "error", ["trial_expired", "trial_exhausted", "billing_overage_cap_reached"]
)
def test_billing_blocks_starts_and_puts_and_lets_ends_flow(run, call_as, error):
    sandbox = run()
    api = call_as(sandbox)
    activity_id = api.started()
    api.put("order-42", PROGRESS)
    sandbox.policy.billing = error

    assert api.put("order-42", PROGRESS).body["error"] == error
    assert api.start(PROGRESS).status == 402
    assert api.delete("order-42").status == 200
    assert api.end(activity_id, PROGRESS).status == 200


@pytest.mark.parametrize("status", [404, 422])
def test_channels_without_devices_have_no_recipients(run, call_as, status):
    api = call_as(run(no_recipients=status))
    replies = (
        api.put("order-42", PROGRESS, channels=["empty"]),
        api.put("order-42", PROGRESS, target={"channels": ["empty"]}),
        api.start(PROGRESS, target={"channels": ["empty"]}),
    )

    for reply in replies:
        assert reply.status == status
        assert reply.body["effective_channel_slugs"] == ["empty"]


def test_only_channels_that_exist_have_devices(run, call_as):
    api = call_as(run(channels=["ops"]))

    assert api.put("one", PROGRESS, channels=["devs"]).status == 422
    assert api.put("one", PROGRESS, channels=["devs", "ops"]).status == 200


def test_a_channel_outside_the_keys_scope_is_forbidden(api):
    assert api.put("one", PROGRESS, channels=["ops", "forbidden"]).status == 403
    assert api.start(PROGRESS, target={"channels": ["forbidden"]}).status == 403


def test_the_channels_asked_for_are_told_back(api, card):
    reply = api.put("one", PROGRESS, channels=["ops"], target={"channels": ["ops"]})

    assert reply.body["effective_channel_slugs"] == ["ops"]
    assert card()["channels"] == ["ops"]
