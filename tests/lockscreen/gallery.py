"""Write a page with every sample card: ``python -m tests.lockscreen.gallery out.html``."""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

from django_liveactivity.lockscreen import SketchedCard, draw, draw_screen, stylesheet

from .samples import ODD, SEVEN, STATES

PAGE = """<!DOCTYPE html>
<html lang="en" dir="{direction}" data-theme="{theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cards on a lock screen</title>
<style>
{stylesheet}
body {{ margin: 0; padding: 20px; background: {background}; color: {text};
        font-family: Arial, sans-serif; }}
h1 {{ grid-column: 1 / -1; margin: 0; font-size: 18px; }}
h2 {{ margin: 0 0 8px; font-size: 13px; font-weight: 400; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr));
        gap: 20px; align-items: start; }}
main > div {{ min-width: 0; }}
</style>
</head>
<body>
<main>
<h1>Cards on a lock screen</h1>
{cards}
</main>
</body>
</html>
"""
BACKGROUNDS = {"light": ("#ffffff", "#333333"), "dark": ("#121212", "#cccccc")}


def gallery(
    cards: dict[str, SketchedCard], *, theme: str = "light", direction: str = "ltr", screen: bool
) -> str:
    """The page: the cards with their names, or a lock screen with the first four of them."""
    drawn = [draw_screen(list(cards.values()), now_text="9:41", date_text="Monday, July 6")]
    if not screen:
        drawn = [f"<h2>{escape(name)}</h2>{draw(card)}" for name, card in cards.items()]
    background, text = BACKGROUNDS[theme]
    return PAGE.format(
        theme=theme,
        direction=direction,
        background=background,
        text=text,
        stylesheet=stylesheet(),
        cards="\n".join(f"<div>{each}</div>" for each in drawn),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lockscreen.gallery", description=__doc__)
    parser.add_argument("path", type=Path, help="where to write the page")
    parser.add_argument("--cards", choices=["seven", "all", "screen"], default="seven")
    parser.add_argument("--theme", choices=BACKGROUNDS, default="light")
    parser.add_argument("--direction", choices=["ltr", "rtl"], default="ltr")
    chosen = parser.parse_args()
    cards = SEVEN | STATES | ODD if chosen.cards == "all" else SEVEN
    page = gallery(
        cards,
        theme=chosen.theme,
        direction=chosen.direction,
        screen=chosen.cards == "screen",
    )
    chosen.path.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
