"""A reader who does what a document says, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from .browser import Browser
from .document import Block, read, spans
from .terminals import Terminal, wait_for

FILE = re.compile(r"[\w/]+\.py")
SEVERAL = r"(`[^`]+`(?:(?:,|,? and) `[^`]+`)*)"
STEPS = re.compile(
    r"[Oo]pen `(?P<open>http[^`]+)`"
    r"|[Ll]og in as `(?P<user>[^`]+)` with the password `(?P<password>[^`]+)`"
    r"|\*(?P<label>[^*]+)\* to `(?P<value>[^`]+)`"
    r"|[Tt]ick the row `(?P<tick>[^`]+)`"
    r"|[Cc]hoose the action \*(?P<choose>[^*]+)\*"
    r"|[Pp]ress \*(?P<press>[^*]+)\*(?:, or \*(?P<or>[^*]+)\*)?"
    rf"|says (?P<says>{SEVERAL})"
    rf"|phone shows (?P<shows>{SEVERAL})"
)
"""What a reader does in a browser, and what it shows then."""


class Reader:
    """Follows documents in a folder.

    Args:
        terminal: where the commands run.
        ports: other ports than those of the document, so that two may follow it on one machine;
            all else is as it is written, but for a loop that looks for work more often.
        instead: documents to follow, up to their first section, in the place of a command.
        settings: what the settings of this machine need beside those of the document.
    """

    def __init__(
        self,
        terminal: Terminal,
        ports: Mapping[str, int],
        instead: Mapping[str, str] | None = None,
        settings: str = "",
    ) -> None:
        self.terminal = terminal
        self.ports = ports
        self.instead = instead or {}
        self.settings = settings
        self.browser, self.phone = Browser(), Browser()
        self.done: list[str] = []

    def follow(self, document: str, *, until: str = "## From here") -> None:
        """Do what a document says, until some heading."""
        for part in read(document):
            if isinstance(part, str) and part.startswith(until):
                return
            self.do(part)

    def do(self, part: str | Block) -> None:
        """Do what a paragraph says, or run or write a block."""
        if isinstance(part, str):
            for step in STEPS.finditer(self._with_ports(part)):
                self._do({name: text for name, text in step.groupdict().items() if text})
                self.done.append(step[0])
        elif part.language == "shell":
            for line in part.code.splitlines():
                self._command(line, part.said)
        else:
            self._python(part)

    def close(self) -> None:
        """Close every tab and every terminal."""
        self.browser.client.close()
        self.phone.client.close()
        self.terminal.close()

    def _with_ports(self, text: str) -> str:
        for written, port in self.ports.items():
            text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
        return text

    def _do(self, step: Mapping[str, str]) -> None:
        """Do one thing in the browser, or look until it shows what it should."""
        browser = self.browser
        match step:
            case {"open": url}:
                wait_for(lambda: opens(browser, url), f"{url} does not open")
            case {"user": user, "password": password}:
                browser.fill("Username", user)
                browser.fill("Password", password)
                browser.press("Log in")
            case {"label": label, "value": value}:
                browser.fill(label, value)
            case {"tick": row}:
                browser.tick(row)
            case {"choose": option}:
                browser.choose(option)
            case {"press": label, **others}:
                browser.press(label, *others.values())
            case {"says": text}:
                wait_for(lambda: says(browser, text), f"no {text} in: {browser.text}")
            case {"shows": text}:
                self.phone.open(f"http://127.0.0.1:{self.ports['8765']}/")
                wait_for(lambda: says(self.phone, text), f"no {text}: {self.phone.text}")

    def _command(self, line: str, said: str) -> None:
        if line in self.instead:
            self.follow(self.instead[line], until="## ")
            return
        self.done.append(line)
        line = _hurried(self._at_port(line))
        if re.search(r"(third|another) terminal|in a terminal|leave it running", said):
            self.terminal.start(line)
        else:
            printed = self.terminal.run(line)
            assert "(liveactivity." not in printed, f"a check warns\n{printed}"

    def _at_port(self, line: str) -> str:
        return line.replace("liveactivity_dev", f"liveactivity_dev {self.ports['8000']}")

    def _python(self, block: Block) -> None:
        names = [name for name in spans(block.said) if FILE.fullmatch(name)]
        assert names, f"no file is named for this block, but {block.said!r}:\n{block.code}"
        name = names[0]
        path, code = self.terminal.folder / name, self._with_ports(block.code)
        if "end of" in block.said:
            code = f"{path.read_text()}\n{code}\n{self.settings}"
            self.settings = ""
        path.write_text(code)
        self.done.append(f"wrote {name}")


def opens(browser: Browser, url: str) -> bool:
    """Open a page, as soon as its server has started."""
    try:
        browser.open(url)
    except httpx.ConnectError:
        return False
    return True


def says(browser: Browser, text: str) -> bool:
    """Look at the page that is open, and reload it if it does not say this yet."""
    if all(word in browser.text for word in spans(text)):
        return True
    browser.reload()
    return False


def _hurried(line: str) -> str:
    return line.replace("liveactivity_dispatch", "liveactivity_dispatch --interval 0.1")
