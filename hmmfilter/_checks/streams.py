"""Streams: what they need to begin, and what stands in a snapshot of one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._checks.arrays import entry_name, refuse_first, require_shape
from hmmfilter._checks.documents import json_integer, json_list, json_number, json_object, json_vector, keys
from hmmfilter._checks.errors import RaiseOrRestart, blaming, shown
from hmmfilter._checks.settings import flag, one_of
from hmmfilter._checks.tables import log_potentials

STREAM_KEYS = {
    "format",
    "model",
    "n_observed",
    "log_initial",
    "head",
    "tail",
    "exponent",
    "posterior",
    "log_likelihood",
}
DECODER_KEYS = {
    "format",
    "lag",
    "model",
    "n_observed",
    "log_initial",
    "head",
    "tail",
    "rank",
    "taken_out",
    "best",
    "ways",
}
MOST_LOST = 1e-3  # share of a number that the roundings of 1e12 steps may take, which a tail makes good
LARGEST_EXPONENT = 2.0**104  # of two: further than sums of logs go
AGREEMENT = 1e-12  # of what is written twice, relative and absolute: logs taken on two machines may differ a little


def begun(name: str, n_observed: int) -> None:
    """Insist that a stream has taken a step."""
    if n_observed == 0:
        raise ValueError(f"{name} must wait for a first update, got none yet")


def needs_no_more(name: str, needs: frozenset[str]) -> None:
    """Refuse a row of log-likelihoods alone, where steps depend on more."""
    if needs:
        raise ValueError(
            f"{name} must be of a model that depends on nothing beside its observations, got one that depends on "
            f"{' and '.join(sorted(needs))}: observe and observe_block take that"
        )


def one_matrix_ahead(chain: Any) -> None:
    """Insist on a stream by one matrix, where a step ahead is asked for without what lies beside it."""
    if chain is not None:
        raise ValueError(
            f"predict must have one matrix, the same at each step, and there is none of {type(chain).__name__} "
            "transitions: forecast takes what they depend on"
        )


def steps_covered(n_matrices: int, end: int) -> None:
    """Insist that a chain that changes from step to step leads to all steps before an end."""
    if end > n_matrices + 1:
        raise ValueError(
            f"log_transition must lead to each step, got one that leads to {n_matrices} after the first, and "
            f"{end} steps: update takes what leads to a step alone"
        )


def known_end(log_final: FloatArray | None) -> FloatArray:
    """Insist on end probabilities."""
    if log_final is None:
        raise ValueError("end must be asked of a stream of a model with end probabilities, final, got one without")
    return log_final


def observing(emission: Any) -> Any:
    """Insist that a stream knows what its observations mean."""
    if emission is None:
        raise ValueError(
            "observe must have an emission, as from model.online(), got None: update takes log-likelihoods"
        )
    return emission


DATE_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
MEMORY_KEYS = {"covariates", "names", "time", "unit", "transition_index", "before"}


def written_memory(document: Any) -> tuple[Any, Any, Any, Any, tuple[Any, ...]]:
    """Let in what lay beside the last step of a stream, a row of each, and its last observations."""
    keys("beside", document, MEMORY_KEYS)
    covariates, names, index = document["covariates"], document["names"], document["transition_index"]
    time, unit = document["time"], document["unit"]
    json_list("before", document["before"])
    if covariates is not None:
        covariates = json_vector("covariates", covariates, null=np.nan)[np.newaxis]
    if names is not None:
        json_list("names", names)
        names = tuple(map(str, names))
    if unit is not None:
        one_of("unit", unit, DATE_UNITS)
        try:
            time = np.array([np.datetime64(str(time), unit)])
        except ValueError:
            raise ValueError(f"time must be a date, got {shown(time)}") from None
    elif time is not None:
        time = np.array([json_number("time", time)])
    if index is not None:
        index = np.array([index if isinstance(index, str) else json_integer("transition_index", index)])
    return covariates, names, time, index, tuple(document["before"])


def with_memory(document: Any) -> Any:
    """Insist on a snapshot that says what lay beside the last step."""
    if "beside" not in document:
        raise ValueError("the snapshot must say what lay beside the last step, on which this model depends, got none")
    return document["beside"]


def may_restart(impossible: RaiseOrRestart) -> bool:
    """Whether a stream starts afresh where no path leads on."""
    return one_of("impossible", impossible, ("raise", "restart")) == "restart"


def written_restarts(document: Any) -> tuple[list[int], float]:
    """Let in the steps at which a stream started afresh, and the log-likelihood before the last of them."""
    if "restarts" not in document:
        return [], 0.0
    with blaming("restarts"):
        keys("they", document["restarts"], {"steps", "log_likelihood"})
        json_list("steps", document["restarts"]["steps"])
        steps = [json_integer(f"steps[{n}]", step) for n, step in enumerate(document["restarts"]["steps"])]
        for n, (before, step) in enumerate(zip([0, *steps[:-1]], steps, strict=True)):
            if not before < step < document["n_observed"]:
                raise ValueError(f"steps[{n}] must come after {before}, and have been taken, got {step}")
        return steps, json_number("log_likelihood", document["restarts"]["log_likelihood"])


class WrittenStream(NamedTuple):
    """What stands in a stream's snapshot."""

    n_observed: int
    wide: FloatArray  # α, (4, K), or (4, 0) before any step, and
    posterior: FloatArray  # (K,), which it makes, and
    log_likelihood: float


