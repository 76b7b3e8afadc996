"""The form of final content: a field for each path; untouched fields are not sent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.forms import Textarea
from hypothesis import given, settings, strategies as st

from django_liveactivity.admin.content_fields import CHOICES, LABELS
from django_liveactivity.admin.content_form import ContentForm, Shown
from django_liveactivity.admin.form_errors import WORDS
from django_liveactivity.admin.labels import TYPES
from django_liveactivity.content import cards
from django_liveactivity.content.endpoints import ENDPOINTS, TYPE_NAMES, Endpoint
from django_liveactivity.content.json_schema import content_outline, option_outline
from django_liveactivity.content.parsing import parse_content
from tests.content.strategies import FIELDS, links, texts, webhooks

OUR_WORDS = {str(words) for words in WORDS.values()}
DJANGOS_WORDS = ("This field is required.", "Ensure this value is ", "Enter a ", "Select a valid ")
BY_KEY, BY_ID = Endpoint.END_STREAM, Endpoint.END
BADGE = {"title": "Now", "color": "red"}
LOOK = {"subtitle": "eu-1", "color": "blue", "icon": {"symbol": "hammer", "color": "cyan"}}
FULL: dict[str, dict[str, Any]] = {
    "progress": {"percentage": 40, "value": 4, "upper_limit": 10, "badge": BADGE},
    "segmented_progress": {
        "current_step": 2,
        "number_of_steps": 4,
        "step_color": "lime",
        "step_colors": ["green", "gray"],
        "badge": BADGE,
    },
    "metrics": {
        "metrics": [
            {"label": "CPU", "value": 87, "unit": "%", "color": "red"},
            {"label": "Memory", "value": "3.1", "unit": "GB", "color": "green"},
        ]
    },
    "stats": {"metrics": [{"label": "Orders", "value": "1,204", "unit": "today", "color": "lime"}]},
    "alert": {"message": "It is down.\nAll of it.", "badge": BADGE},
    "timer": {"counts_down": False, "is_running": True},
    "value": {"value": 12.5, "badge": BADGE},
}
"""Content of each type with everything that its end can show."""
ACTION = {
    "title": "Restart",
    "type": "webhook",
    "url": "https://example.com/hook",
    "method": "POST",
    "body": {"id": 7},
}
LINK = {"title": "Look", "type": "open_url", "url": "https://example.com"}


def full(name: str) -> dict[str, Any]:
    return {"type": name, "title": "Deploy", **LOOK, **FULL[name]}


def typed(form: ContentForm) -> dict[str, str]:
    """What a browser sends of a form without changes."""
    sent = {}
    for bound in form:
        value = "" if bound.value() is None else str(bound.value())
        if isinstance(bound.field.widget, Textarea):
            value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        else:
            value = value.replace("\r", "").replace("\n", "")
        sent[bound.name] = value
    return sent


def fill(shown: Shown, changes: dict[str, str] | None = None, **options: Any) -> ContentForm:
    """The form of a card, sent with these fields changed."""
    given = {"endpoint": BY_KEY, "content_type": shown.content_type, **options}
    first = ContentForm(shown=shown, **given)
    assert (changes or {}).keys() <= first.fields.keys()
    return ContentForm({**typed(first), **(changes or {})}, shown=shown, **given)


def sent(form: ContentForm) -> Any:
    assert form.is_valid(), form.errors
    return form.content


def unknown(name: str, changes: dict[str, str], **options: Any) -> ContentForm:
    """The form of a card of which nothing is known."""
    return fill(Shown(), changes, content_type=name, **options)


class TestNoFieldIsForgotten:
    @staticmethod
    def paths_in(schema: dict[str, Any], node: dict[str, Any], prefix: str = "") -> set[str]:
        """Every path that the JSON Schema of a model has, rows as row 0."""
        nodes = [node, *node.get("anyOf", [])]
        nodes += [schema["$defs"][n["$ref"].rpartition("/")[2]] for n in nodes if "$ref" in n]
        found = set()
        for each in nodes:
            for name, inner in each.get("properties", {}).items():
                deeper = TestNoFieldIsForgotten.paths_in(schema, inner, f"{prefix}{name}.")
                found |= deeper or {f"{prefix}{name}"}
            if "items" in each:
                found |= TestNoFieldIsForgotten.paths_in(schema, each["items"], f"{prefix}0.")
        return found

    @pytest.mark.parametrize("name", TYPE_NAMES)
    def test_the_form_has_each_path_that_the_models_have_and_an_end_takes(self, name):
        schema = cards.CONTENT_TYPES[name].model_json_schema()
        options = cards.Options.model_json_schema()
        wanted = self.paths_in(schema, schema) | self.paths_in(options, options)

        form = ContentForm(endpoint=BY_KEY, content_type=name)

        missing = {path for path in wanted if path not in form.fields}
        not_at_an_end = {"type", "channels", "duration_seconds"}
        if "secondary_action.title" not in form.fields:
            assert name in ("metrics", "stats", "timer")
            not_at_an_end |= {path for path in wanted if path.startswith("secondary_action")}
        assert missing <= not_at_an_end

    @pytest.mark.parametrize("endpoint", [BY_KEY, BY_ID])
    @pytest.mark.parametrize("name", ["", *TYPE_NAMES])
    def test_each_field_and_each_choice_has_a_name_in_words(self, name, endpoint):
        outlines = [*content_outline(endpoint, name), *option_outline(endpoint, name)]

        assert {outline.general_path for outline in outlines} <= LABELS.keys()
        choices = {choice for outline in outlines for choice in outline.choices}
        assert choices <= CHOICES.keys() | {"GET", "POST"}
        assert set(TYPES) == set(TYPE_NAMES)

    def test_the_full_content_of_the_tests_below_has_every_field(self):
        for name in TYPE_NAMES:
            shown = Shown(full(name), {})
            empty = {
                outline.path
                for outline in content_outline(BY_KEY, name)
                if shown.at(outline.path) is None and not outline.path.startswith("metrics.")
            }
            assert not empty

    def test_an_announcement_goes_with_a_key_only(self):
        assert "alert.title" in ContentForm(endpoint=BY_KEY).fields
        assert "alert.title" not in ContentForm(endpoint=BY_ID).fields
        assert "alert" not in ENDPOINTS[BY_ID].options

    def test_there_are_as_many_rows_as_a_card_can_show(self):
        form = ContentForm(endpoint=BY_KEY, content_type="stats")

        assert sum(name.endswith(".label") for name in form.fields) == 8
        rows = [{"label": "a", "value": 1}] * 9
        with pytest.raises(ValueError, match="at most 8"):
            cards.Stats(title="t", metrics=rows)


class TestUntouched:
    @pytest.mark.parametrize("name", TYPE_NAMES)
    def test_nothing_is_sent(self, name):
        form = fill(Shown(full(name), {"action": ACTION, "tags": ["a"], "metadata": {"b": 1}}))

        assert sent(form) is None
        assert form.options == {}

    @given(content=st.sampled_from(list(FIELDS)).flatmap(lambda c: FIELDS[c].map(lambda f: c(**f))))
    def test_nothing_is_sent_whatever_the_card_shows(self, content):
        assert sent(fill(Shown(content.to_json()))) is None

    @given(action=webhooks | links, tags=st.lists(texts(min_size=1)))
    def test_no_option_is_sent_whatever_is_beside_it(self, action, tags):
        options = {"action": cards.Action(**action).to_json(), "metadata": {"a": [1]}, "tags": tags}
        form = fill(Shown(full("alert"), options))

        assert sent(form) is None
        assert form.options == {}

    @given(content=st.sampled_from(list(FIELDS)).flatmap(lambda c: FIELDS[c].map(lambda f: c(**f))))
    def test_beside_a_new_title_all_stays_as_it_was(self, content):
        before = content.to_json()

        after = sent(fill(Shown(before), {"title": "Over"}))

        before.pop("duration_seconds", None)
        assert after == {**before, "title": "Over"}

    def test_what_the_browser_alone_has_changed_is_untouched(self):
        content = {"type": "alert", "title": "a\nb\r\nc", "message": "d\re\r\nf\ng "}

        assert sent(fill(Shown(content))) is None

    def test_content_that_says_no_type_says_none_after_a_change(self):
        content = {"title": "Deploy", "percentage": 40}
        assert Shown(content).content_type == "progress"

        assert sent(fill(Shown(content), {"percentage": "60"})) == {**content, "percentage": 60}

    def test_what_an_end_said_that_is_replaced_is_said_again(self):
        replaced = frozenset({"content", "action"})
        form = fill(Shown(full("alert"), {"action": LINK, "tags": ["a"]}, replaced))

        assert sent(form) == full("alert")
        assert form.options == {"action": LINK, "tags": ["a"]}

    def test_only_the_option_that_such_an_end_said_is_said_again(self):
        form = fill(Shown(full("alert"), {"action": LINK, "tags": ["a"]}, frozenset({"action"})))

        assert sent(form) is None
        assert form.options == {"action": LINK}


class TestTyped:
    @pytest.mark.parametrize(
        ("name", "changes", "expected"),
        [
            ("progress", {"percentage": "62.5"}, {"percentage": 62.5}),
            ("progress", {"percentage": "1e1"}, {"percentage": 10.0}),
            ("segmented_progress", {"current_step": "4"}, {"current_step": 4}),
            ("segmented_progress", {"step_colors": "red,  lime"}, {"step_colors": ["red", "lime"]}),
            ("alert", {"message": "a\r\nb"}, {"message": "a\nb"}),
            ("timer", {"counts_down": "true"}, {"counts_down": True}),
            ("timer", {"is_running": "false"}, {"is_running": False}),
            ("value", {"value": "13"}, {"value": 13}),
            ("value", {"value": "-13"}, {"value": -13}),
            ("value", {"value": "13 ms"}, {"value": "13 ms"}),
            ("value", {"color": "red"}, {"color": "red"}),
            ("value", {"icon.symbol": "star"}, {"icon": {"symbol": "star", "color": "cyan"}}),
            ("value", {"badge.color": ""}, {"badge": {"title": "Now"}}),
        ],
    )
    def test_a_change_is_sent_in_its_own_kind_with_all_that_was_there(
        self, name, changes, expected
    ):
        content = sent(fill(Shown(full(name)), changes))

        assert content == {**full(name), **expected}
        changed = content[next(iter(expected))]
        assert type(changed) is type(next(iter(expected.values())))

    def test_text_in_a_row_stays_text_and_a_number_stays_a_number(self):
        changes = {"metrics.0.value": "-88", "metrics.1.value": "32"}

        rows = fill(Shown(full("metrics")), changes | {"metrics.0.value": "88"})

        values = [row["value"] for row in sent(rows)["metrics"]]
        assert values == [88, "32"]
        assert type(values[0]) is int

    def test_a_new_row_that_is_a_negative_number_is_text_because_gauges_begin_at_zero(self):
        row = {"metrics.2.label": "Delta", "metrics.2.value": "-5"}

        assert sent(fill(Shown(full("metrics")), row))["metrics"][2] == {
            "label": "Delta",
            "value": "-5",
        }

    def test_rows_close_ranks(self):
        emptied = {f"metrics.0.{part}": "" for part in ("label", "value", "unit")}
        added = {"metrics.6.label": "Disk", "metrics.6.value": "5"}

        rows = sent(fill(Shown(full("metrics")), emptied | added))["metrics"]

        assert rows == [full("metrics")["metrics"][1], {"label": "Disk", "value": 5}]

    @pytest.mark.parametrize("name", TYPE_NAMES)
    def test_a_card_of_which_nothing_is_known_is_told_its_type(self, name):
        first = typed(fill(Shown(full(name))))

        content = sent(unknown(name, {path: text for path, text in first.items() if text}))

        assert content == {**full(name), **texts_as_numbers(name)}

    def test_a_title_alone_has_no_type(self):
        assert sent(unknown("", {"title": "Over"})) == {"title": "Over"}

    def test_a_first_title_is_sent_as_if_it_had_been_typed(self):
        form = ContentForm(endpoint=BY_ID, title="Backup")

        assert sent(ContentForm(typed(form), endpoint=BY_ID, title="Backup")) == {"title": "Backup"}

    def test_of_an_unknown_card_nothing_typed_is_nothing_sent(self):
        form = unknown("progress", {})

        assert sent(form) is None
        assert form.options == {}


def texts_as_numbers(name: str) -> dict[str, Any]:
    """What is typed that looks like a number is a number where nothing was known before."""
    if name != "metrics":
        return {}
    rows = full(name)["metrics"]
    return {"metrics": [rows[0], {**rows[1], "value": 3.1}]}


def optional_paths() -> list[tuple[str, str]]:
    return [
        (name, outline.path)
        for name in TYPE_NAMES
        for outline in content_outline(BY_KEY, name)
        if not outline.required and Shown(full(name)).at(outline.path) is not None
        # Value and limit go together.
        if (name, outline.path) not in {("progress", "value"), ("progress", "upper_limit")}
    ]


class TestCleared:
    @pytest.mark.parametrize(("name", "path"), optional_paths())
    def test_an_optional_field_that_is_emptied_is_not_sent(self, name, path):
        content = sent(fill(Shown(full(name)), {path: ""}))

        assert Shown(content).at(path) is None
        assert parse_content(content)

    @pytest.mark.parametrize("group", ["icon", "badge"])
    def test_without_its_text_an_icon_or_badge_is_gone_color_and_all(self, group):
        name = {"icon": "icon.symbol", "badge": "badge.title"}[group]

        assert group not in sent(fill(Shown(full("alert")), {name: ""}))

    @pytest.mark.parametrize("button", ["action", "secondary_action"])
    def test_a_button_without_its_texts_is_gone_and_the_content_is_said(self, button):
        """An end that says nothing would keep the card's buttons."""
        shown = Shown(full("alert"), {"action": ACTION, "secondary_action": ACTION})
        emptied = {f"{button}.{part}": "" for part in ("title", "url", "body")}

        form = fill(shown, emptied)

        assert sent(form) == full("alert")
        other = "secondary_action" if button == "action" else "action"
        assert form.options == {other: ACTION}

    def test_tags_and_metadata_are_sent_empty_or_they_would_stay(self):
        shown = Shown(full("alert"), {"tags": ["a"], "metadata": {"b": 1}})

        form = fill(shown, {"tags": "", "metadata": ""})

        assert sent(form) is None
        assert form.options == {"tags": [], "metadata": {}}

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("progress", "title"),
            ("segmented_progress", "current_step"),
            ("alert", "message"),
            ("value", "value"),
            ("metrics", "metrics.1.label"),
            ("stats", "metrics.0.value"),
        ],
    )
    def test_a_required_field_that_is_emptied_is_asked_for(self, name, path):
        form = fill(Shown(full(name)), {path: ""})

        assert form.errors == {path: ["This field is required."]}


