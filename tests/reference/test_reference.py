"""The reference is made without a warning, and each public name is reached in it."""

import contextlib
import doctest
import inspect
import pkgutil
import shutil
import subprocess
import sys
import zlib
from functools import cached_property
from importlib import import_module
from pathlib import Path

import pytest

import hmmfilter as hf
from tests.conftest import needs_compiled
from tests.test_docstrings import entries, is_ours

HERE = Path(__file__).parent
INSIDE = "plotting"  # a room whose names are for the others


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """What has a place in the pages that can be linked to."""
    folder = tmp_path_factory.mktemp("reference")
    shutil.copytree(HERE, folder / "source", ignore=shutil.ignore_patterns("made", "__pycache__"))
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", str(folder / "source"), str(folder / "made")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    packed = (folder / "made" / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}


def public_names():
    """Everything that the contents pages name, by the shortest name that it has."""
    named = {id(getattr(hf, name)): f"hmmfilter.{name}" for name in hf.__all__}
    for room in (each.name for each in pkgutil.iter_modules(hf.__path__) if not each.name.startswith("_")):
        with contextlib.suppress(ImportError):  # of what is not installed
            module = import_module(f"hmmfilter.{room}")
            for name in getattr(module, "__all__", ()) if room != INSIDE else ():
                named.setdefault(id(getattr(module, name)), f"hmmfilter.{room}.{name}")
    return sorted(named.values())


def thing(name):
    """What has a name of two or three words."""
    owner, _, last = name.rpartition(".")
    return getattr(import_module(owner), last)


def members(name):
    """The public methods and properties of a class, and the attributes that it tells of."""
    a_class = thing(name)
    for each in dir(a_class):
        member, made = inspect.getattr_static(a_class, each), getattr(a_class, each, None)
        ours = is_ours(made) if callable(made) else isinstance(member, (property, cached_property))
        if ours and not each.startswith("_") and not each.isupper():
            yield f"{name}.{each}"
    told = [entry.names for entry in entries(a_class.__doc__) if entry.section == "Attributes"]
    yield from (f"{name}.{each}" for names in told for each in names)


@needs_compiled  # it takes as long either way: once is enough
def test_each_public_name_is_reached(inventory):
    names = public_names()
    wanted = {*names, *(each for name in names if inspect.isclass(thing(name)) for each in members(name))}
    assert len(wanted) > 500
    assert sorted(wanted - inventory) == []


def test_the_first_lines_print_what_they_say():
    assert doctest.testfile(str(HERE / "index.rst"), module_relative=False).failed == 0
