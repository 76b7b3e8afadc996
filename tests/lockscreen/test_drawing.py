"""A card is drawn by the contract's fields."""

from __future__ import annotations

import pytest

from django_liveactivity.content.endpoints import SECONDARY_ACTION_TYPES, TYPE_NAMES
from django_liveactivity.content.fields import Color
from django_liveactivity.lockscreen import CardState, Labels, SketchedCard, draw, draw_screen
from django_liveactivity.lockscreen.screen import ONE_BUTTON_TYPES
from django_liveactivity.lockscreen.values import COLORS

from .page import Page
from .samples import ROLL_BACK, SEVEN, SHORTCUT


def page(content: dict | None = None, **card: object) -> Page:
    return Page(draw(SketchedCard({"title": "Order 42"} | (content or {}), **card)))


def bar(drawn: Page) -> str:
    (attributes,) = drawn.of("progress")
    return attributes["value"]


def test_every_type_of_the_contract_has_a_sample():
    assert set(SEVEN) == set(TYPE_NAMES)


def test_the_colors_are_those_of_the_content_models():
    assert set(COLORS) == set(Color.__args__)


def test_types_with_one_button_are_those_of_the_endpoints():
    assert set(TYPE_NAMES) - SECONDARY_ACTION_TYPES == ONE_BUTTON_TYPES


class TestProgress:
    def test_percentage_comes_before_value_and_upper_limit(self):
        drawn = page({"type": "progress", "percentage": 65, "value": 1, "upper_limit": 10})
        assert (bar(drawn), drawn.text) == ("65", "Order 42 65% 65% Live")

    def test_value_and_upper_limit_are_shown_as_they_are(self):
        drawn = page({"type": "progress", "value": 1300, "upper_limit": 2000})
        assert bar(drawn) == "65"
        assert "1300 / 2000" in drawn.texts

    @pytest.mark.parametrize(
        ("content", "full"),
        [
            ({"percentage": "65"}, "65"),
            ({"percentage": 250}, "100"),
            ({"percentage": -3}, "0"),
            ({"percentage": 33.333333}, "33.33"),
            ({"percentage": "much", "value": 1, "upper_limit": 2}, "50"),
            ({"percentage": True}, "0"),
            ({"value": 1e308, "upper_limit": 5e-324}, "100"),
            ({"value": 1, "upper_limit": 0}, "0"),
            ({"value": 10**400, "upper_limit": 2}, "0"),
        ],
    )
    def test_odd_numbers_stay_within_the_bar(self, content, full):
        assert bar(page({"type": "progress", **content})) == full


class TestSteps:
    def colors(self, **content: object) -> list[str]:
        drawn = page({"type": "segmented_progress", **content})
        steps = drawn.classes("lockscreen-step")
        return [" ".join(each[1:]).replace("lockscreen-", "") for each in steps]

    def test_completed_ones_are_full_and_the_others_empty(self):
        assert self.colors(current_step=2, number_of_steps=4) == ["done", "done", "", ""]

    def test_step_color_is_the_current_one(self):
        colors = self.colors(current_step=2, number_of_steps=3, step_color="red")
        assert colors == ["done", "done red", ""]

    def test_step_colors_are_the_completed_ones(self):
        colors = self.colors(current_step=2, number_of_steps=3, step_colors=["red", "lime"])
        assert colors == ["done red", "done lime", ""]

    @pytest.mark.parametrize(
        ("step_colors", "drawn"),
        [
            (["red"], ["done red", "done", ""]),
            (["red", "lime", "blue", "cyan"], ["done red", "done lime", ""]),
            (["mauve", 3], ["done", "done", ""]),
            ("red", ["done", "done", ""]),
        ],
    )
    def test_lists_that_are_too_short_or_too_long_color_what_they_can(self, step_colors, drawn):
        content = {"current_step": 2, "number_of_steps": 3, "step_colors": step_colors}
        assert self.colors(**content) == drawn

    def test_the_current_one_has_its_own_color_before_that_of_the_list(self):
        colors = self.colors(
            current_step=2, number_of_steps=2, step_color="red", step_colors=["lime", "lime"]
        )
        assert colors == ["done lime", "done red"]

    def test_more_completed_than_there_are_is_drawn(self):
        assert self.colors(current_step=3, number_of_steps=2) == ["done", "done", "done"]

    def test_the_number_of_steps_may_be_unknown(self):
        drawn = page({"type": "segmented_progress", "current_step": 2})
        assert "Step 2" in drawn.texts
        assert len(drawn.classes("lockscreen-step")) == 2

    def test_thousands_make_a_bar(self):
        drawn = page({"type": "segmented_progress", "current_step": 1, "number_of_steps": 2**53})
        assert not drawn.classes("lockscreen-step")
        assert bar(drawn) == "0"


