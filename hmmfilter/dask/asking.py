"""The doors for sequences in partitions: as lazy as all of Dask, an answer for each row or for each sequence."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.delayed import delayed

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.dask.partitions import Rows, source_of
from hmmfilter.dask.running import client_of, fresh_name, naming_the_lost
from hmmfilter.dask.writing import to_parquet
from hmmfilter.model import HMM


class Answers(dd.DataFrame):
    """What a door says of each row, or sequence; whatever is made of it is a DataFrame like any other."""

    def __init__(self, expr: Any, client: Any, names: tuple[str, ...]) -> None:
        super().__init__(expr)
        self._client, self._names = client, names

    def __reduce__(self) -> Any:
        return type(self), (self._expr, None, self._names)

    def compute(self, **options: Any) -> pd.DataFrame:
        """Compute all of it, in the memory of this process."""
        with naming_the_lost(self._names):
            computed: pd.DataFrame = super().compute(**{"scheduler": client_of(self._client), **options})
        return computed

    def to_parquet(self, path: Any) -> None:
        """Have the workers write it to a folder, as `hmmfilter.dask.to_parquet` does."""
        to_parquet(self, path, client=self._client)


def filter(model: HMM, frame: Any, sequence: Hashable = "id", columns: Any = None, client: Any = None) -> Answers:
    """Compute the distribution of the state at each step, given all observations of its sequence up to that step.

    Nothing is computed before it is asked for: by ``compute()``, in memory, by ``to_parquet(path)``, in the files of a
    folder, each of which a worker writes under a name of its own before it is there, or by whatever else Dask does.
    Each number has the bits of `HMM.filter` of the sequence alone.

    Parameters
    ----------
    model : HMM
        The model, whose emission and transition depend on nothing but observations.
    frame : dask.dataframe.DataFrame or path
        Rows in partitions of whole sequences, as `from_parquet` makes them; or what that takes as its path.
    sequence : hashable
        The column that says of each row which sequence it is of.
    columns : hashable or list of them, optional
        The column of the observations, or those of vectors; all others where it is left out.
    client : distributed.Client, optional
        Whose workers do it; without one, those of the client that is open, or the threads of this process.

    Returns
    -------
    dask.dataframe.DataFrame
        A row for each row of the frame, under its label: the id, and the probability of each state, by name.

    Raises
    ------
    ImpossibleEvidenceError
        When it is computed, where no path through the states can have produced a sequence; ``.key`` is its id.
    LostWorkersError
        When it is computed, where a task ended as many workers as may die of one.
    ValueError, TypeError
        Where arguments are not as above; when it is computed, where observations are none for the model, and where a
        sequence spans two partitions. The message says which rows those are.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> pd.DataFrame({"id": list("aaab"), "x": [0, 2, 7, 4]}).to_parquet(file)
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    >>> hfd.filter(model, hfd.from_parquet(file)).compute().round(4)
      id    calm    busy
    0  a  0.9820  0.0180
    1  a  0.9451  0.0549
    2  a  0.0043  0.9957
    3  b  0.0803  0.9197
    >>> folder.cleanup()
    """
    return _asked("filter", _filtered, _by_state, model, frame, sequence, columns, client)


@as_in(filter)
def smooth(model: HMM, frame: Any, sequence: Hashable = "id", columns: Any = None, client: Any = None) -> Answers:
    """Compute the distribution of the state at each step, given all observations of its sequence.

    Parameters
    ----------
    model, frame, sequence, columns, client
        As in `filter`.

    Returns
    -------
    dask.dataframe.DataFrame
        As in `filter`.

    Raises
    ------
    ImpossibleEvidenceError, LostWorkersError, ValueError, TypeError
        As in `filter`.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> pd.DataFrame({"id": list("aaab"), "x": [0, 2, 7, 4]}).to_parquet(file)
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    >>> hfd.smooth(model, file).compute().round(4)
      id    calm    busy
    0  a  0.9568  0.0432
    1  a  0.6840  0.3160
    2  a  0.0043  0.9957
    3  b  0.0803  0.9197
    >>> folder.cleanup()
    """
    return _asked("smooth", _smoothed, _by_state, model, frame, sequence, columns, client)


@as_in(filter)
def viterbi(model: HMM, frame: Any, sequence: Hashable = "id", columns: Any = None, client: Any = None) -> Answers:
    """Find the most probable path through the states of each sequence.

    Parameters
    ----------
    model, frame, sequence, columns, client
        As in `filter`.

    Returns
    -------
    dask.dataframe.DataFrame
        A row for each row of the frame, under its label: the id, and the ``state``, by name.

    Raises
    ------
    ImpossibleEvidenceError, LostWorkersError, ValueError, TypeError
        As in `filter`.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> pd.DataFrame({"id": list("aaab"), "x": [0, 2, 7, 4]}).to_parquet(file)
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    >>> hfd.viterbi(model, file)["state"].compute().tolist()
    ['calm', 'calm', 'busy', 'busy']
    >>> folder.cleanup()
    """
    return _asked("viterbi", _decoded, _by_path, model, frame, sequence, columns, client)


@as_in(filter)
def log_likelihood(
    model: HMM, frame: Any, sequence: Hashable = "id", columns: Any = None, client: Any = None
) -> Answers:
    """Compute the log-probability of the observations of each sequence.

    Parameters
    ----------
    model, frame, sequence, columns, client
        As in `filter`.

    Returns
    -------
    dask.dataframe.DataFrame
        A row for each sequence, in their order: the id, and the ``log_likelihood``, −inf where it is impossible.

    Raises
    ------
    LostWorkersError, ValueError, TypeError
        As in `filter`.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> pd.DataFrame({"id": list("aaab"), "x": [0, 2, 7, 4]}).to_parquet(file)
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    >>> hfd.log_likelihood(model, file).compute().round(4)
      id  log_likelihood
    0  a         -7.6632
    1  b         -2.3497
    >>> folder.cleanup()
    """
    return _asked("log-likelihood", _log_likelihood, _by_total, model, frame, sequence, columns, client)


Columns = dict[str, Any]


def _asked(
    what: str,
    work: Callable[..., pd.DataFrame],
    columns_of: Callable[[HMM, Any], Columns],
    model: HMM,
    frame: Any,
    sequence: Hashable,
    columns: Any,
    client: Any,
) -> Answers:
    """What some work says of each partition: the ids, and columns that are added."""
    of_observations_alone("model", model)
    source = source_of(frame, sequence, columns)
    added = columns_of(model, None)
    _checks.other_names(list(added), sequence)
    ids = source.meta[sequence].iloc[:0]
    meta = _framed(ids, added, ids.index)
    given = delayed(model, name=fresh_name("model"), pure=False, traverse=False)
    answers = dd.from_delayed(source.asked(what, work, given), meta, verify_meta=False, prefix=f"hmmfilter-{what}")
    return Answers(answers.expr, client, source.names)


def of_observations_alone(name: str, model: Any) -> None:
    """Insist on a model of which rows of observations are all that it takes."""
    _checks.hmm(name, model)
    needs = {*_checks.needs_of(model.emission), *model.chain._needs} - {"past"}
    _checks.alone(name, sorted(needs))
    _checks.same_at_each_step(name, model.chain)


def _filtered(model: HMM, rows: Rows, workers: int) -> pd.DataFrame:
    return _answered(model, rows, workers, model.filter, _by_state)


def _smoothed(model: HMM, rows: Rows, workers: int) -> pd.DataFrame:
    return _answered(model, rows, workers, model.smooth, _by_state)


def _decoded(model: HMM, rows: Rows, workers: int) -> pd.DataFrame:
    return _answered(model, rows, workers, model.viterbi, _by_path)


def _answered(
    model: HMM, rows: Rows, workers: int, ask: Callable[..., Any], columns_of: Callable[[HMM, Any], Columns]
) -> pd.DataFrame:
    """What a door says of rows."""
    said = ask(rows.observations, lengths=rows.lengths, workers=workers) if len(rows.ids) > 0 else None
    return _framed(rows.ids, columns_of(model, said), rows.ids.index)


def _log_likelihood(model: HMM, rows: Rows, workers: int) -> pd.DataFrame:
    said = model.log_likelihood(rows.observations, lengths=rows.lengths, workers=workers) if len(rows.ids) > 0 else None
    return _framed(pd.Series(rows.keys, name=rows.ids.name), _by_total(model, said), None)


def _by_state(model: HMM, said: Any) -> Columns:
    """A column of probabilities for each state; without rows where nothing is said."""
    table = np.empty((0, model.n_states)) if said is None else said.probabilities
    return dict(zip(model.state_names, table.T, strict=True))


def _by_path(model: HMM, said: Any) -> Columns:
    """The states of a path, by name."""
    path = np.empty(0, dtype=np.int64) if said is None else said.path
    return {"state": pd.Categorical.from_codes(path, list(model.state_names))}


def _by_total(_: HMM, said: Any) -> Columns:
    """The log-likelihoods of sequences."""
    return {"log_likelihood": np.empty(0) if said is None else said}


def _framed(ids: pd.Series, added: Columns, index: Any) -> pd.DataFrame:
    """The ids of rows, and what is added."""
    return pd.DataFrame({ids.name: ids.array, **added}, index=index)
