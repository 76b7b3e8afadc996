"""A reader who does what a document says, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import httpx

from .document import Block, read, spans
from .terminals import Shell, Terminal, wait_for

PAGE = re.compile(r"(?:Open `(http[^`]+)`|Look at the page)(.*)")
FILE = re.compile(r"[\w/]+\.py")
TYPED = re.compile(r"It prints `([^`]+)`")


class Follower:
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
        self.shell: Shell | None = None
        self.page = ""
        self.typed = self.printed = ""
        self.done: list[str] = []

    def follow(self, document: str, *, until: str = "") -> None:
        """Do what a document says, all of it or until some heading."""
        for part in read(document):
            if until and isinstance(part, str) and part.startswith(until):
                return
            if isinstance(part, str):
                self._heed(self._with_ports(part))
            elif part.language == "shell":
                for line in part.code.splitlines():
                    self._command(line, part.said)
            else:
                self._python(part)

    def _with_ports(self, text: str) -> str:
        for written, port in self.ports.items():
            text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
        return text

    def _heed(self, paragraph: str) -> None:
        """Look at the page that a paragraph tells to open, and at what it says of it."""
        if "Leave" in paragraph and "exit()" in spans(paragraph):
            self.shell.exit()
        if typed := TYPED.search(paragraph):
            self._expect(typed[1])
            self.done.append(f"read {typed[1]!r}")
        if told := PAGE.search(paragraph):
            self.page = told[1] or self.page
            first_sentence = told[2].split(". ")[0]
            self._look_for(spans(first_sentence))

    def _expect(self, line: str) -> None:
        """Type the last block again until it prints this: the page is ahead of the row."""

        def printed() -> bool:
            if self.printed.strip() != line:
                self.printed = self.shell.type(self.typed)
            return self.printed.strip() == line

        wait_for(printed, f"it does not print {line!r}, but {self.printed!r}")

    def _look_for(self, words: list[str]) -> None:
        def found() -> bool:
            try:
                # Certificates take a while to load, and there is no TLS on loopback.
                answer = httpx.get(self.page, follow_redirects=True, verify=False)
            except httpx.ConnectError:  # the server is about to start
                return False
            return answer.status_code == 200 and all(word in answer.text for word in words)

        wait_for(found, f"{self.page} has not all of {words}")
        self.done.append(f"saw {', '.join(words) or 'the page'}")

    def _command(self, line: str, said: str) -> None:
        if line in self.instead:
            self.follow(self.instead[line], until="## ")
            return
        self.done.append(line)
        line = _hurried(self._at_port(line))
        if line.endswith("manage.py shell"):
            self.shell = Shell(self.terminal, line)
        elif re.search(r"(second|third|fourth|another) terminal|in a terminal", said):
            self.terminal.start(line)
        else:
            self.terminal.run(line)

    def _at_port(self, line: str) -> str:
        sandbox = f"liveactivity_sandbox --bind 127.0.0.1:{self.ports['8765']}"
        line = line.replace("liveactivity_sandbox", sandbox)
        for serves in ("liveactivity_dev", "runserver"):
            line = line.replace(serves, f"{serves} {self.ports['8000']}")
        return line

    def _python(self, block: Block) -> None:
        code = self._with_ports(block.code)
        names = [name for name in spans(block.said) if FILE.fullmatch(name)]
        if names and re.search(r"file|end of|whole|And this of", block.said):
            self._write(self.terminal.folder / names[0], code, append="end of" in block.said)
            self.done.append(f"wrote {names[0]}")
        else:
            self.typed, self.printed = code, self.shell.type(code)
            self.done.append("typed")

    def _write(self, path: Path, code: str, *, append: bool) -> None:
        if append:
            code = f"{path.read_text()}\n{code}\n{self.settings}"
            self.settings = ""
        path.write_text(code)


def _hurried(line: str) -> str:
    return line.replace("liveactivity_dispatch", "liveactivity_dispatch --interval 0.1")
