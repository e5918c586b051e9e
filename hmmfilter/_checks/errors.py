"""The errors that a caller may want to catch, and the words around them."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray

Impossible = Literal["raise", "mark"]
ImpossibleOrRestart = Literal["raise", "mark", "restart"]
RaiseOrRestart = Literal["raise", "restart"]  # of streams, which have no rows to mark

MOST_LETTERS = 80  # of what a message quotes
MOST_LETTERS_OF_OTHERS = 400
MOST_ENTRIES = 8
MOST_LEVELS = 4
MOST_BITS = 10_000


class ImpossibleEvidenceError(ValueError):
    """The evidence has probability zero: no path through the states can have produced it.

    Parameters
    ----------
    step : int
        The first impossible step within its sequence, from 0.
    sequence : int, optional
        The number of the sequence, from 0; None where there is only one.
    key : hashable, optional
        The key of the sequence, where sequences came with keys.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> never = float("-inf")
    >>> try:
    ...     hf.forward_filter([0.0], [[0.0]], [[0.0], [never]])
    ... except hf.ImpossibleEvidenceError as error:
    ...     print(error.step, error)
    1 the evidence is impossible from step 1 on: no path through the states has a probability above zero there
    """

    def __init__(self, step: int, sequence: int | None = None, key: Hashable = None) -> None:
        super().__init__(step, sequence, key)
        self.step = step
        self.sequence = sequence
        self.key = key

    def __str__(self) -> str:
        name = self.sequence if self.key is None else shown(self.key)
        where = f"step {self.step}" + ("" if self.sequence is None else f" of sequence {name}")
        return (
            f"the evidence is impossible from {where} on: no path through the states has a probability above zero there"
        )


class DegenerateFitError(ValueError):
    """A state of a model that is learnt collapses: what is left of its data has no spread in some direction.

    The density there has no bound, so that there is no most probable model.

    Parameters
    ----------
    state : int
        The number of the state, from 0.
    direction : tuple of float
        The direction among the entries of a vector, of length 1; ``(1.0,)`` for numbers.
    part : str
        Which part of the state it is, as "channel steps" or "component 1"; empty where it has none.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> error = hf.DegenerateFitError(1, (0.6, 0.8))
    >>> error.state, str(error)[:17]
    (1, 'state 1 collapses')
    """

    def __init__(self, state: int, direction: tuple[float, ...], part: str = "") -> None:
        super().__init__(state, direction, part)
        self.state = state
        self.direction = direction
        self.part = part

    def __str__(self) -> str:
        direction = "" if len(self.direction) == 1 else f" in the direction {shown([*map(_rounded, self.direction)])}"
        where = f" in {self.part}" if self.part else ""
        return (
            f"state {self.state} collapses{where}: its observations do not vary{direction}, so that its density has no "
            "bound; give a prior, tie the covariances of states, or take fewer states"
        )


def _rounded(number: float) -> float:
    return round(number, 4) + 0.0  # no zero has a sign


def refuse_collapse(state: int, direction: FloatArray) -> NoReturn:
    """Say which state of a fit collapses, and in which direction."""
    raise DegenerateFitError(state, tuple(direction.tolist()))


class _Shortened(reprlib.Repr):
    """Representations of a few entries and letters, made without those of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = MOST_ENTRIES
        self.maxstring = self.maxother = MOST_LETTERS
        self.maxlevel = MOST_LEVELS

    def repr1(self, value: object, level: int) -> str:
        """Scalars of NumPy as what they are: versions of NumPy differ in how they call them."""
        if isinstance(value, np.generic) and not isinstance(value, np.character):
            return str(value)
        return super().repr1(value.item() if isinstance(value, np.character) else value, level)

    def repr_int(self, value: int, level: int) -> str:
        """Python itself refuses to write out integers of thousands of digits."""
        n_bits = value.bit_length()
        return super().repr_int(value, level) if n_bits <= MOST_BITS else f"<integer of {n_bits} bits>"


def shown(value: object) -> str:
    """How a message quotes what came in: as Python writes it, with the middle left out where it is long."""
    return _without_middle(_Shortened().repr(value), MOST_LETTERS)


def told(error: BaseException) -> str:
    """What an error says that may be of another library, with the middle left out where it is long."""
    return _without_middle(str(error), MOST_LETTERS_OF_OTHERS)


def _without_middle(text: str, n_letters: int) -> str:
    return text if len(text) <= n_letters else f"{text[: n_letters // 2]}...{text[3 - n_letters // 2 :]}"


def shown_name(name: str) -> str:
    """How a message quotes a name: without quotation marks, and otherwise as `shown`."""
    return shown(name)[1:-1]


class EntryError(ValueError):
    """An entry of an argument is not what it must be; `index` says which."""

    def __init__(self, message: str, index: tuple[int, ...]) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


def possible_evidence(n_possible: IntArray, starts: IntArray, lengths: npt.ArrayLike | None) -> None:
    """Insist that all sequences are possible, each to its end."""
    if lengths is None:
        if n_possible[0] < starts[1]:
            raise ImpossibleEvidenceError(int(n_possible[0]))
        return
    for n in np.flatnonzero(n_possible < starts[1:] - starts[:-1])[:1]:
        raise ImpossibleEvidenceError(int(n_possible[n]), int(n))


def refuse_half_a_step(error: ImpossibleEvidenceError, is_alone: bool) -> NoReturn:
    """Say of a filter that takes two steps for one which of the steps is impossible."""
    raise ImpossibleEvidenceError(error.step // 2, None if is_alone else error.sequence) from None


def impossible_policy(impossible: ImpossibleOrRestart, may_restart: bool = False) -> None:
    """Insist on one of the ways to meet impossible evidence."""
    known = ("raise", "mark", "restart") if may_restart else ("raise", "mark")
    if not isinstance(impossible, str) or impossible not in known:
        words = "'raise', 'mark' or 'restart'" if may_restart else "'raise' or 'mark'"
        raise ValueError(f"impossible must be {words}, got {shown(impossible)}")


def possible_beginning(stuck: tuple[int, int] | None, lengths: npt.ArrayLike | None) -> None:
    """Insist that each sequence can start afresh where no path leads on: none is stuck at a step of it."""
    if stuck is not None:
        raise ImpossibleEvidenceError(stuck[1], None if lengths is None else stuck[0])


@contextlib.contextmanager
def blaming(part: str) -> Iterator[None]:
    """Say in which of several sequences, or blocks, an observation is refused."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{part}: {error}") from error


def refuse_by_key(error: ImpossibleEvidenceError, keys: Sequence[Hashable] | None) -> NoReturn:
    """Say by its key which of several sequences is impossible, where they have keys."""
    if keys is None or error.sequence is None:
        raise error
    raise ImpossibleEvidenceError(error.step, error.sequence, keys[error.sequence]) from None
