"""Pages in Markdown: what they show is run again, and compared with what they say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

from hmmfilter import cli

LEFT_OUT = "..."  # a line that stands for others


def fenced(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def without_counts(text: str) -> str:
    """What is printed of fits, but for how many iterations they took, and which starts they followed.

    That hangs on last digits, which other processors may round otherwise.
    """
    text = re.sub(r"\d+( +)(converged)", r"n\1\2", re.sub(r"\d+ iterations", "n iterations", text))
    return re.sub(r"(the best of \d+ starts).*", r"\1", re.sub(r" +n +converged", " n converged", text))


def check_python(page: str, name: str) -> dict[str, object]:
    """Run the Python blocks one after the other, as a reader does; each must print the text block that follows it."""
    names: dict[str, object] = {}
    for code, output in zip(fenced(page, "python"), fenced(page, "text"), strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, name, "exec"), names)
        assert without_counts(printed.getvalue()) == without_counts(output)
    return names


def check_console(session: str) -> None:
    """Run a command; what is shown must be what it prints, but for lines that stand for others."""
    command, *shown = session.splitlines()
    prompt, program, *words = shlex.split(command)
    assert (prompt, program) == ("$", ".venv/bin/hmmfilter")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main(words) == 0
    lines = iter(printed.getvalue().splitlines())
    for before, line in zip([command, *shown], shown, strict=False):
        if line != LEFT_OUT:
            assert (line in lines) if before == LEFT_OUT else next(lines, None) == line, line
    if shown[-1] != LEFT_OUT:
        assert not list(lines)


def check_links(page: str, folder: Path) -> None:
    """Each link leads to a file that is there, and to a heading in it where it names one."""
    for target in re.findall(r"\]\(([^)]+)\)", page):
        if not target.startswith("https://"):
            path, _, heading = target.partition("#")
            file = folder / path if path else None
            assert file is None or file.exists(), target
            assert not heading or heading in headings(file.read_text(encoding="utf-8") if file else page), target


def headings(page: str) -> set[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}