class TestMetricsAndStats:
    def test_a_number_has_a_gauge_with_its_unit(self):
        metric = {"label": "CPU", "value": 50, "unit": "%", "color": "lime"}
        drawn = page({"type": "metrics", "metrics": [metric]})
        track, arc = drawn.of("circle")
        assert (track["stroke-dasharray"], arc["stroke-dasharray"]) == ("75 100", "37.5 100")
        assert drawn.texts[1:4] == ["CPU", "50", "%"]
        assert drawn.classes("lockscreen-lime")

    @pytest.mark.parametrize(
        ("value", "unit", "length"),
        [(1240, "jobs", "9.3"), (250, "%", "75"), (100, "ms", "75"), (1e308, "", "75")],
    )
    def test_a_gauge_beyond_100_counts_to_the_next_power_of_ten(self, value, unit, length):
        metric = {"label": "x", "value": value, "unit": unit}
        arcs = page({"type": "metrics", "metrics": [metric]}).of("circle")
        assert arcs[-1]["stroke-dasharray"] == f"{length} 100"

    def test_a_string_is_shown_as_it_is(self):
        drawn = page({"type": "metrics", "metrics": [{"label": "State", "value": "9"}]})
        assert not drawn.of("circle")
        assert drawn.texts[1:3] == ["State", "9"]

    def test_an_empty_gauge_has_no_arc(self):
        metric = {"label": "Queue", "value": 0}
        assert len(page({"type": "metrics", "metrics": [metric]}).of("circle")) == 1

    @pytest.mark.parametrize("name", ["metrics", "stats"])
    def test_eight_are_shown_at_most(self, name):
        metrics = [{"label": f"m{n}", "value": n} for n in range(20)]
        assert len(page({"type": name, "metrics": metrics}).of("dt")) == 8

    def test_a_stat_has_its_unit_and_color(self):
        stat = {"label": "Conversion", "value": 4.8, "unit": "%", "color": "magenta"}
        drawn = page({"type": "stats", "metrics": [stat]})
        assert drawn.texts[1:4] == ["Conversion", "4.8", "%"]
        assert drawn.classes("lockscreen-magenta")


class TestTimer:
    def clock(self, seconds: float | None, state: CardState = CardState.LIVE, **content) -> str:
        drawn = page({"type": "timer", **content}, timer_seconds=seconds, state=state)
        return " ".join(text for text in drawn.texts[1:] if not text.endswith("%"))

    def test_it_counts_down(self):
        assert self.clock(100, duration_seconds=345) == "4:05 left Live"

    def test_it_stops_at_nothing(self):
        assert self.clock(400, duration_seconds=345) == "0:00 left Live"

    def test_it_counts_up_to_its_duration_or_without_end(self):
        assert self.clock(400, duration_seconds=345, counts_down=False) == "5:45 elapsed Live"
        assert self.clock(3845, counts_down=False) == "1:04:05 elapsed Live"

    def test_a_frozen_one_says_so(self):
        said = self.clock(100, duration_seconds=345, is_running=False)
        assert said == "4:05 left · stopped Live"

    def test_an_ended_one_is_frozen(self):
        said = self.clock(100, CardState.ENDED, duration_seconds=345)
        assert said == "4:05 left · stopped Ended"

    def test_what_is_not_known_is_said(self):
        assert self.clock(None, duration_seconds=345) == "5:45 time not known Live"
        assert self.clock(None) == "--:-- time not known Live"
        assert self.clock(12) == "--:-- left Live"
        assert self.clock(1e300, counts_down=False) == "99:59:59 elapsed Live"

    def test_the_bar_is_what_is_left_or_has_gone(self):
        content = {"type": "timer", "duration_seconds": 400}
        assert bar(page(content, timer_seconds=100)) == "75"
        assert bar(page(content | {"counts_down": False}, timer_seconds=100)) == "25"


