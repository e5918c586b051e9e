"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

DESCRIPTORS = ("/proc/", "/dev/fd")  # where a name stands for a file that is open, or for none


class _Named(io.FileIO):
    """A file that goes by another name in errors of writing."""

    def __init__(self, path: str, mode: str, name: str) -> None:
        super().__init__(path, mode)
        self._name = name

    def write(self, content: Any) -> int:
        with _named_in_errors(self._name):
            return super().write(content)


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for bytes that take the place of what it holds once all are written, and not where anything fails.

    The permissions of a file that exists are kept, and a link leads to the file that is replaced. What cannot be
    replaced, such as a pipe, a terminal or /dev/stdout, is written as the bytes come.
    """
    name = os.fspath(path)
    if not is_replaceable(name):
        with open(name, "wb") as file:
            yield file
        return
    target = os.path.realpath(name)
    part = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.part")
    try:
        with _named_in_errors(name):
            raw = _Named(part, "xb", name)
        with io.BufferedWriter(raw) as file:
            yield file
            with _named_in_errors(name):
                file.flush()
                os.fsync(file.fileno())
        with _named_in_errors(name):
            if os.path.exists(target):
                os.chmod(part, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def is_replaceable(name: str) -> bool:
    """Whether another file can take the place of this one; a folder, or a file that is protected, is refused."""
    if not os.path.basename(name):
        raise IsADirectoryError(errno.EISDIR, "must be the name of a file", name or "''")
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        with open(name, "r+b"):
            return not _is_descriptor(name)
    return False


def _is_descriptor(name: str) -> bool:
    """Whether a name such as /dev/stdout leads to a file that is open already."""
    while not (folder := os.path.realpath(os.path.dirname(name)) + "/").startswith(DESCRIPTORS):
        if not os.path.islink(name):
            return False
        name = os.path.join(folder, os.readlink(name))
    return True


@contextlib.contextmanager
def _named_in_errors(name: str) -> Iterator[None]:
    """Let an error name the file that was asked for."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None