def written_initial(document: Any, known_format: str, former_format: str, force: bool) -> FloatArray:
    """Let the beginning of a stream in, from a snapshot with the outline of one."""
    json_object("the snapshot", document)
    is_former, forced = document.get("format") == former_format, flag("force", force)
    keys("the snapshot", document, STREAM_KEYS - {"model"} if is_former else STREAM_KEYS, {"beside", "restarts"})
    if is_former and not forced:
        raise ValueError(
            f"format must be {known_format!r}, got {former_format!r}, which does not say what model it is of: "
            "force=True goes on from it"
        )
    if not is_former and document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {shown(document['format'])}")
    return json_vector("log_initial", document["log_initial"], null=-np.inf)


def stream_snapshot(
    document: Any, known_format: str, former_format: str, log_initial: FloatArray, model: dict[str, str | None] | None
) -> WrittenStream:
    """Let the snapshot of a stream in that began so, by a model with these fingerprints; None for whatever model."""
    initial = written_initial(document, known_format, former_format, model is None)
    if model is None:
        require_shape("log_initial", initial, log_initial.shape)
    else:
        _same_model(document["model"], model)
        agreement("log_initial", initial, log_initial, "the model has it")
    n_observed = json_integer("n_observed", document["n_observed"])
    if n_observed < 0:
        raise ValueError(f"n_observed must be at least 0, got {shown(n_observed)}")
    log_likelihood = json_number("log_likelihood", document["log_likelihood"])
    n_states = len(log_initial) if n_observed > 0 else 0
    head, tail = (json_vector(name, document[name], n_states) for name in ("head", "tail"))
    exponent = json_vector("exponent", document["exponent"], n_states, null=-np.inf)
    posterior = json_vector("posterior", document["posterior"], n_states)
    refuse_first("head", (head != 0) & ~((head >= 0.5) & (head < 1)), "0, or from 0.5 to below 1", head)
    refuse_first("tail", np.abs(tail) > head * MOST_LOST, f"at most {MOST_LOST} of head", tail)
    is_whole = (np.abs(exponent) <= LARGEST_EXPONENT) & (exponent == np.floor(exponent))
    fits = np.where(head > 0, is_whole, exponent == -np.inf)
    refuse_first("exponent", ~fits, "a whole number, or null where head is 0", exponent)
    if n_observed == 0:
        agreement("log_likelihood", log_likelihood, 0.0, "before any step")
    elif not head.any():
        raise ValueError("head must be above 0 somewhere, got 0 in all states")
    rest = [int(x) - int(k) if k > -np.inf else 0 for x, k in zip(document["exponent"], exponent, strict=True)]
    return WrittenStream(n_observed, np.array([head, tail, exponent, rest]), posterior, log_likelihood)


def _same_model(written: Any, own: dict[str, str | None]) -> None:
    """Insist on the fingerprints of a stream's own model in a snapshot, as far as both have them."""
    keys("the model of the snapshot", written, set(own))
    known = {name for name in own if own[name] is not None and written[name] is not None}
    different = {name for name in known if written[name] != own[name]}
    if not {"tables", "probabilities"} & (known - different):
        what = "initial distribution or transition"
    elif "emission" in different:
        what = "emission"
    else:
        return
    raise ValueError(
        f"the snapshot must be of a stream of this model, got one with another {what}: "
        "force=True goes on from it all the same"
    )


def agreement(name: str, written: Any, own: Any, source: str) -> None:
    """Insist that what is written is what it comes from, but for the last digits."""
    given, made = np.asarray(written, dtype=np.float64), np.asarray(own, dtype=np.float64)
    require_shape(name, given, made.shape)
    for index in np.argwhere(~np.isclose(given, made, rtol=AGREEMENT, atol=AGREEMENT))[:1]:
        which = tuple(map(int, index))
        raise ValueError(
            f"{entry_name(name, which)} must be {float(made[which])!r}, as {source}, got {float(given[which])!r}"
        )


def lagged_snapshot(document: Any, known_format: str) -> tuple[int, Any, list[Any]]:
    """Let the outline of a lagged stream's snapshot in: its lag, where the filter was, and the rows since then."""
    keys("the snapshot", document, {"format", "lag", "filter", "log_likelihoods"}, {"log_transitions", "beside"})
    if document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {shown(document['format'])}")
    json_list("log_likelihoods", document["log_likelihoods"])
    return json_integer("lag", document["lag"]), document["filter"], document["log_likelihoods"]


