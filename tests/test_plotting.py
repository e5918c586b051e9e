"""Pictures: the bands are the probabilities, and they come without matplotlib's state being touched."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import plotting

MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
COUNTS = [0.0, 2.0, np.nan, 4.0]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def band_heights(ax, n_steps):
    """The height of each band in the middle of each step, read off the drawing."""
    heights = []
    for band in ax.collections:
        (path,) = band.get_paths()
        inside = [[path.contains_point((t, y)) for y in np.linspace(0.0005, 0.9995, 1000)] for t in range(n_steps)]
        heights.append(np.mean(inside, axis=1))
    return np.array(heights).T


@pytest.mark.parametrize("method", [MODEL.filter, MODEL.smooth])
def test_bands_are_the_probabilities(method):
    result = method(COUNTS)
    ax = result.plot(COUNTS)
    np.testing.assert_allclose(band_heights(ax, 4), result.probabilities, atol=2e-3)
    (line,) = ax.figure.axes[1].lines
    np.testing.assert_array_equal(line.get_ydata(), COUNTS)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["state 0", "state 1", "observation"]
    assert ax.get_ylim() == (0, 1)


def test_a_path_fills_the_height():
    decoded = MODEL.viterbi(COUNTS)
    ax = decoded.plot()
    np.testing.assert_array_equal(band_heights(ax, 4).argmax(axis=1), decoded.path)
    assert len(ax.figure.axes) == 1
    assert ax.get_yticks().size == 0


def test_axes_of_ones_own_and_vectors():
    _, mine = plt.subplots()
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]), ["only"])
    x = np.zeros((3, 2))
    assert model.smooth(x).plot(x, ax=mine) is mine
    labels = [text.get_text() for text in mine.get_legend().get_texts()]
    assert labels == ["only", "observation 0", "observation 1"]


def test_long_series_have_no_dots():
    counts = np.zeros(plotting.MOST_DOTS + 1)
    ax = MODEL.smooth(counts).plot(counts)
    assert ax.figure.axes[1].lines[0].get_markevery() == []


def test_but_for_an_observation_between_two_missing_ones():
    counts = np.zeros(plotting.MOST_DOTS + 1)
    counts[[6, 8, -2]] = np.nan
    ax = MODEL.smooth(counts).plot(counts)
    assert ax.figure.axes[1].lines[0].get_markevery() == [7, len(counts) - 1]


def test_names_are_drawn_as_they_stand():
    names = ["_calm", "$\\foo$"]
    model = hf.HMM(MODEL.initial, MODEL.transition, MODEL.emission, names)
    ax = model.smooth(COUNTS).plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["_calm", r"\$\foo\$"]
    ax.figure.canvas.draw()


def test_many_long_names_leave_room_for_the_picture():
    n = 14
    names = [f"a rather long name {k:2}" for k in range(n)]
    model = hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), hf.emissions.Poisson(np.arange(1.0, n + 1)), names)
    ax = model.smooth(COUNTS).plot(COUNTS)
    ax.figure.canvas.draw()
    width = ax.figure.bbox.width
    assert ax.get_window_extent().width > 0.8 * width
    assert ax.get_legend().get_window_extent().x1 <= width


@pytest.mark.parametrize("wrong", [[0.0] * 8, [0.0] * 3, [[0.0, 1.0]] * 3])
def test_observations_have_as_many_steps_as_the_result(wrong):
    with pytest.raises(ValueError, match=r"observations must have shape \(4, ?2?\), got"):
        MODEL.smooth(COUNTS).plot(wrong)


def test_missing_vectors_leave_a_gap():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]))
    x = [None, [0.0, 1.0], [None, 2.0]]
    lines = model.smooth(x).plot(x).figure.axes[1].lines
    np.testing.assert_array_equal([line.get_ydata() for line in lines], [[np.nan, 0.0, np.nan], [np.nan, 1.0, 2.0]])


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_saved_pictures(kind, tmp_path):
    path = tmp_path / f"picture.{kind}"
    plotting.save(MODEL.smooth(COUNTS), COUNTS, str(path), ["price ($)"], "cost ($)", ["$a", "b$", "c", "d"])
    assert path.stat().st_size > 1000
    assert plt.get_fignums() == []


def test_without_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (
        MODEL.smooth(COUNTS).plot,
        lambda: plotting.save(MODEL.smooth(COUNTS), COUNTS, str(tmp_path / "a.png"), ["n"]),
    ):
        with pytest.raises(ImportError, match=r"plots need matplotlib: pip install 'hmmfilter\[plot\]'"):
            draw()
