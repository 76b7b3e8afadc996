"""What the page on Prometheus, its alerts and the dashboard for Grafana name is on the scrape."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.test_prometheus import NAMES

from .running import ROOT

PAGE = ROOT / "docs" / "how-to" / "prometheus.md"
DASHBOARD = ROOT / "docs" / "how-to" / "grafana-dashboard.json"
SUFFIXES = {"gauge": [""], "counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
LABELS = {
    f"{name}{suffix}": labels for name, (kind, labels) in NAMES.items() for suffix in SUFFIXES[kind]
}
"""The labels of each series, by the name that an expression has for it."""


def alerts() -> dict[str, Any]:
    return yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text())


def _expressions() -> Iterator[str]:
    for group in alerts()["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


EXPRESSIONS = list(_expressions())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_names_series_and_labels_that_there_are(expression):
    names = re.findall(r"\bliveactivity_\w+", expression)
    assert names
    labels = set(re.findall(r"(\w+)!?=~?\"", expression))
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        labels |= {label.strip() for label in group.split(",")}
    for name in names:
        assert labels <= LABELS[name], name


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_no_expression_counts_a_number_once_for_each_scraped_process(expression):
    if not expression.startswith(("absent", "label_values")):
        for part in re.split(r"\bliveactivity_", expression)[:-1]:
            assert re.search(r"max (by \([^)]*\) )?\((rate\()?$|\bmax\($", part), part


def test_the_page_names_each_metric_with_its_type_and_labels():
    rows = re.findall(
        r"^\| `(liveactivity_\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text(), re.MULTILINE
    )
    named = {
        name: (kind, {"database", *re.findall(r"`(\w+)`", labels)}) for name, kind, labels in rows
    }
    assert named == {
        name + (SUFFIXES[kind][0] if kind == "counter" else ""): (kind, labels - {"le"})
        for name, (kind, labels) in NAMES.items()
    }


def test_the_dashboard_is_one_that_grafana_imports():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = [one[a] + one[size] <= other[a] for a, size in (("x", "w"), ("y", "h"))]
        apart += [other[a] + other[size] <= one[a] for a, size in (("x", "w"), ("y", "h"))]
        assert any(apart), "two panels overlap"


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_promtool_reads_every_expression(tmp_path):
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(alerts()))
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression)}
        for number, expression in enumerate(EXPRESSIONS)
        if not expression.startswith("label_values")
    ]
    groups = {"groups": [{"name": "dashboard", "rules": rules}]}
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump(groups))
    done = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "alerts.yml", tmp_path / "dashboard.yml"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
