"""Models as JSON: plain numbers and words, nothing that is executed, every float exact after the round trip.

The schema, all keys required but ``state_names``, no others allowed::

    {
      "format": "hmmfilter model, version 1",
      "initial": [p, ...] or "stationary",
      "transition": [[p, ...], ...],                       rows sum to 1
      "emission": one of
          {"type": "Categorical", "probabilities": [[p, ...], ...]}
          {"type": "Bernoulli", "probability": [p, ...]}
          {"type": "Poisson", "rate": [λ, ...]}
          {"type": "Gaussian", "mean": [...], "covariance": [...]}
          {"type": "FromScipy", "distributions": [{"name": "gamma", "args": [2.0], "kwds": {"scale": 3.0}}, ...]}
      "state_names": ["quiet", ...]
    }

Numbers are written with the fewest digits that read back to the same double.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, emissions

FORMAT = "hmmfilter model, version 1"
ARRAY_EMISSIONS = {
    kind.__name__: kind for kind in (emissions.Categorical, emissions.Bernoulli, emissions.Poisson, emissions.Gaussian)
}

FloatArray = npt.NDArray[np.float64]


def write(
    path: str | os.PathLike[str],
    initial: FloatArray,
    transition: FloatArray,
    emission: emissions.Emission,
    state_names: tuple[str, ...],
) -> None:
    """Write a model's parts to a file."""
    document = {
        "format": FORMAT,
        "initial": initial.tolist(),
        "transition": transition.tolist(),
        "emission": _describe(emission),
        "state_names": list(state_names),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items()]
    Path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the arguments of `hmmfilter.HMM` from a file."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError("the brackets are nested too deeply") from None
    _checks.keys("the model", document, {"format", "initial", "transition", "emission"}, {"state_names"})
    if document.pop("format") != FORMAT:
        raise ValueError(f"format must be {FORMAT!r}")
    document["emission"] = _build(document["emission"])
    return dict(document)


@contextmanager
def blaming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever is wrong with a file's contents into one error that names the file."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)} holds no valid model: {error}") from error


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"numbers must be finite, got {word}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(f"keys must be different, got {[key for key, _ in pairs]}")
    return document


def _describe(emission: emissions.Emission) -> dict[str, Any]:
    kind = type(emission).__name__
    if type(emission) is ARRAY_EMISSIONS.get(kind):
        return {"type": kind, **{f.name: getattr(emission, f.name).tolist() for f in fields(emission)}}
    if type(emission) is emissions.FromScipy:
        return {
            "type": kind,
            "distributions": [_describe_frozen(frozen) for frozen in emission.distributions],
        }
    raise TypeError(f"emission must be one of hmmfilter.emissions to be written as JSON, got {kind}")


def _build(document: Any) -> emissions.Emission:
    kind = document.get("type") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind in ARRAY_EMISSIONS:
        names = {f.name for f in fields(ARRAY_EMISSIONS[kind])}
        _checks.keys("emission", document, {"type", *names})
        return ARRAY_EMISSIONS[kind](**{name: document[name] for name in names})
    if kind == "FromScipy":
        _checks.keys("emission", document, {"type", "distributions"})
        _checks.json_list("distributions", document["distributions"])
        return emissions.FromScipy([_build_frozen(part) for part in document["distributions"]])
    raise ValueError(f"emission must have a type out of {[*ARRAY_EMISSIONS, 'FromScipy']}, got {kind!r}")


def _describe_frozen(frozen: Any) -> dict[str, Any]:
    name = frozen.dist.name
    if type(frozen.dist) is not type(_scipy_distribution(name)):
        raise TypeError(f"a distribution must be one of scipy.stats to be written as JSON, got {frozen.dist!r}")
    return {
        "name": name,
        "args": [np.asarray(value).item() for value in frozen.args],
        "kwds": {key: np.asarray(value).item() for key, value in frozen.kwds.items()},
    }


def _build_frozen(document: Any) -> Any:
    _checks.keys("a distribution", document, {"name", "args", "kwds"})
    args, kwds = document["args"], document["kwds"]
    _checks.json_list("args", args)
    _checks.keys("kwds", kwds, set(), set(kwds) if isinstance(kwds, dict) else set())
    _checks.float_array("args", args)
    _checks.float_array("kwds", list(kwds.values()))
    return _scipy_distribution(document["name"])(*args, **kwds)


def _scipy_distribution(name: Any) -> Any:
    """The distribution of SciPy that bears the name; looked up among its distributions and nothing else."""
    from scipy import stats

    known = {
        word: value
        for word, value in vars(stats).items()
        if isinstance(value, (stats.rv_continuous, stats.rv_discrete))
    }
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"a distribution must have the name of one in scipy.stats, got {name!r}")
    return known[name]
