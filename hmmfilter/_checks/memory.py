"""Whether an array that is to be filled shares memory with one that is read, directly or through a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MAPS = "/proc/self/maps"  # where Linux tells which parts of which files stand where in memory


class Part(NamedTuple):
    """So many bytes of a file."""

    file: tuple[Any, ...]
    begin: int
    end: int


def share_memory(filled: npt.NDArray[Any], read: npt.NDArray[Any]) -> bool:
    """Whether what is written to the one can change the other."""
    if np.may_share_memory(filled, read):
        return True
    if _owner(filled) is None or _owner(read) is None:
        return False
    return any(
        part.file == other.file and part.begin < other.end and other.begin < part.end
        for part in _parts_of_files(filled, is_written=True)
        for other in _parts_of_files(read, is_written=False)
    )


def _owner(array: npt.NDArray[Any]) -> Any:
    """What NumPy did not allocate, and lent the memory: a map of a file, perhaps; None where NumPy did."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner


def _parts_of_files(array: npt.NDArray[Any], is_written: bool) -> Iterator[Part]:
    """Parts of files that an array shows; where it is written, only those that the file gets to see."""
    low, high = _byte_bounds(array)
    if not os.path.exists(MAPS):
        yield from _parts_by_name(array, low, high, is_written)
        return
    with open(MAPS, encoding="utf-8", errors="replace") as file:
        for line in file:
            addresses, access, offset, device, inode, *_ = line.split()
            begin, end = (int(address, 16) for address in addresses.split("-"))
            is_seen = access.endswith("s") or not is_written
            if begin < high and low < end and int(inode) > 0 and is_seen:
                in_file = int(offset, 16) - begin
                yield Part((device, inode), in_file + max(begin, low), in_file + min(end, high))


def _parts_by_name(array: npt.NDArray[Any], low: int, high: int, is_written: bool) -> Iterator[Part]:
    """The same where the system does not tell: of NumPy's own maps, which know the name of their file."""
    shown: Any = array
    while isinstance(shown, np.ndarray) and isinstance(shown.base, np.ndarray):
        shown = shown.base
    if isinstance(shown, np.memmap) and shown.filename is not None and not (is_written and shown.mode == "c"):
        in_file = shown.offset - _byte_bounds(shown)[0]
        status = os.stat(shown.filename)
        yield Part((status.st_dev, status.st_ino), in_file + low, in_file + high)


def _byte_bounds(array: npt.NDArray[Any]) -> tuple[int, int]:
    low = high = array.ctypes.data
    for n, stride in zip(array.shape, array.strides, strict=True):
        low, high = low + min(0, (n - 1) * stride), high + max(0, (n - 1) * stride)
    return low, high + array.itemsize
