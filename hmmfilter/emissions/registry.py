"""Kinds of emission by name: those of this house, and those that somebody registers."""

from __future__ import annotations

from dataclasses import is_dataclass

from hmmfilter import _checks

_registered: dict[str, type] = {}


def register(name: str, kind: type) -> None:
    """Give an emission of your own a name, by which models with it are written as JSON, and read.

    A file then has ``{"type": name, ...}`` with what ``to_dict()`` returns: plain numbers, words, true, false and null,
    and lists and dicts of them. Who reads it imports what registers the name first; nothing in a file is executed but
    ``from_dict`` of the class that has the name.

    Parameters
    ----------
    name : str
        The name, which no emission of `hmmfilter.emissions` has, and no other class.
    kind : type
        A class with what `Emission` asks for, a method ``to_dict()``, and a class method ``from_dict(document)`` that
        makes an emission of what that returned. A class of the same name in the same module replaces it, as when a
        cell of a notebook runs again.

    Raises
    ------
    ValueError, TypeError
        Where the name is taken, or the class is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> class Triangle:
    ...     def __init__(self, width):
    ...         self.width = np.asarray(width, dtype=float)
    ...         self.n_states = len(self.width)
    ...
    ...     def log_likelihoods(self, observations):
    ...         distance = np.abs(np.asarray(observations))[:, None]
    ...         with np.errstate(divide="ignore"):
    ...             return np.log(np.maximum(1 - distance / self.width, 0) / self.width)
    ...
    ...     def sample(self, states, rng):
    ...         return rng.triangular(-self.width[states], 0, self.width[states])
    ...
    ...     def to_dict(self):
    ...         return {"width": self.width.tolist()}
    ...
    ...     @classmethod
    ...     def from_dict(cls, document):
    ...         return cls(document["width"])
    >>> hf.emissions.register("triangle", Triangle)
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.json")
    ...     hf.HMM([1.0], [[1.0]], Triangle([2.0])).to_json(path)
    ...     print(path.read_text().splitlines()[4])
    ...     print(hf.HMM.from_json(path).emission.width)
      "emission": {"type": "triangle", "width": [2.0]},
    [2.]
    """
    _checks.registrable(name, kind, of_this_house(), _registered)
    _registered[name] = kind


def registered() -> dict[str, type]:
    """The classes that were registered, by name."""
    return dict(_registered)


def of_this_house() -> dict[str, type]:
    """The classes of `hmmfilter.emissions`, by name."""
    from hmmfilter import emissions

    offered = {name: getattr(emissions, name) for name in emissions.__all__}
    return {name: kind for name, kind in offered.items() if isinstance(kind, type) and is_dataclass(kind)}


def known() -> dict[str, type]:
    """All of them by names in lower case, as `hmmfilter.guess` takes them."""
    return {name.lower(): kind for name, kind in (of_this_house() | _registered).items()}


def name_of(kind: type) -> str | None:
    """The name under which a class was registered, if it was."""
    return next((name for name, each in _registered.items() if each is kind), None)
