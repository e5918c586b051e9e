"""Docstrings: each parameter is told of, in full, and what is common is said in one place."""

import ast
import inspect
import pydoc
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import hmmfilter as hf
from hmmfilter import streaming, underflow
from hmmfilter._docstrings import POINTER, as_in

PACKAGE = Path(hf.__file__).parent


class Entry(NamedTuple):
    """What a docstring says of a parameter, an attribute, a result, or an error."""

    section: str
    names: tuple[str, ...]
    kind: str
    description: str


def entries(docstring):
    """All of a docstring, but for what is in its examples."""
    found, section, lines = [], None, inspect.cleandoc(docstring).split("\nExamples\n---")[0].split("\n")
    for line, below in pairwise([*lines, ""]):
        if below and set(below) == {"-"}:
            section = line
        elif section and line.startswith("    "):
            found[-1] = found[-1]._replace(description=found[-1].description + line + "\n")
        elif section and line.strip("-"):
            names, _, kind = line.partition(" : ")
            found.append(Entry(section, tuple(names.split(", ")), kind, ""))
    return found


def is_ours(method):
    return (getattr(method, "__module__", None) or "").startswith("hmmfilter")


def named_things():
    """What the contents pages name, by name: functions and classes, and the public methods of these."""
    for page in (hf, hf.transitions, hf.emissions, hf.lse, hf.naive, streaming, underflow):
        for name in page.__all__:
            thing = getattr(page, name)
            if callable(thing):
                yield f"{page.__name__}.{name}", thing
            if inspect.isclass(thing):
                methods = inspect.getmembers(thing, callable)
                ours = [(each, method) for each, method in methods if not each.startswith("_") and is_ours(method)]
                yield from ((f"{page.__name__}.{name}.{each}", method) for each, method in ours)


THINGS = dict(named_things())
# Nobody makes a result, an error, or a protocol from parameters.
HANDED_OUT = [name for name, it in THINGS.items() if inspect.isclass(it) and "\nParameters\n" not in inspect.getdoc(it)]
TAKING = [name for name in THINGS if name not in HANDED_OUT]


def test_all_is_told_of():
    assert len(TAKING) > 100
    untold = {name.split(".")[-1] for name in HANDED_OUT if not entries(THINGS[name].__doc__)}
    assert untold == {"Emission", "Learner", "Structured", "Transitions"}


@pytest.mark.parametrize("name", TAKING)
def test_every_parameter_is_told_of_in_the_order_of_the_signature(name):
    told = [entry for entry in entries(THINGS[name].__doc__) if entry.section == "Parameters"]
    taken = [parameter for parameter in inspect.signature(THINGS[name]).parameters if parameter != "self"]
    assert [each for entry in told for each in entry.names] == taken
    assert all(entry.kind and entry.description for entry in told)


@pytest.mark.parametrize("name", THINGS)
def test_nothing_is_left_to_another_docstring(name):
    assert POINTER not in inspect.getdoc(THINGS[name])


def written_docstrings():
    """All of the package as they are written, with the names of whom they are said to be as in, and where they are."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                calls = [each for each in node.decorator_list if ast.unparse(each).startswith("as_in(")]
                sources = {ast.unparse(source).split(".")[-1] for call in calls for source in call.args}
                yield ast.get_docstring(node), sources, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_what_is_common_is_said_once():
    """Two lines of description in one place, and two entries in a row in two at most: a pointer has as many lines."""
    long, rows = defaultdict(list), defaultdict(list)
    for docstring, _, place in written_docstrings():
        own = [None if entry.description.startswith(POINTER) else entry for entry in entries(docstring)]
        for entry, following in pairwise([*own, None]):
            if entry and entry.description.count("\n") > 1:
                long[entry.description].append(place)
            if entry and following and entry.section == following.section:
                rows[entry, following].append(place)
    assert [places for places in long.values() if len(places) > 1] == []
    assert [places for places in rows.values() if len(places) > 2] == []


def test_docstrings_point_at_whom_they_are_as_in():
    for docstring, sources, place in written_docstrings():
        pointers = [line for line in docstring.split("\n") if line.startswith(POINTER)]
        assert {line.removeprefix(POINTER).split("`")[0].split(".")[-1] for line in pointers} == sources, place


def fill(water, cups=1, *, to="the brim"):
    """Fill cups.

    Parameters
    ----------
    water : float
        How much there is.
    cups : int
        How many cups,
        one beside the other.
    to : str
        How full.

    Raises
    ------
    ValueError, TypeError
        Where there is no water.
    """


def told(docstring):
    """The lines below the summary of a docstring that is as in that of `fill`."""

    def target():
        pass

    target.__doc__ = "Pour.\n\n" + docstring
    return as_in(fill)(target).__doc__.split("\n")[2:]


def test_entries_are_told_as_they_are_there():
    assert told("cups, to\n    As in `fill`.\nother : int\n    Another.") == [
        "cups : int",
        "    How many cups,",
        "    one beside the other.",
        "to : str",
        "    How full.",
        "other : int",
        "    Another.",
    ]


def test_an_entry_of_several_names_is_told_once():
    assert told("ValueError, TypeError\n    As in `kitchen.fill`.") == [
        "ValueError, TypeError",
        "    Where there is no water.",
    ]


def test_what_an_entry_has_of_its_own_stays():
    assert told("cups : str\n    As in `fill`. Or their\n    colour.") == [
        "cups : str",
        "    How many cups,",
        "    one beside the other.",
        "    Or their",
        "    colour.",
    ]


def test_an_entry_that_is_not_there_stops_the_import():
    with pytest.raises(KeyError, match="spoons"):
        told("spoons\n    As in `fill`.")
    with pytest.raises(KeyError, match="drink"):
        told("cups\n    As in `drink`.")


def test_help_tells_all_in_full():
    shown = pydoc.plain(pydoc.render_doc(hf.HMM.viterbi))
    assert "observations : array_like, (T,) or (T, D)" in shown
    assert "raise, or return a path of −1 and a log_joint of −inf, or" in shown
    assert "workers : int" in shown
    assert "Where the emission does not take the observations." in shown


def test_a_function_is_the_one_of_the_source():
    assert as_in(fill)(fill) is fill


def test_a_function_without_a_docstring_stays_without():
    assert as_in(fill)(lambda: 0).__doc__ is None


def test_without_docstrings_all_else_is_there():
    code = "import hmmfilter as hf; print(hf.HMM.smooth.__doc__, hf.HMM([1], [[1]], hf.emissions.Poisson([1])))"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("None HMM: 1 states, Poisson emission")
