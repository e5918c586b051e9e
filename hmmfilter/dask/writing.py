"""Frames written to folders of Parquet files by the workers: whole files, and a whole folder, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from dask.delayed import delayed

from hmmfilter import _checks
from hmmfilter._files import written_whole
from hmmfilter.dask.running import computed, fresh_name, merged


def to_parquet(frame: Any, path: Any, *, client: Any = None) -> None:
    """Have the workers write a Dask DataFrame to a folder of Parquet files, one for each partition.

    Each worker writes a file under another name, which is changed once all of it is there, so that one that dies on the
    way leaves no part of a file. So is the folder itself: it has its name when all files are in it. The plain
    ``to_parquet`` of what `filter` and the others return does this.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        What to write.
    path : path
        Of a folder that is not there yet, or is empty, where all workers and this process find it.
    client : distributed.Client, optional
        Of a cluster, as `filter` takes it.

    Raises
    ------
    FileExistsError
        Where there is something.
    Exception
        Whatever computing it comes to; nothing is left of it then.

    Examples
    --------
    >>> import os, tempfile
    >>> import dask.dataframe
    >>> import pandas as pd
    >>> import hmmfilter.dask as hfd
    >>> folder = tempfile.TemporaryDirectory()
    >>> frame = dask.dataframe.from_pandas(pd.DataFrame({"x": [1, 2, 3]}), npartitions=2)
    >>> hfd.to_parquet(frame, f"{folder.name}/answers")
    >>> sorted(os.listdir(f"{folder.name}/answers"))
    ['part-00000.parquet', 'part-00001.parquet']
    >>> folder.cleanup()
    """
    target = _checks.new_folder(path)
    folder = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.part")
    name, write = fresh_name("write"), delayed(_written, pure=False)
    files = [
        write(part, os.path.join(folder, f"part-{n:05}.parquet"), dask_key_name=f"{name}-{n}")
        for n, part in enumerate(frame.to_delayed())
    ]
    os.makedirs(folder)
    try:
        computed(merged("write", _all_of, files), client, getattr(frame, "_names", ()))
        for name in os.listdir(folder):
            if name.startswith("."):  # of a worker that has died
                os.unlink(os.path.join(folder, name))
        os.replace(folder, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.replace(folder, f"{folder}-left")  # so that tasks that still write find none
        shutil.rmtree(f"{folder}-left", ignore_errors=True)
        raise


def _written(part: pd.DataFrame, path: str) -> None:
    """A task: the file of a partition."""
    with written_whole(path) as file:
        pq.write_table(pa.Table.from_pandas(part), file)


def _all_of(_: list[None]) -> None:
    """That all files are there."""
