"""Models as JSON: plain numbers and words, nothing that is executed, every float exact after the round trip.

The schema, all keys required but ``state_names`` and ``final``, no others allowed::

    {
      "format": "hmmfilter model, version 3", or "... 2" where nothing in it is newer than that
      "initial": [p, ...] or "stationary",
      "transition": [[p, ...], ...],                       rows sum to 1
          or one of `hmmfilter.transitions`, with what it is made of, by name, such as
          {"type": "Rates", "generator": [[...], ...], "unit": "h"}
          {"type": "Sparse", "n_states": K, "rows": [i, ...], "columns": [j, ...], "probabilities": [p, ...]}
              or in their place "log_values": [log p, ...], of each move that is possible
          {"type": "Kronecker", "a": ..., "b": ...}           of which each is a matrix, or Sparse, or Banded
      "emission": one of `hmmfilter.emissions`, with what it is made of, by name, such as
          {"type": "Categorical", "probabilities": [[p, ...], ...]}
              and "symbols": [...], if they have names: strings, numbers, true or false
          {"type": "Poisson", "rate": [λ, ...]}
          {"type": "Gaussian", "mean": [...], "covariance": [...], "kind": "variances", "full", "tied" or "spherical"}
          {"type": "Product", "channels": [{"type": ...}, ...], "columns": ["steps", "angles"]}
          {"type": "FromScipy", "distributions": [{"name": "gamma", "args": [2.0], "kwds": {"scale": 3.0}}, ...]}
              and for mixtures {"name": "Mixture", "components": [{"name": ...}, ...], "weights": [p, ...]}
          or one that somebody registered, see `hmmfilter.emissions.register`: {"type": its name, ...}
      "final": [p, ...],                                   of ends
      "state_names": ["quiet", ...]
    }

Numbers are written with the fewest digits that read back to the same double.

Files of version 1 are read as they were meant: their Gaussians have no kind, and a matrix for each state or variances.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np

from hmmfilter import _checks, emissions, transitions
from hmmfilter._arrays import FloatArray
from hmmfilter._files import written_whole
from hmmfilter.emissions import registry, scipy_distributions

FORMAT = "hmmfilter model, version 3"
SECOND_FORMAT = "hmmfilter model, version 2"
FIRST_FORMAT = "hmmfilter model, version 1"
OF_VERSION_2 = (
    emissions.Categorical,
    emissions.Bernoulli,
    emissions.Poisson,
    emissions.Gaussian,
    emissions.FromScipy,
)
TRANSITIONS = {
    kind.__name__: kind
    for kind in (
        transitions.Indexed,
        transitions.Rates,
        transitions.Logistic,
        transitions.Durations,
        transitions.Sparse,
        transitions.Banded,
        transitions.Kronecker,
        transitions.StayOrJump,
    )
}
WORDS = frozenset({"type", "symbols"})  # what may hold anything but numbers


def write(
    path: str | os.PathLike[str],
    initial: FloatArray,
    transition: Any,
    emission: emissions.Emission,
    state_names: tuple[str, ...],
    final: FloatArray | None = None,
) -> None:
    """Write a model's parts to a file, which keeps what it held where that fails."""
    is_matrix = isinstance(transition, np.ndarray)
    described = _describe(emission)
    document = {
        "format": SECOND_FORMAT if is_matrix and final is None and _is_of_version_2(emission) else FORMAT,
        "initial": initial.tolist(),
        "transition": _plain(transition),
        "emission": described,
        **({} if final is None else {"final": final.tolist()}),
        "state_names": list(state_names),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items()]
    with written_whole(path) as file:
        file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _is_of_version_2(emission: Any) -> bool:
    """Whether it was there, in this form, when the version was."""
    is_vector = getattr(emission, "n_dimensions", None) is not None
    return type(emission) in OF_VERSION_2 and (not is_vector or isinstance(emission, emissions.Gaussian))


def read(path: str | os.PathLike[str], normalize: bool = False) -> dict[str, Any]:
    """Read the arguments of `hmmfilter.HMM` from a file."""
    text = Path(path).read_text(encoding="utf-8-sig")
    document = json.loads(text, parse_constant=_checks.no_constant, object_pairs_hook=_checks.unique_keys)
    _checks.model_document(document, (FORMAT, SECOND_FORMAT, FIRST_FORMAT))
    arguments = {key: value for key, value in document.items() if key != "format"}
    if isinstance(document["transition"], dict):
        arguments["transition"] = _build_transition(document["transition"], normalize)
    for name in ("initial", "transition", "final"):
        _checks.json_numbers(name, arguments.get(name))
    emission = document["emission"]
    if document["format"] == FIRST_FORMAT:
        emission = _with_kind(emission)
    return {**arguments, "emission": _build(emission, normalize)}


@contextmanager
def blaming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever is wrong with a file's contents into one error that names the file."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)} holds no valid model: {_checks.told(error)}") from error
    except RecursionError:
        raise ValueError(f"{os.fspath(path)} holds no valid model: its brackets are nested too deeply") from None


