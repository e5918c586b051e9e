"""JSON documents: their outline, and what can be written into one."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, NoReturn

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.errors import shown
from hmmfilter._checks.observations import is_missing
from hmmfilter._checks.settings import one_of


def json_object(name: str, value: Any) -> None:
    """Insist on a JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a JSON object, got {type(value).__name__}")


def keys(name: str, document: Any, required: Set[str], optional: Set[str] = frozenset()) -> None:
    """Insist on a JSON object with all of the required keys and none beyond the optional ones."""
    json_object(name, document)
    missing, unknown = required - set(document), set(document) - required - optional
    if missing or unknown:
        raise ValueError(
            f"{name} must have the keys {sorted(required)}, got "
            + " and ".join(
                f"{what} {shown(sorted(which))}" for what, which in (("none of", missing), ("also", unknown)) if which
            )
        )


def json_list(name: str, value: Any) -> None:
    """Insist on a JSON array."""
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a JSON array, got {type(value).__name__}")


def json_numbers(name: str, value: Any) -> None:
    """Insist that there is no true or false among numbers, which would count as 1 and 0."""
    kinds = set(map(type, value)) if isinstance(value, list) else {type(value)}
    if bool in kinds:
        raise TypeError(f"{name} must hold numbers, got true or false")
    if list in kinds:
        for i, part in enumerate(value):
            json_numbers(f"{name}[{i}]", part)


def json_integer(name: str, value: Any) -> int:
    """Let a whole number of a JSON document in."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    return value


def json_number(name: str, value: Any, null: float | None = None) -> float:
    """Let a finite number of a JSON document in, or what its null stands for."""
    if value is None and null is not None:
        return null
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number{'' if null is None else ' or null'}, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite double, got {shown(value)}")
    return number


def json_vector(name: str, value: Any, length: int | None = None, null: float | None = None) -> FloatArray:
    """Let finite numbers of a JSON document in, or what null stands for, as many as are required."""
    json_list(name, value)
    if length not in (None, len(value)):
        raise ValueError(f"{name} must have {length} entries, got {len(value)}")
    return np.array([json_number(f"{name}[{i}]", number, null) for i, number in enumerate(value)]) + 0.0  # −0.0 is 0.0


def model_document(document: Any, known_formats: Sequence[str]) -> None:
    """Insist on the outline of a model in JSON."""
    keys("the model", document, {"format", "initial", "transition", "emission"}, {"state_names", "final"})
    one_of("format", document["format"], known_formats)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, insisting that each key comes once."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(f"keys must be different, got {shown([key for key, _ in pairs])}")
    return document


def no_constant(word: str) -> NoReturn:
    """Refuse the NaN and the infinities that JSON itself does not know."""
    raise ValueError(f"numbers must be finite, got {word}")


def storable_emission(value: Any, known: Collection[type]) -> None:
    """Insist on an emission that JSON can hold."""
    if type(value) not in known:
        raise TypeError(
            "emission must be one of hmmfilter.emissions to be written as JSON, or be registered by "
            f"hmmfilter.emissions.register, got {type(value).__name__}"
        )


def kind_of_emission(value: Any, known: Collection[str]) -> None:
    """Insist on the name of a kind of emission."""
    if not isinstance(value, str) or value not in known:
        way = ": if it is one of your own, import what registers it first, in a shell by --import"
        hint = way if isinstance(value, str) else ""
        raise ValueError(f"the type of emission must be one of {', '.join(known)}, got {shown(value)}{hint}")


def registrable(name: Any, kind: Any, of_this_house: Mapping[str, type], registered: Mapping[str, type]) -> None:
    """Insist on a name that is free, and a class that makes dicts of its emissions, and emissions of dicts."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a word, got {shown(name)}")
    if not isinstance(kind, type):
        raise TypeError(f"kind must be a class, got {shown(kind)}")
    for attribute in ("log_likelihoods", "sample", "to_dict", "from_dict"):
        if not hasattr(kind, attribute):
            raise TypeError(f"{kind.__name__} must have {attribute} to be registered, and has none")
    before = registered.get(name)
    is_same = before is not None and (before.__module__, before.__qualname__) == (kind.__module__, kind.__qualname__)
    if name.lower() in {each.lower() for each in (*of_this_house, *registered)} and not is_same:
        raise ValueError(f"name must be one that is free, got {shown(name)}")


def plain_document(name: str, value: Any) -> None:
    """Insist on what JSON can hold: plain numbers and words, and lists and dicts of them."""
    if isinstance(value, dict):
        for key, part in value.items():
            if type(key) is not str or key == "type":
                raise TypeError(f"{name} must have strings for keys, and none that is 'type', got {shown(key)}")
            plain_document(f"{name}[{shown(key)}]", part)
    elif isinstance(value, list):
        for i, part in enumerate(value):
            plain_document(f"{name}[{i}]", part)
    elif (
        type(value) not in (str, int, float, bool, type(None))
        or value in (np.inf, -np.inf)
        or (value is not None and is_missing(value))
    ):
        raise TypeError(f"{name} must be a finite number, a word, a list or a dict of them, got {shown(value)}")


@contextlib.contextmanager
def making(name: str) -> Iterator[None]:
    """Say that an emission of one's own was not made of what a file says."""
    try:
        yield
    except (LookupError, AttributeError) as error:
        raise ValueError(f"from_dict of {name} does not take this: {error!r}") from error


def storable_distribution(document: Any, name: str) -> None:
    """Insist on a distribution that its name and its parameters tell from all others: what a document says of it."""
    if document is None:
        raise TypeError(f"a distribution must be one of scipy.stats to be written as JSON, got {shown(name)}")
    parts = document.get("components", ())
    for part in parts:
        storable_distribution(part, name)
    parameters = document["weights"] if parts else (*document["args"], *document["kwds"].values())
    if not np.isfinite(parameters).all():
        raise ValueError(
            f"{document['name']} must have finite parameters to be written as JSON, got {shown(parameters)}"
        )