class TestWhatEveryCardHas:
    def test_alert_and_value_show_their_text(self):
        assert "Soon" in page({"type": "alert", "message": "Soon"}).texts
        assert "7 m" in page({"type": "value", "value": "7 m"}).texts
        assert "7.5" in page({"type": "value", "value": 7.50}).texts

    def test_content_without_a_type_shows_all_it_has(self):
        drawn = page({"percentage": 40, "message": "Soon", "value": 3})
        assert bar(drawn) == "40"
        assert drawn.texts[-2:] == ["Soon", "Live"]
        assert "3" in page({"value": 3}).texts
        assert "1 / 2" in page({"type": "new", "value": 1, "upper_limit": 2}).texts

    def test_an_icon_has_its_name_for_screen_readers(self):
        drawn = page({"icon": {"symbol": "shippingbox.fill", "color": "red"}})
        assert "Symbol shippingbox.fill" in drawn.names
        assert drawn.classes("lockscreen-icon") == [["lockscreen-icon", "lockscreen-red"]]
        assert drawn.of("path")

    def test_a_symbol_of_no_known_kind_is_its_initial(self):
        assert "Z" in page({"icon": {"symbol": "zzz"}}).texts
        assert "•" in page({"icon": {"symbol": "…"}}).texts

    def test_colors_and_badge(self):
        drawn = page({"color": "cyan", "badge": {"title": "P1", "color": "red"}})
        assert "lockscreen-cyan" in drawn.classes("lockscreen-card")[0]
        assert drawn.classes("lockscreen-badge") == [["lockscreen-badge", "lockscreen-red"]]
        assert "P1" in drawn.texts

    def test_a_card_of_which_nothing_is_known_says_so(self):
        assert "What it shows is not known." in Page(draw(SketchedCard({}))).texts


class TestButtons:
    def test_they_are_texts_with_their_targets_and_no_links(self):
        drawn = page(action=SHORTCUT, secondary_action=ROLL_BACK)
        assert not drawn.of("a")
        assert not drawn.of("button")
        assert not [each for _, each in drawn.elements if {"href", "src", "title"} & each.keys()]
        assert drawn.texts[1:5] == [
            "Page me",
            "Opens shortcuts://run-shortcut?name=Page",
            "Roll back",
            "Calls POST https://ci.example/hooks/7 with build, force",
        ]

    @pytest.mark.parametrize("name", sorted(ONE_BUTTON_TYPES))
    def test_some_types_show_one(self, name):
        drawn = page({"type": name}, action=SHORTCUT, secondary_action=ROLL_BACK)
        assert len(drawn.classes("lockscreen-button")) == 1

    def test_a_webhook_shows_the_names_of_its_fields_and_not_their_values(self):
        body = {f"field-{n}": "secret" for n in range(40)}
        drawn = page(action=ROLL_BACK | {"body": body, "method": "GET"})
        assert "secret" not in drawn.text
        assert "Calls GET" in drawn.text
        assert drawn.text.index("field-9") < drawn.text.index("…")
        assert "field-20" not in drawn.text

    def test_one_without_a_title_is_none(self):
        assert not page(action={"type": "open_url"}).classes("lockscreen-button")


class TestState:
    @pytest.mark.parametrize("state", CardState)
    def test_each_is_a_word_and_a_class(self, state):
        drawn = page(state=state)
        assert drawn.texts[-1] == Labels().states[state]
        assert drawn.classes(f"lockscreen-is-{state}")

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0, "Ended · no longer on the phones"),
            (7, "Ended · on the phones for another 7 s"),
            (120, "Ended · on the phones for another 2 min"),
            (125.4, "Ended · on the phones for another 2 min 5 s"),
            (14_400, "Ended · on the phones for another 4 h"),
            (5_460, "Ended · on the phones for another 1 h 31 min"),
            (None, "Ended"),
        ],
    )
    def test_an_ended_card_says_for_how_long_it_stays(self, seconds, said):
        assert page(state=CardState.ENDED, removed_in=seconds).texts[-1] == said


class TestAScreen:
    def test_it_has_a_clock_and_up_to_four_cards(self):
        cards = [SketchedCard({"title": f"Card {n}"}) for n in range(6)]
        drawn = Page(draw_screen(cards, now_text="9:41", date_text="Monday"))
        assert drawn.texts[:3] == ["Monday", "9:41", "Card 0"]
        assert len(drawn.of("article")) == 4
        assert drawn.texts[-1] == "and 2 more"
        assert drawn.names[0] == "Sketch of a lock screen"

    def test_an_empty_one_says_so(self):
        assert Page(draw_screen([])).texts == ["No live activities"]


def test_every_text_comes_from_the_labels():
    labels = Labels(
        states=dict.fromkeys(CardState, "ZUSTAND"),
        **{name: "LABEL" for name in Labels.__dataclass_fields__ if name != "states"},
    )
    bare = {"title": "TITLE", "current_step": 1, "number_of_steps": 2, "is_running": False}
    for state in CardState:
        card = SketchedCard(
            bare | {"duration_seconds": 5, "icon": {"symbol": "x"}, "percentage": 5},
            action={"title": "TITLE", "type": "webhook", "body": {"TITLE": 1}},
            secondary_action={"title": "TITLE"},
            state=state,
            removed_in=61,
        )
        drawn = Page(draw_screen([card, SketchedCard({})], labels))
        texts = {word for text in [*drawn.texts, *drawn.names] for word in text.split()}
        assert texts <= {"TITLE", "LABEL", "ZUSTAND", "·", "5%", "50%", "0:05", "X"}, texts
