"""Draw a live activity as a lock screen would: a mapping in, escaped markup out; no Django.

It is a sketch: the pixels are Apple's. The stylesheet ``lockscreen.css`` belongs to it.
"""

from .screen import draw, draw_screen, stylesheet
from .values import CardState, Labels, SketchedCard

__all__ = ["CardState", "Labels", "SketchedCard", "draw", "draw_screen", "stylesheet"]
