"""`hmmfilter compile`."""

import pytest

from hmmfilter import _notices, cli, compiling
from hmmfilter.compiling import Compiled


def test_it_says_what_it_does_also_where_nobody_may_be_there(monkeypatch, capsys):
    asked = []

    def compile_some(states):
        asked.append((tuple(states), _notices.is_heard()))
        return Compiled(tuple(states), 3, 0, 1.5, "/cache")

    monkeypatch.delenv("HMMFILTER_QUIET", raising=False)
    monkeypatch.setattr(compiling, "compile", compile_some)
    assert cli.main(["compile"]) == 0
    assert cli.main(["compile", "--states", "2", "5"]) == 0
    assert asked == [(compiling.STATES, True), ((2, 5), True)]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1] == "3 routines compiled, 0 found, for 2 and 5 states, in 1.5 s; kept in /cache"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--states", "0"], "states[0] must be at least 1, got 0"),
        (["--states", "two"], "argument --states: invalid int value: 'two' (hmmfilter compile --help tells more)"),
    ],
)
def test_refusals(words, message, capsys):
    assert cli.main(["compile", *words]) == 2
    assert capsys.readouterr().err == f"hmmfilter: error: {message}\n"


def test_where_nothing_can_be_kept_it_fails(monkeypatch, tmp_path, capsys):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    assert cli.main(["compile"]) == 2
    assert capsys.readouterr().err.startswith("hmmfilter: error: machine code can be kept nowhere: set NUMBA_CACHE_DIR")