def lagged_rows(rows: list[Any], n_states: int, lag: int, n_before: int) -> list[FloatArray]:
    """Let the rows in that a lagged stream has to remember: all of its first ones, or as many as its lag needs."""
    n_most = lag + 1
    if len(rows) > n_most or (n_before > 0 and len(rows) < n_most):
        bound = "" if n_before > 0 else "at most "
        raise ValueError(f"log_likelihoods must have {bound}{n_most} rows, got {len(rows)}")
    names = [f"log_likelihoods[{i}]" for i in range(len(rows))]
    tables = [json_vector(name, row, n_states, null=-np.inf) for name, row in zip(names, rows, strict=True)]
    return [log_potentials(name, row, (n_states,)) for name, row in zip(names, tables, strict=True)]


class WrittenDecoder(NamedTuple):
    """What stands in the snapshot of a stream that decodes."""

    lag: int | None
    model: Any
    n_observed: int
    log_initial: FloatArray
    scores: FloatArray  # log δ in two parts, (2, K)
    ranks: IntArray  # (K,)
    taken_out: FloatArray  # (2,)
    best: int
    ways: IntArray  # (n, K)


def decoder_snapshot(document: Any, known_format: str) -> WrittenDecoder:
    """Let the snapshot of a stream that decodes in."""
    keys("the snapshot", document, DECODER_KEYS, {"beside", "restarts"})
    if document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {shown(document['format'])}")
    lag, n_observed = document["lag"], json_integer("n_observed", document["n_observed"])
    log_initial = json_vector("log_initial", document["log_initial"], null=-np.inf)
    n_states = len(log_initial) if n_observed > 0 else 0
    head = json_vector("head", document["head"], n_states, null=-np.inf)
    tail = json_vector("tail", document["tail"], n_states)
    json_list("ways", document["ways"])
    ways = [_states_from(f"ways[{t}]", row, len(log_initial), -1) for t, row in enumerate(document["ways"])]
    best = json_integer("best", document["best"])
    if not len(ways) <= n_observed:
        raise ValueError(f"ways must have a row a step at most, of which there are {n_observed}, got {len(ways)}")
    if n_observed > 0 and not (0 <= best < n_states and head[best] > -np.inf):
        raise ValueError(f"best must be a state that is possible, got {best}")
    _lead_somewhere(ways, head)
    return WrittenDecoder(
        lag=None if lag is None else json_integer("lag", lag),
        model=document["model"],
        n_observed=n_observed,
        log_initial=log_initial,
        scores=np.array([head, tail]),
        ranks=_states_from("rank", document["rank"], n_states, 0),
        taken_out=json_vector("taken_out", document["taken_out"], 2),
        best=best,
        ways=np.array(ways, dtype=np.int64).reshape(len(ways), len(log_initial)),
    )


def _states_from(name: str, value: Any, n_states: int, least: int) -> IntArray:
    """Let numbers of states in, of each of which there is one."""
    json_list(name, value)
    if len(value) != n_states:
        raise ValueError(f"{name} must have {n_states} entries, got {len(value)}")
    states = [json_integer(f"{name}[{k}]", state) for k, state in enumerate(value)]
    for k, state in enumerate(states):
        if not least <= state < n_states:
            raise ValueError(f"{name}[{k}] must be from {least} to {n_states - 1}, got {state}")
    return np.array(states, dtype=np.int64)


def _lead_somewhere(ways: list[IntArray], head: FloatArray) -> None:
    """Insist that a path leads to each state that is possible, through all steps."""
    states = np.flatnonzero(head > -np.inf)
    for t in range(len(ways) - 1, -1, -1):
        for state in states[ways[t][states] < 0][:1]:
            raise ValueError(f"ways[{t}][{state}] must be a state, as a path leads through it, got -1")
        states = np.unique(ways[t][states])


def same_beginning(
    written: FloatArray, own: FloatArray, model: Any, fingerprints: dict[str, str | None], force: bool
) -> None:
    """Insist on the model of a snapshot, or with `force` on its number of states alone."""
    require_shape("log_initial", written, own.shape)
    if not flag("force", force):
        _same_model(model, fingerprints)
        agreement("log_initial", written, own, "the model has it")


def lagged_moves(document: Any, n_states: int, n_rows: int) -> list[FloatArray]:
    """Let in what leads to each row that a lagged stream has to remember."""
    json_list("log_transitions", document.get("log_transitions"))
    if len(document["log_transitions"]) != n_rows:
        raise ValueError(f"log_transitions must have {n_rows} matrices, got {len(document['log_transitions'])}")
    matrices = []
    for n, rows in enumerate(document["log_transitions"]):
        name = f"log_transitions[{n}]"
        json_list(name, rows)
        matrix = [json_vector(f"{name}[{i}]", row, n_states, null=-np.inf) for i, row in enumerate(rows)]
        matrices.append(log_potentials(name, np.array(matrix), (n_states, n_states)))
    return matrices


def same_lag(lag: int | None, written: int | None) -> None:
    """Insist on the lag that a stream was written down with."""
    if lag != written:
        raise ValueError(f"lag must be that of the snapshot, {shown(written)}, got {lag}")
