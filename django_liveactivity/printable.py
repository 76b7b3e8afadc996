"""Text for logs and terminals, which neither forges a line nor moves a cursor.

The vendor's answers, a caller's titles and reasons, and the exceptions of a host's hooks may hold
any character. Rows and signals keep them unchanged. For logs and terminals each unprintable
character is written as an escape, as Django does for its own request log since CVE-2025-48432:
https://docs.djangoproject.com/en/5.2/releases/5.2.2/
"""

import json
import logging
import traceback


def printable(value: object) -> str:
    r"""Return a value as text of one line, with every unprintable character escaped.

    Escaped are line breaks (U+2028 and U+2029 too), control characters (ESC, the C1 controls),
    the controls of writing direction, zero-width characters, lone surrogates and unassigned code
    points: what ``str.isprintable`` refuses. Letters of every script stay.

    The escapes are JSON's (``\n``, ``\u001b``), so that JSON stays JSON. Escaping twice changes
    nothing: a backslash is printable.

    Args:
        value: a text, or anything that ``str`` makes one of.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines with each line escaped; the breaks between them are ours."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str, limit: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where it is cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escaped(character: str) -> str:
    # json.dumps lets one control character through: DEL.
    return json.dumps(character)[1:-1].replace("\x7f", r"\u007f")


def get_logger(name: str) -> logging.Logger:
    """Return a logger whose records are printable: arguments and tracebacks are escaped.

    Args:
        name: of the logger, below ``django_liveactivity``.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_escape_record)
    return logger


def _escape_record(record: logging.LogRecord) -> bool:
    """Escape what a call of ours gave a record, before any handler sees it; keep the record."""
    if isinstance(record.args, tuple):
        plain = (int, float, type(None))
        record.args = tuple(a if isinstance(a, plain) else printable(a) for a in record.args)
    if record.exc_info and not record.exc_text:
        lines = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n").split("\n")
        # Indented, as a message of several lines could else begin one like a record of its own.
        record.exc_text = "\n".join(f"  {printable(line)}" for line in lines)
    return True