class TestOptions:
    def test_a_new_button_goes_alone_so_that_the_newest_content_is_shown(self):
        form = fill(Shown(full("timer")), {"action.title": "Look", "action.url": LINK["url"]})

        assert sent(form) is None
        assert form.options == {"action": LINK}

    def test_a_webhook_has_its_method_and_its_body(self):
        changes = {f"action.{name}": str(value) for name, value in ACTION.items()}

        form = fill(Shown(full("timer")), changes | {"action.body": '{"id": 7}'})

        assert sent(form) is None
        assert form.options == {"action": ACTION}

    def test_new_content_takes_the_buttons_along(self):
        shown = Shown(full("alert"), {"action": ACTION, "secondary_action": LINK, "tags": ["a"]})

        form = fill(shown, {"message": "It is up."})

        assert sent(form)["message"] == "It is up."
        assert form.options == shown.options

    def test_an_announcement_goes_alone(self):
        form = fill(Shown(full("alert")), {"alert.title": "Up", "alert.body": "All of it."})

        assert sent(form) is None
        assert form.options == {"alert": {"title": "Up", "body": "All of it."}}


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "changes", "field"),
        [
            ("progress", {"percentage": "101"}, "percentage"),
            ("progress", {"percentage": "-1"}, "percentage"),
            ("progress", {"percentage": "many"}, "percentage"),
            ("progress", {"percentage": "NaN"}, "percentage"),
            ("progress", {"percentage": "Infinity"}, "percentage"),
            ("progress", {"percentage": "1e400"}, "percentage"),
            ("progress", {"percentage": "9" * 5000}, "percentage"),
            ("progress", {"percentage": "٤"}, "percentage"),
            ("progress", {"value": ""}, "value"),
            ("progress", {"upper_limit": ""}, "upper_limit"),
            ("progress", {"upper_limit": "0"}, "upper_limit"),
            ("progress", {"value": str(2**60)}, "value"),
            ("progress", dict.fromkeys(("percentage", "value", "upper_limit"), ""), "percentage"),
            ("segmented_progress", {"current_step": "5"}, "current_step"),
            ("segmented_progress", {"current_step": "-1"}, "current_step"),
            ("segmented_progress", {"current_step": "1.5"}, "current_step"),
            ("segmented_progress", {"number_of_steps": "0"}, "number_of_steps"),
            ("segmented_progress", {"step_colors": "red, pink"}, "step_colors"),
            ("segmented_progress", {"step_color": "pink"}, "step_color"),
            ("metrics", {"metrics.0.value": "-88"}, "metrics.0.value"),
            ("metrics", {"metrics.1.value": "x" * 65}, "metrics.1.value"),
            ("metrics", {"metrics.7.unit": "GB"}, "metrics.7.label"),
            ("metrics", {"metrics.7.label": "Disk"}, "metrics.7.value"),
            ("metrics", {"metrics.0.color": "pink"}, "metrics.0.color"),
            ("timer", {"counts_down": "perhaps"}, "counts_down"),
            ("value", {"color": "pink"}, "color"),
            ("value", {"icon.color": "pink"}, "icon.color"),
            ("value", {"badge.title": "", "badge.color": "lime"}, "badge.title"),
            ("value", {"value": "1\0"}, "value"),
            ("alert", {"title": "a\0b"}, "title"),
            ("alert", {"title": "a\ud800b"}, "title"),
            ("alert", {"message": "a\ud800b"}, "message"),
            ("alert", {"icon.symbol": "a\udfffb"}, "icon.symbol"),
            ("alert", {"action.title": "Look"}, "action.url"),
            ("alert", {"action.url": "https://example.com"}, "action.title"),
            ("alert", {"action.title": "a", "action.url": "ftp://example.com"}, "action.url"),
            ("alert", {"action.title": "a", "action.url": "https://a b"}, "action.url"),
            ("alert", {"action.title": "a", "action.url": "https://"}, "action.url"),
            (
                "alert",
                {"action.title": "a", "action.url": "https://a", "action.method": "GET"},
                "action.method",
            ),
            ("alert", {"action.body": "[1]"}, "action.title"),
            ("alert", {"tags": "x" * 65}, "tags"),
            ("alert", {"tags": "\n".join(map(str, range(21)))}, "tags"),
            ("alert", {"metadata": "{"}, "metadata"),
            ("alert", {"metadata": "[1]"}, "metadata"),
            ("alert", {"metadata": '"text"'}, "metadata"),
            ("alert", {"metadata": '{"a": NaN}'}, "metadata"),
            ("alert", {"metadata": '{"a": [1]}'}, "metadata"),
            ("alert", {"metadata": '{"a": "\\ud800"}'}, "metadata"),
            ("alert", {"metadata": '{"a": "\\u0000"}'}, "metadata"),
            ("alert", {"metadata": '{"' + "k" * 101 + '": 1}'}, "metadata"),
            ("alert", {"metadata": "[" * 100_000}, "metadata"),
            ("alert", {"metadata": '{"a": ' + "9" * 5000 + "}"}, "metadata"),
        ],
    )
    def test_each_lands_at_its_field(self, name, changes, field):
        form = fill(Shown(full(name)), changes)

        assert not form.is_valid()
        assert field in form.errors
        assert "__all__" not in form.errors
        told = {text for texts in form.errors.values() for text in texts}
        assert all(text in OUR_WORDS or text.startswith(DJANGOS_WORDS) for text in told)

    def test_in_the_row_where_it_was_typed_though_rows_above_are_empty(self):
        rows = {"metrics.2.label": "Disk", "metrics.2.value": "x" * 65}

        form = unknown("metrics", {"title": "Load", **rows})

        assert list(form.errors) == ["metrics.2.value"]

    def test_without_any_row_the_first_is_asked_for(self):
        form = unknown("metrics", {"title": "Load"})

        assert list(form.errors) == ["metrics.0.label", "metrics.0.value"]

    def test_deep_in_a_body_at_the_body(self):
        deep = '{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}}'
        hook = {f"action.{name}": str(value) for name, value in ACTION.items()}

        form = fill(Shown(full("alert")), hook | {"action.body": deep})

        assert list(form.errors) == ["action.body"]

    def test_content_of_16_kib_is_taken_and_more_is_refused_for_the_whole(self):
        frame = len(
            json.dumps({"title": "t", "message": "", "type": "alert"}, separators=(",", ":"))
        )
        fits = {"title": "t", "message": "x" * (16 * 1024 - frame)}

        assert sent(unknown("alert", fits))
        form = unknown("alert", {**fits, "title": "tt"})
        assert form.errors == {"__all__": ["The content is too large; shorten it."]}

    def test_options_that_are_too_large_are_refused_for_the_whole(self):
        hook = {f"action.{name}": str(value) for name, value in ACTION.items()}

        form = fill(
            Shown(full("alert")), hook | {"action.body": json.dumps({"a": "x" * 23 * 1024})}
        )

        assert list(form.errors) == ["__all__"]

    @pytest.mark.parametrize("name", TYPE_NAMES)
    def test_what_was_typed_is_there_again(self, name):
        form = fill(Shown(full(name)), {"title": "", "metadata": "{"})

        assert form["metadata"].value() == "{"
        assert form["subtitle"].value() == "eu-1"

    def test_what_is_not_sent_is_not_checked_again(self):
        """A rule may be newer than the card."""
        old = {"type": "progress", "title": "Deploy", "percentage": 140}

        assert sent(fill(Shown(old))) is None

    @settings(max_examples=50)
    @given(name=st.sampled_from(TYPE_NAMES), data=st.data())
    def test_no_text_anywhere_raises(self, name, data):
        form = ContentForm(endpoint=BY_KEY, content_type=name)
        texts = st.text(max_size=8) | st.sampled_from(["1", "-1", "{}", "[1]", "red", "true"])

        paths = data.draw(st.lists(st.sampled_from(list(form.fields)), max_size=6))
        given = {path: data.draw(texts) for path in paths}

        assert unknown(name, given).is_valid() in (True, False)


