"""Emissions of one's own under a name: in JSON, on the command line, as channels; nothing else gets in."""

import json
import subprocess
import sys

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Poisson, Product, registry

SOURCE = '''
import numpy as np
import hmmfilter as hf


class Tent:
    """Triangles around 0."""

    def __init__(self, width):
        self.width = np.asarray(width, dtype=float)
        self.n_states = len(self.width)

    def log_likelihoods(self, observations):
        known = np.array([np.nan if x is None else float(x) for x in observations])
        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(1 - np.abs(known)[:, None] / self.width, 0) / self.width)
        return np.where(np.isnan(known)[:, None], 0.0, logs)

    def sample(self, states, rng):
        return rng.triangular(-self.width[states], 0, self.width[states])

    def to_dict(self):
        return {"width": self.width.tolist()}

    @classmethod
    def from_dict(cls, document):
        return cls(document["width"])


hf.emissions.register("tent", Tent)
'''
HALVES = [0.5, 0.5]
x = [0.5, -1.5, None, 3.0]


@pytest.fixture
def tents(tmp_path, monkeypatch):
    """A module that registers a kind, for as long as a test takes."""
    monkeypatch.setattr(registry, "_registered", {})
    names = {"__name__": "tents"}
    exec(SOURCE, names)
    return names["Tent"]


def model_of(emission):
    return hf.HMM(HALVES, [HALVES, HALVES], emission)


def test_a_registered_kind_is_written_and_read(tents, tmp_path):
    path = tmp_path / "model.json"
    model_of(tents([2.0, 1 / 3 + 4])).to_json(path)
    assert json.loads(path.read_text())["format"] == "hmmfilter model, version 3"
    twin = hf.HMM.from_json(path)
    assert type(twin.emission) is tents
    assert np.array_equal(twin.emission.width, [2.0, 1 / 3 + 4])


def test_it_may_be_a_channel_and_a_component(tents, tmp_path):
    path = tmp_path / "model.json"
    both = Product({"n": Poisson([1.0, 5.0]), "x": tents([2.0, 4.0])})
    model_of(both).to_json(path)
    twin = hf.HMM.from_json(path)
    rows = [(2, 0.5), (None, -1.5), (4, None)]
    assert np.array_equal(twin.emission.log_likelihoods(rows), both.log_likelihoods(rows))


def test_who_does_not_know_it_is_told_what_to_do(tents, tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    model_of(tents([2.0, 4.0])).to_json(path)
    monkeypatch.setattr(registry, "_registered", {})
    with pytest.raises(ValueError, match="got 'tent': if it is one of your own, import what registers it first"):
        hf.HMM.from_json(path)
    with pytest.raises(TypeError, match=r"or be registered by hmmfilter\.emissions\.register, got Tent"):
        model_of(tents([2.0, 4.0])).to_json(tmp_path / "other.json")


def test_the_command_takes_it_where_it_is_imported(tents, tmp_path):
    model_of(tents([2.0, 4.0])).to_json(tmp_path / "model.json")
    (tmp_path / "tents.py").write_text(SOURCE)
    (tmp_path / "x.csv").write_text("x\n0.5\n-1.5\n")
    command = ["filter", "--model", "model.json", "x.csv"]
    code = f"import {{}}; from hmmfilter.cli import main; raise SystemExit(main({command}))"
    done, refused = (
        subprocess.run(
            [sys.executable, "-c", code.format(it)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        for it in ("tents", "sys")
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3), done.stderr
    assert refused.returncode != 0
    assert "import what registers it first, in a shell by --import" in refused.stderr


def test_a_file_says_what_a_kind_takes(tents, tmp_path):
    path = tmp_path / "model.json"
    model_of(tents([2.0, 4.0])).to_json(path)
    path.write_text(path.read_text().replace('"width"', '"height"'))
    with pytest.raises(ValueError, match=r"from_dict of tent does not take this: KeyError\('width'\)"):
        hf.HMM.from_json(path)


def test_a_class_that_is_made_again_replaces_itself(tents):
    again = type("Tent", (tents,), {"__module__": tents.__module__, "__qualname__": tents.__qualname__})
    hf.emissions.register("tent", again)
    assert registry.registered() == {"tent": again}
    assert registry.known()["tent"] is again
    assert registry.known()["poisson"] is Poisson


class Bare:
    """Nothing of what is needed."""


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("", None, "name must be a word, got ''"),
        (3, None, "name must be a word, got 3"),
        ("bare", 3, "kind must be a class, got 3"),
        ("bare", Bare, "Bare must have log_likelihoods to be registered"),
        ("Poisson", "tent", "name must be one that is free, got 'Poisson'"),
        ("poisson", "tent", "name must be one that is free, got 'poisson'"),
        ("tent", "other", "name must be one that is free, got 'tent'"),
    ],
)
def test_what_cannot_be_registered(tents, name, kind, words):
    kinds = {"tent": tents, "other": type("Other", (tents,), {})}
    with pytest.raises((ValueError, TypeError), match=words):
        hf.emissions.register(name, kinds.get(kind, kind) if isinstance(kind, str) else kind)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (3, "to_dict\\(\\) of tent must be a JSON object, got int"),
        ({"type": "other"}, "must have strings for keys, and none that is 'type', got 'type'"),
        ({3: 4}, "must have strings for keys, and none that is 'type', got 3"),
        ({"width": np.array([1.0])}, "to_dict\\(\\) of tent\\['width'\\] must be a finite number, a word, a list"),
        ({"width": [1.0, float("nan")]}, "to_dict\\(\\) of tent\\['width'\\]\\[1\\] must be a finite number"),
        ({"width": [1.0, float("inf")]}, "to_dict\\(\\) of tent\\['width'\\]\\[1\\] must be a finite number"),
    ],
)
def test_only_plain_numbers_are_written(tents, document, words, tmp_path, monkeypatch):
    monkeypatch.setattr(tents, "to_dict", lambda self: document)
    with pytest.raises(TypeError, match=words):
        model_of(tents([2.0, 4.0])).to_json(tmp_path / "model.json")


def test_all_that_json_knows_is_plain(tents, tmp_path, monkeypatch):
    whole = {"width": [2.0, 4], "more": {"a": None, "b": True, "c": ["word", [1]]}}
    monkeypatch.setattr(tents, "to_dict", lambda self: whole)
    got = []
    monkeypatch.setattr(tents, "from_dict", classmethod(lambda cls, given: got.append(given) or cls(given["width"])))
    model_of(tents([2.0, 4.0])).to_json(tmp_path / "model.json")
    hf.HMM.from_json(tmp_path / "model.json")
    assert got == [whole]
