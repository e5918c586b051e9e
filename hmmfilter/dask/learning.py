"""Learning from sequences in partitions: the climb of one machine, whose expectation steps many take together."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from dask.delayed import Delayed, delayed
from dask.sizeof import sizeof

from hmmfilter import _checks, learning
from hmmfilter._arrays import FloatArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.dask.asking import filter, of_observations_alone
from hmmfilter.dask.checkpoints import Journal
from hmmfilter.dask.partitions import Rows, source_of
from hmmfilter.dask.running import computed, fresh_name, kept, merged, n_threads
from hmmfilter.dask.totals import Totals, added
from hmmfilter.emissions.learning import keeps
from hmmfilter.learning import running
from hmmfilter.learning.evidence import Evidence, Given, Model, evidence_of, learns_from_sums
from hmmfilter.learning.parameters import parts_of
from hmmfilter.learning.problem import Problem
from hmmfilter.model import HMM
from hmmfilter.results import ExpectedStatistics, Fitted
from hmmfilter.streaming.snapshots import fingerprint


@as_in(filter, learning.fit)
def fit(
    start: HMM,
    frame: Any,
    sequence: Hashable = "id",
    columns: Any = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    client: Any = None,
    initial: str = "free",
    fixed: Any = (),
    tied: Any = None,
    prior: Any = None,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    accelerate: bool = True,
    progress: bool = False,
    callback: Callable[[int, Any, float], Any] | None = None,
) -> Fitted:
    """Find the most probable model for sequences in partitions: `hmmfilter.fit`, whose expectation steps workers take.

    Sums are put together in a tree over the partitions: they depend on how the rows are cut, but not on the workers.
    The rows are let in once and stay with the workers, who spill to their disks what does not fit into memory; what a
    worker had that dies is read again. Of one partition, the fit has the bits of `hmmfilter.fit`.

    Parameters
    ----------
    start : HMM
        Where to start. Its emission learns from sums, as all of `hmmfilter.emissions` do but those that say otherwise.
    frame, sequence, columns, client
        As in `filter`.
    checkpoint : path, optional
        A folder for what each expectation step comes to. A fit that was interrupted, begun again in the same way, goes
        on from its last one, and has the bits that it would have had.
    initial, fixed, tied, prior, max_iterations, tolerance, accelerate, progress
        As in `fit`.
    callback : callable, optional
        As in `fit`. It is not called again for iterations that a checkpoint has.

    Returns
    -------
    Fitted
        That of `hmmfilter.fit`; it asks the workers for standard errors.

    Raises
    ------
    DegenerateFitError, ImpossibleEvidenceError
        As in `hmmfilter.fit`.
    LostWorkersError
        Where a task ended as many workers as may die of one.
    ValueError, TypeError
        Where arguments are not as above, and where a checkpoint is of another fit.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> pd.DataFrame({"id": [1] * 8 + [2] * 6, "x": counts}).to_parquet(file)
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> fitted = hfd.fit(start, hfd.from_parquet(file, steps_per_partition=8))
    >>> fitted.model.emission.rate.round(3)
    array([0.863, 8.735])
    >>> folder.cleanup()
    """
    settings = running.Settings(
        n_steps=_checks.whole_count("max_iterations", max_iterations),
        tolerance=_checks.tolerance(tolerance),
        accelerate=_checks.flag("accelerate", accelerate),
        restarts=0,
        rng=np.random.default_rng(0),
        progress=progress,
        callback=_checks.callback(callback),
    )
    _adding_up("start", start)
    parts, believed = parts_of(start, initial, fixed, tied), _checks.prior_of_model(prior, start)
    spread = Spread.of(start, frame, sequence, columns, client).staying()
    sizes = spread.sizes()
    known_by = fingerprint(sizes, *(() if checkpoint is None else spread.contents()))
    journal = Journal(None if checkpoint is None else os.fspath(checkpoint), known_by)
    evidence, settles = spread.evidence(start, sizes), initial == "stationary"
    problem = SpreadProblem(evidence, parts, settles, believed, spread=spread, journal=journal)
    if settings.callback is not None:
        settings = settings._replace(callback=_unless_recalling(journal, settings.callback))
    fitted = running.fitted(problem, start, settings)
    journal.close()
    return fitted


@as_in(filter, fit)
def expected_statistics(
    model: HMM, frame: Any, sequence: Hashable = "id", columns: Any = None, *, client: Any = None
) -> ExpectedStatistics:
    """Compute what one expectation step comes to, as `hmmfilter.expected_statistics` does, over all partitions.

    Parameters
    ----------
    model, frame, sequence, columns, client
        As in `filter`.

    Returns
    -------
    ExpectedStatistics
        That of `hmmfilter.expected_statistics`; its ``log_likelihood`` is that of all sequences together.

    Raises
    ------
    ImpossibleEvidenceError, LostWorkersError, ValueError, TypeError
        As in `fit`.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> import pandas as pd
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = f"{folder.name}/counts.parquet"
    >>> pd.DataFrame({"id": list("aaab"), "x": [0, 2, 7, 4]}).to_parquet(file)
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> hfd.expected_statistics(model, file).emission["sum"].round(4)
    array([ 1.7197, 11.2803])
    >>> folder.cleanup()
    """
    _adding_up("model", model)
    spread = Spread.of(model, frame, sequence, columns, client)
    totals = spread.ask(model)
    _checks.possible_rows(totals.impossible)
    expectations, emission = totals.expectations(), cast(Any, model.emission)
    return ExpectedStatistics(
        initial=expectations.initial,
        transition=expectations.transition,
        final=expectations.ends,
        emission=emission._statistics(expectations.emission),
        log_likelihood=math.fsum(totals.log_likelihood),
        state_names=model.state_names,
    )


def _adding_up(name: str, model: Any) -> None:
    """Insist on a model whose statistics are sums over sequences."""
    of_observations_alone(name, model)
    _checks.learns_from_short_sums(model.emission, learns_from_sums(model.emission) and not keeps(model.emission))


def _unless_recalling(journal: Journal, callback: Callable[[int, Any, float], Any]) -> Callable[..., Any]:
    """A callback that is not called for what a checkpoint has."""

    def called(n: int, model: Any, objective: float) -> Any:
        return None if journal.is_recalling else callback(n, model, objective)

    return called


class LetIn(NamedTuple):
    """The rows of a partition as they are learnt from; None of no rows."""

    evidence: Evidence
    first: int  # the number of the first sequence
    keys: Any  # of the sequences


@sizeof.register(LetIn)
def _size(let_in: LetIn) -> int:
    """How many bytes it takes, for Dask to know when to spill it."""
    evidence = let_in.evidence
    arrays = [evidence.observations, *(evidence.observed or ()), evidence.starts, let_in.keys]
    return sum(getattr(part, "nbytes", 0) for part in arrays if not isinstance(part, int))


@dataclass(frozen=True)
class Spread:
    """Partitions of what is learnt from."""

    parts: tuple[Delayed, ...]  # of LetIn, or None where there are no rows
    names: tuple[str, ...]
    client: Any

    @classmethod
    def of(cls, model: HMM, frame: Any, sequence: Hashable, columns: Any, client: Any) -> Spread:
        """Those of a frame, or of files."""
        source = source_of(frame, sequence, columns)
        return cls(tuple(source.asked("let-in", _let_in, _given(model))), source.names, client)

    def staying(self) -> Spread:
        """The same, let in but once."""
        return Spread(kept(self.parts, self.client), self.names, self.client)

    def sizes(self) -> FloatArray:
        """How many rows, sequences and observed steps each has, (partitions, 3)."""
        tasks = delayed(list, pure=False)(self._tasks("sizes", _sizes))
        return np.array(computed(tasks, self.client, self.names))

    def contents(self) -> list[str]:
        """A word for the rows of each, by what stands in them."""
        tasks = delayed(list, pure=False)(self._tasks("contents", _content))
        words: list[str] = computed(tasks, self.client, self.names)
        return words

    def ask(self, model: Model) -> Totals:
        """What an expectation step comes to."""
        tasks = self._tasks("expected", _expected, _given(model))
        totals: Totals = computed(merged("expected", added, tasks), self.client, self.names)
        _checks.something_observed(0.0 if totals is None else 1.0)
        return totals

    def evidence(self, start: HMM, sizes: FloatArray) -> SpreadEvidence:
        """What the climb asks of all that is learnt from."""
        n_observations = math.fsum(sizes[:, 2])
        _checks.something_observed(n_observations)
        nothing = Beside(np.zeros(2, dtype=np.int64))
        told = start.chain._told(nothing)
        return SpreadEvidence(
            None, (), nothing.starts, np.ones(1), None, None, nothing, told, n_observations, _checks.NO_LABELS
        )

    def _tasks(self, what: str, work: Callable[..., Any], *given: Any) -> list[Delayed]:
        """A task for each partition."""
        name, task = fresh_name(what), delayed(work, pure=False)
        return [
            task(part, where, *given, dask_key_name=f"{name}-{n}")
            for n, (part, where) in enumerate(zip(self.parts, self.names, strict=True))
        ]


def _given(model: Any) -> Delayed:
    """A model for tasks."""
    return delayed(model, name=fresh_name("model"), pure=False, traverse=False)


def _let_in(model: HMM, rows: Rows, _: int) -> LetIn | None:
    """A task: rows as they are learnt from."""
    if len(rows.ids) == 0:
        return None
    evidence = evidence_of(model, rows.observations, Given(lengths=rows.lengths), may_be_missing=True)
    return LetIn(evidence, rows.first, rows.keys)


def _sizes(let_in: LetIn | None, _: str) -> tuple[float, float, float]:
    """A task: how much there is."""
    if let_in is None:
        return 0.0, 0.0, 0.0
    return float(let_in.evidence.n_rows), float(len(let_in.keys)), let_in.evidence.n_observations


def _content(let_in: LetIn | None, _: str) -> str:
    """A task: a word for what rows show, and where their sequences begin."""
    return "" if let_in is None else _word(let_in.evidence)


def _word(evidence: Evidence) -> str:
    rows = pd.util.hash_pandas_object(evidence.observations, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes() + evidence.starts.tobytes()).hexdigest()


def _expected(let_in: LetIn | None, where: str, model: Model) -> Totals | None:
    """A task: what is expected of a partition."""
    if let_in is None:
        return None
    with _checks.blaming_rows(where):
        expectations = Problem(let_in.evidence, (), False, None, n_threads()).expect(model)
    return Totals.of(expectations, np.diff(let_in.evidence.starts), let_in.first, let_in.keys, where)


class SpreadEvidence(Evidence):
    """What the climb asks of evidence that is elsewhere."""

    def possible(self, n_possible: Any) -> None:
        """Insist that no sequence has turned out to be impossible."""
        _checks.possible_rows(n_possible)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpreadProblem(Problem):
    """What is climbed, where workers take the expectation steps."""

    spread: Spread
    journal: Journal

    def expect(self, model: Model) -> Expectations:
        """The expectation step, or what a checkpoint has of it."""
        totals = self.journal.recalled(model)
        if totals is None:
            totals = self.spread.ask(model)
            self.journal.note(model, totals)
        return totals.expectations()

    def _of_sequences(self, expectations: Expectations) -> FloatArray:
        """The log-likelihoods, in few numbers."""
        return expectations.log_likelihood