def _describe(emission: Any) -> dict[str, Any]:
    name = registry.name_of(type(emission))
    if name is not None:
        own = emission.to_dict()
        _checks.json_object(f"to_dict() of {name}", own)
        _checks.plain_document(f"to_dict() of {name}", own)
        return {"type": name, **own}
    _checks.storable_emission(emission, registry.of_this_house().values())
    if isinstance(emission, emissions.FromScipy):
        return {"type": "FromScipy", "distributions": [_describe_distribution(each) for each in emission.distributions]}
    if isinstance(emission, emissions.Categorical) and emission.symbols is not None:
        _checks.storable_symbols(emission.symbols)
    return _described(type(emission).__name__, emission)


def _described(name: str, made: Any) -> dict[str, Any]:
    """What something is made of, by the names of its fields or its own ones; without switches that are off."""
    if isinstance(made, transitions.Sparse):
        given = made._stored()
    else:
        given = {field.name: getattr(made, field.name) for field in fields(made) if field.init}
    is_on = {field.name for field in fields(made) if field.default is True}
    told = {name: value for name, value in given.items() if value is not None and (value is not False or name in is_on)}
    return {"type": name, **{name: _plain(value) for name, value in told.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, transitions.Dense):
        return value.matrix.tolist()
    if type(value) in TRANSITIONS.values():
        return _described(type(value).__name__, value)
    return _describe(value) if hasattr(value, "log_likelihoods") else value


def _with_kind(document: Any) -> Any:
    """The emission of a file of version 1, in which the number of axes alone told the kind of a covariance."""
    _checks.json_object("emission", document)
    if document.get("type") != "Gaussian":
        return document
    _checks.keys("emission", document, {"type", "mean", "covariance"})
    n_axes = _checks.float_array("covariance", document["covariance"]).ndim
    return {**document, "kind": "full" if n_axes == 3 else "variances"}


def _build(document: Any, normalize: bool) -> emissions.Emission:
    _checks.json_object("emission", document)
    name, own, theirs = document.get("type"), registry.of_this_house(), registry.registered()
    _checks.kind_of_emission(name, (*own, *theirs))
    if name in theirs:
        kind: Any = theirs[name]
        with _checks.making(name):
            made: emissions.Emission = kind.from_dict({key: value for key, value in document.items() if key != "type"})
        return made
    if name == "FromScipy":
        _checks.keys("emission", document, {"type", "distributions"})
        _checks.json_list("distributions", document["distributions"])
        return emissions.FromScipy([_build_distribution(part) for part in document["distributions"]])
    built: emissions.Emission = _made("emission", own[name], document, normalize)
    return built


def _build_transition(document: dict[str, Any], normalize: bool) -> Any:
    name = _checks.one_of("the type of transition", document.get("type"), tuple(TRANSITIONS))
    if name != "Sparse":
        return _made("transition", TRANSITIONS[name], document, normalize)
    _checks.keys("transition", document, {"type", "n_states", "rows", "columns"}, {"probabilities", "log_values"})
    given = {key: value for key, value in document.items() if key != "type"}
    for key, value in given.items():
        _checks.json_numbers(key, value)
    return transitions.Sparse._restored(**given, normalize=normalize)


def _made(what: str, kind: Any, document: dict[str, Any], normalize: bool) -> Any:
    """One of a kind, of its fields by name, of which some may be emissions or lists of them, or parts of a chain."""
    taken = [field for field in fields(kind) if field.init]
    optional = {field.name for field in taken if field.default is not MISSING}
    _checks.keys(what, document, {"type", *(field.name for field in taken)} - optional, optional)
    part = _build if what == "emission" else _build_transition
    given: dict[str, Any] = {}
    for name, value in document.items():
        if _is_part(value):
            given[name] = part(value, normalize)
        elif isinstance(value, list) and any(map(_is_part, value)):
            given[name] = [_build(part, normalize) for part in value]
        elif name != "type":
            if name not in WORDS and not isinstance(value, bool):
                _checks.json_numbers(name, value)
            given[name] = value
    takes_it = "normalize" in inspect.signature(kind).parameters
    return kind(**given, **({"normalize": normalize} if takes_it else {}))


def _is_part(value: Any) -> bool:
    """Whether it is a part of an emission, or of a chain, that has a type of its own."""
    return isinstance(value, dict) and "type" in value


def _describe_distribution(distribution: Any) -> dict[str, Any] | None:
    document = scipy_distributions.description(distribution)
    _checks.storable_distribution(document, scipy_distributions.name_of(distribution))
    return document


def _build_distribution(document: Any) -> Any:
    _checks.json_object("a distribution", document)
    known = scipy_distributions.named_by_scipy()
    name = _checks.one_of("the name of a distribution", document.get("name"), tuple(known))
    if name == "Mixture":
        _checks.keys("a mixture", document, {"name", "components", "weights"})
        _checks.json_list("components", document["components"])
        _checks.json_numbers("weights", document["weights"])
        weights = _checks.float_array("weights", document["weights"])
        return known[name]([_build_distribution(part) for part in document["components"]], weights=weights)
    _checks.keys("a distribution", document, {"name", "args", "kwds"})
    args, kwds = document["args"], document["kwds"]
    _checks.json_list("args", args)
    _checks.json_object("kwds", kwds)
    for what, numbers in (("args", args), ("kwds", list(kwds.values()))):
        _checks.json_numbers(what, numbers)
        _checks.float_array(what, numbers)
    return known[name](*args, **kwds)
