"""Tables of a model's parameters: what is known of each entry, in words, beside its state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter.results.outline import Column

Parameters = dict[str, FloatArray]  # by name: "initial", "transition", "emission.rate"
Cells = Mapping[str, npt.NDArray[np.object_]]  # words for each entry
EMISSION, TRANSITION, FINAL = "emission.", "transition", "final"
N_DIGITS = 3  # of a standard error
MOST_DECIMALS = 12
NOTHING = "-"  # what is said of an entry of which nothing is known


def parameters_of(model: Any) -> Parameters:
    """All parameters of a model; a chain that lists its moves has none, nor an emission that learns as a whole."""
    own: Parameters = getattr(model.emission, "_parameters", dict)()
    if is_listed(model.chain):
        ends = {} if model.final is None else {FINAL: model.final}
        return {"initial": model.initial, **ends} | {EMISSION + name: value for name, value in own.items()}
    (of_chain,) = model.chain._parameters().values()
    return named(model, model.initial, of_chain, model.final, own)


def named(
    model: Any, initial: FloatArray, of_chain: FloatArray, final: FloatArray | None, emission: Mapping[str, FloatArray]
) -> Parameters:
    """Parameters, or what is said of them, by their names in a model."""
    values = {"initial": initial, name_of_chain(model.chain): of_chain}
    if final is not None:
        values[FINAL] = final
    return values | {EMISSION + name: own for name, own in emission.items()}


def is_listed(chain: Any) -> bool:
    """Whether a chain lists its moves, or has durations, and has a table of its own."""
    return hasattr(chain, "_shaped") or hasattr(chain, "_ages")


def name_of_chain(chain: Any) -> str:
    """What the parameter of a chain is called: the matrix is the transition itself."""
    (name,) = chain._parameters()
    return f"{TRANSITION}.{name}" if name else TRANSITION


def entries(values: Parameters, emission: Any) -> dict[str, float]:
    """All entries by name, such as ``transition[0, 1]``; of a symmetric matrix, those of the lower triangle."""
    return {
        f"{name}[{', '.join(map(str, index))}]": float(value)
        for name, table in values.items()
        for index, value in np.ndenumerate(table)
        if _is_shown(name, index, emission)
    }


def cells_of(word: Callable[..., str], emission: Any, *values: Parameters) -> Cells:
    """Words for each entry, of its values and of whether it is a share."""
    cells = {}
    for name, table in values[0].items():
        cells[name] = np.empty(table.shape, dtype=object)
        for index in np.ndindex(table.shape):
            cells[name][index] = word(_is_share(name, emission), *(each[name][index] for each in values))
    return cells


def columns_of(cells: Cells, names: Sequence[str], model: Any) -> tuple[list[Column], list[Column]]:
    """What is said of the chain, and of the emission, in columns with an entry for each state."""
    emission = model.emission
    chain: list[Column] = [("initial", cells["initial"], "")]
    if is_listed(model.chain):
        chain += model.chain._columns(tuple(names))
    else:
        chain += _columns_of_moves(cells[name_of_chain(model.chain)], names, model.chain)
    if FINAL in cells:
        chain.append(("end", cells[FINAL], ""))
    shown: list[Column] = []
    for name, table in cells.items():
        if name.startswith(EMISSION):
            is_shared = name.removeprefix(EMISSION) in getattr(emission, "_of_all", ())
            by_state = np.broadcast_to(table, (len(names), *table.shape)) if is_shared else table
            by_entry = np.moveaxis(by_state, 0, -1)
            shown += [
                (_head(name, index, emission), by_entry[index], "")
                for index in np.ndindex(by_entry.shape[:-1])
                if _is_shown(name, (0, *index), emission)
            ]
    return chain, shown


def _columns_of_moves(table: npt.NDArray[np.object_], names: Sequence[str], chain: Any) -> list[Column]:
    """Columns of what is said of moves: by matrix and state, or by state and covariate, where there are several."""
    if table.ndim == 2:
        return [(f"to {name}", column, "") for name, column in zip(names, table.T, strict=True)]
    called: tuple[str, ...] = chain._called()
    if name_of_chain(chain) == TRANSITION:
        return [(f"{m}: to {name}", table[n, :, j], "") for n, m in enumerate(called) for j, name in enumerate(names)]
    return [(f"to {name}: {c}", table[:, j, n], "") for j, name in enumerate(names) for n, c in enumerate(called)]


def columns_of_ones_own(emission: Any) -> list[Column]:
    """What an emission of one's own has for each state, under names that are not private."""
    columns: list[Column] = []
    for name, value in getattr(emission, "__dict__", {}).items():
        if not name.startswith("_") and isinstance(value, (list, tuple, np.ndarray)):
            array = np.asarray(value)
            if array.shape == (emission.n_states,) and array.dtype.kind in "biuf":
                columns.append((name, array, ".5g"))
    return columns


def number(value: float, is_share: bool) -> str:
    """A number, of a share four decimals, else five digits."""
    return f"{value:.4f}" if is_share else f"{value:#.5g}".rstrip(".")


def with_error(is_share: bool, value: float, error: float, is_at_bound: float) -> str:
    """An estimate, and if it is known its standard error in parentheses, of which three digits are said; or a star."""
    if not error > 0:
        return number(value, is_share) + ("*" if is_at_bound else "")
    decimals = max(4 if is_share else 0, N_DIGITS - 1 - math.floor(math.log10(error)))
    decimals = min(decimals, MOST_DECIMALS)
    return f"{value:.{decimals}f} ({error:.{decimals}f})"


def alone(is_share: bool, value: float) -> str:
    """A number, if it is known."""
    return NOTHING if np.isnan(value) else number(value, is_share)


def between(is_share: bool, lower: float, upper: float) -> str:
    """Two ends, if they are known."""
    return NOTHING if np.isnan(lower) else f"[{number(lower, is_share)}, {number(upper, is_share)}]"


def _is_symmetric(name: str, emission: Any) -> bool:
    return name.removeprefix(EMISSION) in getattr(emission, "_symmetric", ())


def _is_shown(name: str, index: tuple[int, ...], emission: Any) -> bool:
    return not _is_symmetric(name, emission) or index[-1] <= index[-2]


def _is_share(name: str, emission: Any) -> bool:
    own = name.removeprefix(EMISSION)
    if own == name:
        return not name.startswith(f"{TRANSITION}.")
    is_distribution = own in getattr(emission, "DISTRIBUTIONS", ())
    return is_distribution or getattr(emission, "BOUNDS", {}).get(own) == (0.0, 1.0)


def _head(name: str, index: tuple[int, ...], emission: Any) -> str:
    """What an entry of a parameter of each state is called above its column."""
    own = name.removeprefix(EMISSION)
    if hasattr(emission, "_owner"):
        part, owner, own = emission._owner(own)
        return f"{part}{_head(own, index, owner)}"
    if own in getattr(emission, "DISTRIBUTIONS", ()):
        symbols = getattr(emission, "symbols", None)
        return f"p({index[-1] if symbols is None else symbols[index[-1]]})"
    terms = getattr(emission, "_terms", None)
    if own == "coefficients" and terms is not None:
        *outcome, term = index
        return f"{''.join(f'{j + 1}: ' for j in outcome)}{terms()[term]}"
    return f"{own}[{', '.join(map(str, index))}]" if index else own
