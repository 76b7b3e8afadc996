"""The page at `/`: what it shows, its buttons without JavaScript, and what it may load."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from django_liveactivity.sandbox.page import SHOWN_CALLS

from .api import CONTENT, PROGRESS

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def visit(sandbox):
    """Ask as a browser without JavaScript does, and follow a redirect."""
    with httpx.Client(
        base_url=sandbox.base, headers=BROWSER, follow_redirects=True, verify=False, trust_env=False
    ) as browser:
        yield lambda method="GET", path="/", **form: browser.request(
            method, path, data=form or None
        )
    sandbox.faults = ""


def part(page, element_id):
    """Return the text of an element, without tags."""
    found = re.search(rf'<(\w+) id="{element_id}"[^>]*>(.*?)</\1>', page.text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", found[2])).split())


def press(visit, page, button_id):
    """Press a button by its id: send its form."""
    action = re.search(
        rf'<form method="post" action="([^"]+)"><button id="{button_id}"', page.text
    )[1]
    return visit("POST", action)


def test_an_empty_phone_says_so(visit):
    page = visit()

    assert page.status_code == 200
    assert part(page, "summary") == "No live activity."
    assert part(page, "cards") == part(page, "gone") == part(page, "calls") == ""
    assert "None yet" in part(page, "more")


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT)
def test_every_type_is_drawn(api, visit, content):
    api.put("order-42", content)
    shown = part(visit(), "cards")

    assert content["title"] in shown
    assert "order-42 since 08:00:00" in shown


def test_four_cards_are_on_the_lock_screen_the_newest_first_and_ended_ones_last(
    run, call_as, clock
):
    api = call_as(run(concurrent=10))
    for number in range(3):
        clock.advance(1)
        api.put(f"card-{number}", {**PROGRESS, "title": f"Card {number}"})
    for number in (1, 0):
        clock.advance(1)
        api.delete(f"card-{number}")
    clock.advance(1)
    for number in (3, 4):
        api.put(f"card-{number}", {**PROGRESS, "title": f"Card {number}"})
    page = api.http.get(f"{api.url.removesuffix('/api')}/")

    shown = re.findall(r"<code>(card-\d)</code>", page.text.partition('id="gone"')[0])
    assert shown == ["card-4", "card-3", "card-2", "card-0"]
    assert part(page, "summary") == (
        "3 cards alive, 2 ended. The lock screen has no room for 1 of them."
    )


def test_an_ended_card_stays_until_its_dismissal(api, visit, clock):
    api.put("order-42", PROGRESS)
    api.delete("order-42", {**PROGRESS, "percentage": 100, "auto_dismiss_minutes": 2})
    clock.advance(minutes=1)
    page = visit()
    assert part(page, "summary") == "0 cards alive, 1 ended."
    assert "order-42 ended by a call" in part(page, "cards")

    clock.advance(minutes=2)
    page = visit()
    assert part(page, "summary") == "No live activity."
    assert part(page, "gone") == "Import order-42 ended by a call"


def test_a_timer_runs_from_its_duration_and_freezes_with_its_end(api, sandbox, clock):
    api.put("job", CONTENT["timer"])
    (card,) = sandbox._vendor.phone.alive()

    def read():
        return card.timer.read(clock())

    clock.advance(10)
    assert read() == 10
    api.put("job", {"title": "Benchmark", "subtitle": "still at it"})
    clock.advance(10)
    assert read() == 20
    api.put("job", {"title": "Benchmark", "is_running": False})
    clock.advance(10)
    assert read() == 20
    api.put("job", {"title": "Benchmark", "is_running": True})
    clock.advance(10)
    assert read() == 30
    api.put("job", {"title": "Benchmark", "duration_seconds": 60})
    assert read() == 0
    clock.advance(5)
    api.delete("job")
    clock.advance(10)
    assert read() == 5


def test_a_card_can_be_dismissed_alive_and_ended(api, visit, sandbox):
    for key in ("a", "b"):
        api.put(key, PROGRESS)
    api.delete("b")
    for card in [*sandbox.phone()["alive"], *sandbox.phone()["ended"]]:
        page = press(visit, visit(), f"dismiss-{card['activity_id']}")
        assert page.status_code == 200

    assert part(page, "summary") == "No live activity."
    assert "swiped away by the user" in part(page, "gone")
    assert sandbox.phone() == {"empty": True, "alive": [], "ended": []}


def test_a_paused_stream_is_listed_until_it_is_resumed(api, visit):
    activity_id = api.put("order-42", PROGRESS).body["activity_id"]
    page = press(visit, visit(), f"pause-{activity_id}")
    assert part(page, "cards") == ""
    assert part(page, "gone") == "Import order-42 paused by the user Resume order-42"
    assert api.put("order-42", PROGRESS).body["operation"] == "paused"

    page = press(visit, page, f"resume-{activity_id}")
    assert part(page, "gone") == "Import order-42 paused by the user"
    assert api.put("order-42", PROGRESS).body["operation"] == "rotated"


def test_a_paused_stream_is_listed_however_many_cards_went_after_it(api, visit):
    activity_id = api.put("order-42", PROGRESS).body["activity_id"]
    press(visit, visit(), f"pause-{activity_id}")
    for number in range(9):
        api.put(f"card-{number}", PROGRESS)
        api.delete(f"card-{number}", {**PROGRESS, "auto_dismiss_seconds": 0})

    gone = part(visit(), "gone")
    assert gone.startswith("Import order-42 paused by the user Resume")
    assert gone.count("Import") == 6


def test_an_evicted_card_says_so(run, call_as):
    sandbox = run(concurrent=1, evict=True)
    api = call_as(sandbox)
    api.put("first", PROGRESS)
    api.put("second", PROGRESS)

    page = api.http.get(f"{sandbox.base}/")
    assert part(page, "gone") == "Import first evicted: one card too many was started"


def test_an_expired_card_says_so(api, visit, clock):
    api.put("order-42", PROGRESS)
    clock.advance(hours=8, seconds=1)

    page = visit()
    assert "order-42 expired: iOS ends a card after 8 hours" in part(page, "cards")
    clock.advance(hours=4)
    assert "expired" in part(visit(), "gone")


def test_a_card_of_another_program_can_be_dismissed_and_not_paused(sandbox, visit):
    sandbox.start_elsewhere("pLAr/../Hnq9 <x>")
    page = visit()
    assert "Started elsewhere" in part(page, "cards")
    assert "Pause" not in part(page, "cards")

    page = press(visit, page, re.escape("dismiss-pLAr%2F..%2FHnq9%20%3Cx%3E"))
    assert part(page, "summary") == "No live activity."


def test_the_log_is_newest_first_with_all_that_was_said(api, visit):
    api.put("order-42", PROGRESS)
    api.delete("order-43")
    page = visit()

    log = part(page, "calls")
    assert log.startswith("08:00:00 DELETE stream/order-43 404 Live Activity stream not found")
    assert "08:00:00 PUT stream/order-42 200 started" in log
    assert "PUT /api/live-activity/stream/order-42" in log
    assert '"percentage": 40' in log
    assert '"operation": "started"' in log
    assert "200; the vendor processed it" in log


def test_a_fault_is_named_in_the_log(api, visit):
    visit("POST", "/faults", rules="PUT:500@1")
    api.put("order-42", PROGRESS)

    log = part(visit(), "calls")
    assert "500 Internal Server Error fault: 500" in log
    assert "the vendor did not process it" in log


def test_the_log_is_bounded(api, visit):
    for _ in range(SHOWN_CALLS + 1):
        api.delete("order-42")
    page = visit()

    assert page.text.count('<li id="call-') == SHOWN_CALLS
    assert f'<li id="call-{SHOWN_CALLS + 1}"' in page.text
    assert part(page, "more") == f"The newest {SHOWN_CALLS} of {SHOWN_CALLS + 1}."


def test_a_large_body_is_cut(api, visit):
    api.put("order-42", PROGRESS, metadata={"log": "x" * 10_000})

    page = visit()
    assert page.text.count("x" * 3000) == 1
    assert "x" * 4000 not in page.text
    assert "The rest is in calls.json" in part(page, "calls")


def test_what_a_client_sends_is_text(api, visit):
    evil = '</li><script src="/x.js"></script><b onclick=x>'
    api.put("order-42", {**PROGRESS, "title": evil}, metadata={evil: evil})
    api.http.delete("/live-activity/stream/<script>")
    half = (
        rb'{"content_state": {"title": "\ud800", "type": "alert", "message": "Half a character"}}'
    )
    assert api.http.put("/live-activity/stream/a", content=half).status_code == 200
    page = visit()

    assert page.text.count("<script") == 1
    assert "<b onclick" not in page.text
    assert evil in html.unescape(page.text)


@pytest.mark.parametrize(
    ("form", "rules"),
    [
        ({"kind": "429", "count": "1"}, "*:429@1"),
        ({"kind": "hang", "count": "3", "calls": "DELETE"}, "DELETE:hang@1-3"),
        ({"kind": "500", "count": "3", "always": "on", "calls": ""}, "*:500@1+"),
        ({"kind": "402", "count": "1"}, "PUT:402@1,POST/start:402@1"),
        ({"kind": "paused", "count": "2"}, "PUT:paused@1-2"),
        ({"rules": "PUT:500@3, *:reset@10%"}, "PUT:500@3,*:reset@10%"),
        ({"rules": ""}, ""),
    ],
    ids=str,
)
def test_a_button_or_a_text_sets_faults(visit, sandbox, form, rules):
    sandbox.faults = "DELETE:500@1"
    page = visit("POST", "/faults", **form)

    assert page.status_code == 200
    assert ",".join(map(str, sandbox.faults)) == rules
    assert f'name="rules" value="{rules}"' in page.text


def test_every_fault_button_can_be_pressed(visit, sandbox):
    kinds = re.findall(r'<button name="kind" value="([^"]+)"', visit().text)

    assert {"429", "500", "hang", "402", "paused"} <= set(kinds)
    for kind in kinds:
        assert visit("POST", "/faults", kind=kind, count="2", calls="").status_code == 200
        assert {fault.kind for fault in sandbox.faults} == {kind}


def test_faults_in_force_are_told_until_they_are_over(api, visit):
    page = visit("POST", "/faults", rules="DELETE:500@1-2,PUT:429@1+,POST/end:reset@10%")
    assert part(page, "in-force") == (
        "DELETE:500@1-2 2 calls to come PUT:429@1+ until cleared "
        "POST/end:reset@10% for 10 % of such calls Clear faults"
    )
    api.delete("order-42")
    assert "DELETE:500@1-2 1 call to come" in part(visit(), "in-force")
    api.delete("order-42")
    assert "DELETE" not in part(visit(), "in-force")

    page = press(visit, visit(), "clear")
    page = visit("POST", "/faults", rules="")
    assert part(page, "in-force").startswith("None: ")


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"rules": 'PUT:boom@1"'}, "unknown kind 'boom'"),
        ({"kind": "paused", "calls": "DELETE", "count": "1"}, "paused is an answer to PUT"),
        ({"kind": "500", "count": "0"}, "calls are counted from 1"),
    ],
    ids=str,
)
def test_faults_that_cannot_be_read_are_told_on_the_page(visit, sandbox, form, problem):
    sandbox.faults = "DELETE:500@1"
    page = visit("POST", "/faults", **form)

    assert page.status_code == 400
    assert problem in part(page, "problem")
    assert html.escape(form.get("rules", "DELETE:500@1")) in page.text
    assert [str(fault) for fault in sandbox.faults] == ["DELETE:500@1"]


def test_a_gesture_at_a_card_that_has_gone_says_so_on_the_page(visit):
    page = visit("POST", "/phone/dismiss/order-42")

    assert page.status_code == 404
    assert part(page, "problem") == "Nothing to dismiss is named order-42."


def test_programs_are_answered_json(sandbox):
    faults = httpx.post(f"{sandbox.base}/faults", data={"rules": "PUT:500@1"}, trust_env=False)
    assert (faults.status_code, faults.json()) == (200, {"success": True})
    wrong = httpx.post(f"{sandbox.base}/faults", data={"rules": "PUT"}, trust_env=False)
    assert (wrong.status_code, list(wrong.json())) == (400, ["message"])
    no_form = httpx.post(f"{sandbox.base}/faults", json={"rules": ""}, trust_env=False)
    assert (no_form.status_code, list(no_form.json())) == (400, ["message"])
    assert [str(fault) for fault in sandbox.faults] == ["PUT:500@1"]
    sandbox.faults = ""


def test_a_form_redirects_to_the_part_that_it_changes(api, sandbox):
    api.put("order-42", PROGRESS)
    for path, part_of_page in [("/phone/dismiss/order-42", "phone"), ("/faults", "faults")]:
        form = {"rules": ""}
        answer = httpx.post(sandbox.base + path, data=form, headers=BROWSER, trust_env=False)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/#{part_of_page}"
        assert f'id="{part_of_page}"' in api.http.get(f"{sandbox.base}/").text


def test_everything_is_forgotten_by_a_button(api, visit):
    api.put("order-42", PROGRESS)
    page = visit("POST", "/reset")

    assert (part(page, "cards"), part(page, "calls")) == ("", "")


def test_the_page_loads_only_what_the_sandbox_serves(visit):
    page = visit()
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)

    assert len(loaded) == 4
    assert not re.search(r'(?:href|src)="(?!/)', page.text)
    for address in loaded:
        answer = visit(path=address)
        assert answer.status_code == 200
        assert answer.text
        assert answer.headers["Content-Type"].partition(";")[0] in {
            "text/css",
            "text/javascript",
            "image/svg+xml",
        }


@pytest.mark.parametrize("path", ["/", "/phone.json", "/calls.json", "/static/page.js", "/nowhere"])
def test_every_answer_is_for_this_page_alone(visit, path):
    headers = visit(path=path).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; frame-ancestors 'none'; form-action 'self'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_nothing_on_the_page_is_inline(api, visit):
    for key, content in list(CONTENT.items())[:4]:
        api.put(key, content)
    text = visit().text

    assert "<style" not in text
    assert not re.search(r"\s(?:style|on\w+)=", text)
    assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/page.js" defer>']


@pytest.mark.parametrize("path", ["/phone.json", "/calls.json"])
def test_what_people_read_as_json_is_indented(api, visit, path):
    api.put("order-42", PROGRESS)

    assert re.search(r'\n {4,6}"account": 1,\n', visit(path=path).text)


@pytest.mark.parametrize("path", ["/", "/phone.json", "/static/page.css"])
def test_head_answers_as_get_does_without_the_body(sandbox, path):
    get = httpx.get(sandbox.base + path, trust_env=False)
    head = httpx.head(sandbox.base + path, trust_env=False)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/phone.json", "GET, HEAD"),
        ("OPTIONS", "/static/page.css", "GET, HEAD"),
        ("GET", "/reset", "POST"),
        ("PUT", "/faults", "POST"),
        ("GET", "/phone/dismiss/order-42", "POST"),
    ],
)
def test_another_method_is_not_allowed(api, sandbox, method, path, allowed):
    api.put("order-42", PROGRESS)
    answer = httpx.request(method, sandbox.base + path, trust_env=False)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert not sandbox.phone()["empty"]
