"""Models as JSON: plain numbers and words, nothing that is executed, every float exact after the round trip.

The schema, all keys required but ``state_names``, no others allowed::

    {
      "format": "hmmfilter model, version 2",
      "initial": [p, ...] or "stationary",
      "transition": [[p, ...], ...],                       rows sum to 1
      "emission": one of
          {"type": "Categorical", "probabilities": [[p, ...], ...]}
              and "symbols": [...], if they have names: strings, numbers, true or false
          {"type": "Bernoulli", "probability": [p, ...]}
          {"type": "Poisson", "rate": [λ, ...]}
          {"type": "Gaussian", "mean": [...], "covariance": [...], "kind": "variances", "full", "tied" or "spherical"}
          {"type": "FromScipy", "distributions": [{"name": "gamma", "args": [2.0], "kwds": {"scale": 3.0}}, ...]}
              and for mixtures {"name": "Mixture", "components": [{"name": ...}, ...], "weights": [p, ...]}
      "state_names": ["quiet", ...]
    }

Numbers are written with the fewest digits that read back to the same double.

Files of version 1 are read as they were meant: their Gaussians have no kind, and a matrix for each state or variances.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np

from hmmfilter import _checks, emissions
from hmmfilter._arrays import FloatArray
from hmmfilter._files import written_whole
from hmmfilter.emissions import scipy_distributions

FORMAT = "hmmfilter model, version 2"
FIRST_FORMAT = "hmmfilter model, version 1"
ARRAY_EMISSIONS = (emissions.Categorical, emissions.Bernoulli, emissions.Poisson, emissions.Gaussian)
EMISSIONS = {kind.__name__: kind for kind in (*ARRAY_EMISSIONS, emissions.FromScipy)}


def write(
    path: str | os.PathLike[str],
    initial: FloatArray,
    transition: FloatArray,
    emission: emissions.Emission,
    state_names: tuple[str, ...],
    final: FloatArray | None = None,
) -> None:
    """Write a model's parts to a file, which keeps what it held where that fails."""
    document = {
        "format": FORMAT,
        "initial": initial.tolist(),
        "transition": transition.tolist(),
        "emission": _describe(emission),
        "state_names": list(state_names),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items()]
    with written_whole(path) as file:
        file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def read(path: str | os.PathLike[str], normalize: bool = False) -> dict[str, Any]:
    """Read the arguments of `hmmfilter.HMM` from a file."""
    text = Path(path).read_text(encoding="utf-8-sig")
    document = json.loads(text, parse_constant=_checks.no_constant, object_pairs_hook=_checks.unique_keys)
    _checks.model_document(document, (FORMAT, FIRST_FORMAT))
    for name in ("initial", "transition"):
        _checks.json_numbers(name, document[name])
    arguments = {key: value for key, value in document.items() if key != "format"}
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


def _describe(emission: emissions.Emission) -> dict[str, Any]:
    _checks.storable_emission(emission, tuple(EMISSIONS.values()))
    kind = type(emission).__name__
    if isinstance(emission, emissions.FromScipy):
        return {"type": kind, "distributions": [_describe_distribution(each) for each in emission.distributions]}
    if isinstance(emission, emissions.Categorical) and emission.symbols is not None:
        _checks.storable_symbols(emission.symbols)
    kept: Any = emission
    given = {parameter.name: getattr(emission, parameter.name) for parameter in fields(kept)}
    return {"type": kind, **{name: _plain(value) for name, value in given.items() if value is not None}}


def _plain(parameter: Any) -> Any:
    if isinstance(parameter, np.ndarray):
        return parameter.tolist()
    return list(parameter) if isinstance(parameter, tuple) else parameter


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
    kind = EMISSIONS[_checks.one_of("the type of emission", document.get("type"), tuple(EMISSIONS))]
    optional = {parameter.name for parameter in fields(kind) if parameter.default is not MISSING}
    _checks.keys("emission", document, {"type", *(parameter.name for parameter in fields(kind))} - optional, optional)
    if kind is emissions.FromScipy:
        _checks.json_list("distributions", document["distributions"])
        return emissions.FromScipy([_build_distribution(part) for part in document["distributions"]])
    for name, value in document.items():
        if name not in ("type", "symbols"):
            _checks.json_numbers(name, value)
    options: dict[str, Any] = {"normalize": normalize} if kind is emissions.Categorical else {}
    return kind(**{name: value for name, value in document.items() if name != "type"}, **options)


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
