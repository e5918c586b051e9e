"""Where machine code is kept: folders, and the names of files, which say all that the code was made from.

There is one file for each signature of a kernel, and no index, which two processes could spoil. The name tells the
sources of the whole wing, as a kernel holds what it calls in other rooms; the versions of what compiles; and the rest
by a key. So nothing that is found is out of date, and nothing has to be compared. Numba is not imported here: whether
there is machine code can be asked without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

FOLDER = os.path.dirname(__file__)
OUTSIDE = ("_arrays.py", "_notices.py")  # of the package, what rooms of the wing import
ENDING = "kernel"
USER_CACHES = {"win32": ("LOCALAPPDATA", "~/AppData/Local"), "darwin": ("", "~/Library/Caches")}
COMPILERS = ("numba", "llvmlite")
LINUX_CACHE = ("XDG_CACHE_HOME", "~/.cache")


def digest(*parts: bytes) -> str:
    """Sixteen digits that tell these parts from any others."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def sources() -> Iterator[bytes]:
    """The names and texts of all files that kernels are made from, also where they lie in an archive."""
    loader: Any = __spec__.loader
    rooms = ["__init__", *sorted(room.name for room in pkgutil.iter_modules([FOLDER]))]
    files = [os.path.join(FOLDER, f"{room}.py") for room in rooms]
    for file in [*files, *(os.path.join(os.path.dirname(FOLDER), name) for name in OUTSIDE)]:
        yield os.path.basename(file).encode()
        yield loader.get_data(file)


def version_of(package: str) -> str:
    """The version of a package, which need not be imported for it where it was installed in the usual way."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return str(importlib.import_module(package).__version__)


def digest_of_sources() -> str:
    """What tells kernels from those of any other sources, or nothing where there are none to read."""
    try:
        return digest(*sources())
    except OSError:
        return ""


# As they are when this room is imported, and the others with it: an update that comes later is of other kernels.
SOURCES = digest_of_sources()
VERSIONS = digest(*(f"{part}".encode() for part in (sys.implementation.cache_tag, *map(version_of, COMPILERS))))


def places() -> list[str]:
    """The folders that are asked for machine code, in this order; what is new goes to the first that takes it."""
    if not SOURCES:
        return []
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [shared(named)]
    variable, usual = USER_CACHES.get(sys.platform, LINUX_CACHE)
    users = os.path.expanduser(os.environ.get(variable) or usual)
    beside = os.path.join(FOLDER, "__pycache__")
    return [beside] if users.startswith("~") else [beside, shared(users)]  # where nobody has a home, ~ stays


def shared(folder: str) -> str:
    """What this installation has of a folder that others use, too, for what they have installed."""
    return os.path.join(folder, f"hmmfilter-{digest(FOLDER.encode())}")


def file_name(kernel: str, key: str) -> str:
    """The name of a file of machine code; the key is all that sources and versions do not say."""
    return f"{kernel}.{VERSIONS}.{SOURCES}.{digest(key.encode())}.{ENDING}"


def is_kept(kernel: str) -> bool:
    """Whether there is machine code of a kernel, for any types of its arguments, and for any processor."""
    start, end = f"{kernel}.{VERSIONS}.{SOURCES}.", f".{ENDING}"
    return any(name.startswith(start) and name.endswith(end) for place in places() for name in names_in(place))


def kept() -> set[str]:
    """The names of all files of machine code that may be found."""
    return {name for place in places() for name in names_in(place) if name.endswith(f".{ENDING}")}


def place_that_takes_more() -> str | None:
    """The folder that new machine code goes to, if there is one."""
    trial = f"trial.{os.getpid()}"
    for place in places():
        if not put(place, trial, b""):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(place, trial))
            return place
    return None


def names_in(place: str) -> list[str]:
    """The files of a folder, if there is one."""
    try:
        return os.listdir(place)
    except OSError:
        return []


def seal_of(name: str, code: bytes) -> bytes:
    """What tells whole code from damaged, which would crash, and from code under another's name."""
    return hashlib.sha256(f"{name}\0".encode() + code).digest()


def read(name: str) -> bytes | None:
    """What a file was written with, or None; a file that is damaged is taken away, if that can be."""
    for place in places():
        path = os.path.join(place, name)
        with contextlib.suppress(OSError):
            with open(path, "rb") as file:
                seal, code = file.read(32), file.read()
            if seal_of(name, code) == seal:
                return code
            os.unlink(path)
    return None


def write(name: str, code: bytes) -> str:
    """Keep machine code, sealed by its digest. Returns why that cannot be, or nothing."""
    refusals = []
    for place in places():
        refusal = put(place, name, seal_of(name, code) + code)
        if not refusal:
            return ""
        refusals.append(refusal)
    return [*refusals, "the sources of the kernels cannot be read"][0]


def put(place: str, name: str, content: bytes) -> str:
    """Write a file, which is whole once it has its name, in place of those of other sources. Returns as `write`."""
    part = os.path.join(place, f"{name}.{os.urandom(8).hex()}")
    try:
        os.makedirs(place, exist_ok=True)
        remove_files_of_other_sources(place)
        with open(part, "xb") as file:  # not a temporary one of the standard library, which nobody else could read
            file.write(content)
        os.replace(part, os.path.join(place, name))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        return f"it cannot be written to {place} ({error.strerror})"
    return ""


def remove_files_of_other_sources(place: str) -> None:
    """Take away what this installation's earlier sources left, but not what other versions make of these."""
    for name in names_in(place):
        pieces = name.split(".")
        if pieces[4:5] == [ENDING] and pieces[2] != SOURCES:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(place, name))
