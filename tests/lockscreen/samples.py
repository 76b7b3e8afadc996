"""Cards to look at: one of each type as a project would send it, then states and oddities."""

from __future__ import annotations

from django_liveactivity.lockscreen import CardState, SketchedCard

DASHBOARD = {"title": "Dashboard", "type": "open_url", "url": "https://shop.example/dashboard"}
SHORTCUT = {"title": "Page me", "type": "open_url", "url": "shortcuts://run-shortcut?name=Page"}
ROLL_BACK = {
    "title": "Roll back",
    "type": "webhook",
    "url": "https://ci.example/hooks/7",
    "method": "POST",
    "body": {"build": 1811, "force": True},
}

SEVEN = {
    "progress": SketchedCard(
        {
            "type": "progress",
            "title": "Nightly import",
            "subtitle": "1.2 of 1.9 million rows",
            "percentage": 65,
            "color": "green",
            "icon": {"symbol": "externaldrive.fill", "color": "green"},
            "badge": {"title": "On time", "color": "green"},
        },
        action=DASHBOARD,
    ),
    "segmented_progress": SketchedCard(
        {
            "type": "segmented_progress",
            "title": "checkout 2.4",
            "subtitle": "Smoke tests",
            "current_step": 3,
            "number_of_steps": 5,
            "color": "blue",
            "step_color": "orange",
            "step_colors": ["green", "green", "green"],
            "icon": {"symbol": "shippingbox.fill", "color": "blue"},
            "badge": {"title": "prod", "color": "purple"},
        },
        action=ROLL_BACK,
        secondary_action=SHORTCUT,
    ),
    "metrics": SketchedCard(
        {
            "type": "metrics",
            "title": "Server health",
            "subtitle": "prod-web-1",
            "icon": {"symbol": "server.rack", "color": "cyan"},
            "color": "cyan",
            "metrics": [
                {"label": "CPU", "value": 9, "unit": "%", "color": "green"},
                {"label": "Memory", "value": 78.5, "unit": "%", "color": "orange"},
                {"label": "Queue", "value": 12400, "unit": "jobs"},
                {"label": "State", "value": "healthy", "color": "green"},
            ],
        },
    ),
    "stats": SketchedCard(
        {
            "type": "stats",
            "title": "Sales",
            "subtitle": "last hour",
            "icon": {"symbol": "cart", "color": "magenta"},
            "metrics": [
                {"label": "Revenue", "value": "$2,430", "color": "blue"},
                {"label": "Orders", "value": 37, "color": "green"},
                {"label": "Conversion", "value": 4.8, "unit": "%", "color": "magenta"},
                {"label": "Average", "value": "$65.68", "color": "yellow"},
                {"label": "Refunds", "value": "$84", "color": "red"},
                {"label": "New buyers", "value": 18, "color": "cyan"},
                {"label": "Visitors", "value": 771},
                {"label": "Stock", "value": "low", "color": "orange"},
            ],
        },
        action=DASHBOARD,
    ),
    "alert": SketchedCard(
        {
            "type": "alert",
            "title": "Payments are failing",
            "subtitle": "since 14:02",
            "message": "The bank answers 503 to one in three payments. Ann is on it.",
            "color": "red",
            "icon": {"symbol": "exclamationmark.triangle.fill", "color": "red"},
            "badge": {"title": "P1", "color": "red"},
        },
        action={"title": "Runbook", "type": "open_url", "url": "https://wiki.example/payments"},
        secondary_action=ROLL_BACK,
    ),
    "timer": SketchedCard(
        {
            "type": "timer",
            "title": "Oven 3",
            "subtitle": "Sourdough, 12 loaves",
            "duration_seconds": 1500,
            "color": "orange",
            "icon": {"symbol": "oven.fill", "color": "orange"},
        },
        timer_seconds=412,
    ),
    "value": SketchedCard(
        {
            "type": "value",
            "title": "Build 1811",
            "subtitle": "median of the last ten",
            "value": "7 m 12 s",
            "color": "purple",
            "icon": {"symbol": "gauge.with.dots.needle.67percent", "color": "purple"},
            "badge": {"title": "8 % faster", "color": "lime"},
        },
    ),
}

STATES = {
    "waiting": SketchedCard(
        {"type": "progress", "title": "Backup", "percentage": 0}, state=CardState.WAITING
    ),
    "ended": SketchedCard(
        SEVEN["progress"].content | {"percentage": 100},
        action=DASHBOARD,
        state=CardState.ENDED,
        removed_in=105,
    ),
    "ended, frozen timer": SketchedCard(
        SEVEN["timer"].content, state=CardState.ENDED, timer_seconds=1400, removed_in=0
    ),
    "hidden": SketchedCard(SEVEN["alert"].content, state=CardState.HIDDEN),
    "stopped stopwatch": SketchedCard(
        {"type": "timer", "title": "Fire drill", "counts_down": False, "is_running": False},
        timer_seconds=3723,
    ),
    "unknown": SketchedCard({}),
}

ODD = {
    "without a type": SketchedCard({"title": "Order 42", "percentage": 40, "message": "Soon"}),
    "value of a limit": SketchedCard(
        {
            "type": "progress",
            "title": "Batch",
            "value": 1300,
            "upper_limit": 2000,
            "color": "yellow",
        }
    ),
    "long": SketchedCard(
        {
            "type": "segmented_progress",
            "title": "A title that goes on and on, " * 6,
            "subtitle": "x" * 300,
            "badge": {"title": "a-badge-that-is-much-too-long-for-its-place"},
            "current_step": 9,
            "number_of_steps": 24,
            "icon": {"symbol": "zzz"},
        },
        action={"title": "Open", "type": "open_url", "url": "https://x.example/" + "y" * 300},
    ),
    "eight gauges": SketchedCard(
        {
            "type": "metrics",
            "title": "Cluster",
            "color": "lime",
            "metrics": [
                {"label": f"node {n}", "value": 13.7 * n, "unit": "%" if n % 2 else "ms"}
                for n in range(7)
            ]
            + [{"label": "sum", "value": 123456789.25, "unit": "requests"}],
        }
    ),
    "arabic": SketchedCard(
        {
            "type": "progress",
            "title": "طلب رقم ٤٢",
            "subtitle": "في الطريق إليك",
            "percentage": 70,
            "badge": {"title": "سريع", "color": "magenta"},
            "icon": {"symbol": "bicycle", "color": "magenta"},
            "color": "magenta",
        }
    ),
}
