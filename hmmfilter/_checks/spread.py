"""Checks of what is spread over many machines: rows that stand in partitions, and the tasks that take them."""

from __future__ import annotations

import contextlib
import numbers
import os
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from hmmfilter._checks.errors import ImpossibleEvidenceError, shown, told


class LostWorkersError(RuntimeError):
    """A task ended the processes that took it, one after the other, until nobody was to try it again.

    Its cause is the ``distributed.KilledWorker`` that says how many there were. Mostly, memory was too small for the
    rows of a task: cut smaller partitions, or give workers more.

    Parameters
    ----------
    where : str
        Which rows the task was of.
    reason : str
        What the scheduler says.

    Examples
    --------
    >>> import hmmfilter.dask as hfd
    >>> print(hfd.LostWorkersError("a.parquet, rows 0 to 9", "4 workers died"))
    a.parquet, rows 0 to 9: the task ended its workers: 4 workers died
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where, self.reason = where, reason

    def __str__(self) -> str:
        return f"{self.where}: the task ended its workers: {self.reason}"


class ImpossibleRowsError(ImpossibleEvidenceError):
    """Impossible evidence, and among which rows of the data it is."""

    def __init__(self, step: int, sequence: int | None, key: Hashable, where: str) -> None:
        super().__init__(step, sequence, key)
        self.args = (step, sequence, key, where)
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {super().__str__()}"


def possible_rows(impossible: ImpossibleEvidenceError | None) -> None:
    """Insist that no sequence has turned out to be impossible."""
    if impossible is not None:
        raise impossible


@contextlib.contextmanager
def blaming_rows(where: str, keys: Sequence[Hashable] = (), first: int = 0) -> Iterator[None]:
    """Say of whatever a task fails by which rows it had; sequences of these keys are numbered from the first."""
    try:
        yield
    except ImpossibleEvidenceError as error:
        number = error.sequence
        if number is None:
            raise ImpossibleRowsError(error.step, None, None, where) from None
        raise ImpossibleRowsError(error.step, first + number, keys[number], where) from None
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"{where}: {type(error).__name__}: {told(error)}") from error


def steps_per_partition(value: Any) -> int:
    """Let a number from 1 up in."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"steps_per_partition must be an integer from 1 up, got {shown(value)}")
    return int(value)


def parquet_files(path: Any, paths: list[str]) -> None:
    """Insist on files."""
    if not paths:
        raise ValueError(f"path must be that of a Parquet file, or of a folder that has some, got {shown(path)}")


def column_names(names: Sequence[Hashable], known: Sequence[Hashable], what: str) -> None:
    """Insist on columns that a table has."""
    for name in names:
        if name not in known:
            raise ValueError(f"{what} must be among the columns {shown(list(known))}, got {shown(name)}")


def some_columns(columns: Sequence[Hashable], sequence: Hashable) -> None:
    """Insist on a column of observations beside that of the sequences."""
    if not columns:
        raise ValueError(f"columns must have at least one besides {shown(sequence)}, got none")
    if sequence in columns:
        raise ValueError(f"columns must not have that of the sequences, {shown(sequence)}")


def same_schema(path: str, got: Any, wanted: Any) -> None:
    """Insist on the columns of the first file in another one."""
    missing = [name for name in wanted.names if name not in got.names]
    if missing:
        raise ValueError(f"{path} must have the columns of the first file, and lacks {shown(missing)}")


def no_missing_ids(n_missing: int, sequence: Hashable, where: str = "") -> None:
    """Insist that each row is of a sequence."""
    if n_missing > 0:
        raise ValueError(f"{where}the column {shown(sequence)} must say of each row which sequence it is of, got null")


def together(again: Sequence[Hashable], sequence: Hashable) -> None:
    """Insist that no runs of rows are of one sequence: none of their ids comes again."""
    if len(again) > 0:
        came = shown(again[0])
        raise ValueError(f"the rows of a sequence must stand together, got {sequence} {came} again after other ones")


def refuse_again(sequence: Hashable, key: Hashable, first: str, again: str) -> None:
    """Say which sequence has rows in two places."""
    raise ValueError(
        f"the rows of a sequence must stand together, got {sequence} {shown(key)} in {first} and again in {again}"
    )


def refuse_spanning(sequence: Hashable, key: Hashable, first: int, second: int) -> None:
    """Say which sequence spans two partitions."""
    raise ValueError(
        f"a partition must have whole sequences, got {sequence} {shown(key)} in partitions {first} and {second}: "
        "hmmfilter.dask.from_parquet cuts between sequences"
    )


def unchanged(path: str, is_as_it_was: bool) -> None:
    """Insist that a file is as it was when it was looked at."""
    if not is_as_it_was:
        raise ValueError(f"{path} must not change after from_parquet has looked at it, got other rows")


def new_folder(path: Any) -> str:
    """Insist on a folder that is not there yet, or is empty."""
    name: str = os.path.abspath(os.fspath(path))
    if os.path.lexists(name) and not (os.path.isdir(name) and not os.listdir(name)):
        raise FileExistsError(f"path must be that of a folder that is not there yet, or is empty, got {shown(name)}")
    return name


def other_names(names: Sequence[Hashable], sequence: Hashable) -> None:
    """Insist that no column that is added has the name of that of the sequences."""
    if sequence in names:
        raise ValueError(f"states must have other names than the column of the sequences, {shown(sequence)}")


def alone(what: str, needs: Sequence[str]) -> None:
    """Insist on a model that takes observations alone."""
    if needs:
        raise ValueError(f"{what} must depend on nothing but observations here, got one that needs {', '.join(needs)}")


def same_at_each_step(what: str, chain: Any) -> None:
    """Insist on a chain of which no step of one sequence has a number of its own."""
    if getattr(chain, "by_step", False):
        raise ValueError(
            f"{what} must move in the same way at each step here, got {type(chain).__name__} by step, whose steps are "
            "those of rows that are given at once"
        )


def frame_or_path(value: Any) -> None:
    """Insist on rows in partitions, or on where they are."""
    if not isinstance(value, (str, os.PathLike, list, tuple)):
        raise TypeError(
            "frame must be a Dask DataFrame, or the path of Parquet files, or a list of such, got "
            f"{type(value).__name__}: dask.dataframe.from_pandas cuts one in memory"
        )


def learns_from_short_sums(emission: Any, does: bool) -> None:
    """Insist on an emission whose statistics are sums."""
    if not does:
        raise ValueError(
            f"{type(emission).__name__} learns from all observations at once, and not from sums that machines can add "
            "up: hmmfilter.fit takes it"
        )


def same_fit(directory: str, is_same: bool) -> None:
    """Insist that what a folder keeps is of this fit."""
    if not is_same:
        raise ValueError(
            f"checkpoint must be a folder of this very fit, or an empty one: {directory} is of another start, of other "
            "options, or of other data, or other chunks of it"
        )


@contextlib.contextmanager
def kept_step(path: str) -> Iterator[None]:
    """Name the file that has no step of a fit."""
    try:
        yield
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path} holds no step of a fit that hmmfilter.dask.fit has written") from error


def same_stream(path: str, is_known: bool) -> None:
    """Insist on a file that a stream has written."""
    if not is_known:
        raise ValueError(f"{path} holds no state of a stream that hmmfilter.dask.filter_stream has written")