class TestWords:
    def test_each_is_for_a_message_that_the_content_has(self):
        """Numbers come from constants, and long texts stand in several lines."""
        sources = "".join(path.read_text() for path in Path(cards.__file__).parent.glob("*.py"))
        text = re.sub(r'"\s*\n\s*f?"', "", sources)
        variable = re.compile(r"\d+|http\S*|shortcuts\S*|^give ")
        parts = {part.strip() for message in WORDS for part in variable.split(message)}

        assert {part for part in parts if part not in text} == set()


class TestGroups:
    def test_each_field_is_in_one(self):
        form = ContentForm(endpoint=BY_KEY, content_type="metrics")

        shown = [bound.name for group in form.groups for bound in group.fields]

        assert sorted(shown) == sorted(form.fields)

    @pytest.mark.parametrize("name", ["alert", "metrics"])
    def test_only_what_was_changed_is_open(self, name):
        shown = Shown(full(name), {"action": ACTION, "tags": ["a"]})
        first = ContentForm(endpoint=BY_KEY, content_type=name, shown=shown)
        rows = {"", *(f"metrics.{row}" for row in range(2) if name == "metrics")}

        assert {group.name for group in first.groups if group.is_open} == rows
        for changes, opened in [({}, set()), ({"action.url": "https://b"}, {"action"})]:
            form = fill(shown, changes)
            assert {group.name for group in form.groups if group.is_open} == rows | opened

    def test_an_error_opens_its_group(self):
        form = fill(Shown(full("alert")), {"metadata": "{"})

        assert [group.name for group in form.groups if group.is_open] == ["", "beside"]

    def test_a_row_in_use_is_open(self):
        rows = [{"label": str(number), "value": number} for number in range(8)]
        form = ContentForm(
            endpoint=BY_KEY,
            content_type="stats",
            shown=Shown({"type": "stats", "title": "t", "metrics": rows}),
        )

        assert not form.has_more_rows
        assert ContentForm(endpoint=BY_KEY, content_type="stats").has_more_rows


class TestDrawn:
    def test_what_is_not_sent_is_drawn_as_it_is_known(self):
        shown = Shown(full("alert"), {"action": ACTION})

        assert ContentForm(endpoint=BY_KEY, content_type="alert", shown=shown).drawn == (
            full("alert"),
            {"action": ACTION},
        )

    def test_what_is_sent_is_drawn_as_it_is_typed(self):
        form = fill(Shown(full("alert"), {"action": LINK}), {"message": "Up", "action.title": "Go"})

        assert form.is_valid()
        assert form.drawn == (
            {**full("alert"), "message": "Up"},
            {"action": {**LINK, "title": "Go"}},
        )
