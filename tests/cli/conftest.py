"""The command in this process, on a text in a file or on standard input."""

import io
import sys

import pytest

from hmmfilter import cli
from tests.cli.commands import table
from tests.files import EARTHQUAKES_MODEL


@pytest.fixture
def quakes(tmp_path, capsys):
    """Run the command on a CSV text; return the exit status, the output as columns, and the standard error."""

    def command(text, *arguments, task="viterbi", model=EARTHQUAKES_MODEL):
        data = tmp_path / "data.csv"
        data.write_bytes(text if isinstance(text, bytes) else text.encode())
        status = cli.main([task, str(data), "--model", str(model), *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, table(out), err

    return command


@pytest.fixture
def arriving(monkeypatch, capsys):
    """Run the command on what comes in on standard input; return the exit status, the output, and standard error."""

    def command(stream, *arguments, task="filter", model=EARTHQUAKES_MODEL):
        if isinstance(stream, (str, bytes)):
            content = stream if isinstance(stream, bytes) else stream.encode()
            stream = io.TextIOWrapper(io.BytesIO(content), encoding="ascii")
        monkeypatch.setattr(sys, "stdin", stream)
        status = cli.main([task, "-", "--model", str(model), *map(str, arguments)])
        return status, *capsys.readouterr()

    return command
