"""Pictures: the bands are the probabilities, and they come without matplotlib's state being touched."""

import itertools
import sys

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

import hmmfilter as hf
from hmmfilter import plotting
from hmmfilter.plotting import series
from hmmfilter.plotting.timeline import timeline

MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
COUNTS = [0.0, 2.0, np.nan, 4.0]


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
    assert [text.get_text() for text in mine.get_legend().get_texts()] == ["only"]
    assert [panel.get_ylabel() for panel in mine.figure.axes[1:]] == ["observation 0", "observation 1"]


def test_long_series_have_no_dots():
    counts = np.zeros(series.MOST_DOTS + 1)
    ax = MODEL.smooth(counts).plot(counts)
    assert ax.figure.axes[1].lines[0].get_markevery() == []


def test_but_for_an_observation_between_two_missing_ones():
    counts = np.zeros(series.MOST_DOTS + 1)
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
    lines = [line for panel in model.smooth(x).plot(x).figure.axes[1:] for line in panel.lines]
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


# Frames, dates, labels.

DAYS = pd.date_range("2023-11-06", periods=4, freq="B", name="day")


def tick_labels(ax):
    ax.figure.canvas.draw()
    return [label for label in ax.get_xticklabels() if label.get_text()]


def test_a_series_brings_its_name_and_its_dates():
    ax = MODEL.smooth(COUNTS).plot(pd.Series(COUNTS, DAYS, name="load"))
    over = ax.figure.axes[1]
    assert (ax.get_xlabel(), over.get_ylabel(), ax.get_legend().get_texts()[-1].get_text()) == ("day", "load", "load")
    assert mdates.num2date(over.lines[0].get_xdata()[2]).date() == DAYS[2].date()


def test_the_clock_is_the_local_one():
    local = DAYS.tz_localize("Asia/Tokyo")
    times = [timeline(index, 4).positions for index in (DAYS, local, DAYS.to_period("D"))]
    assert times[0].tolist() == times[1].tolist() == times[2].tolist()


def test_a_frame_brings_the_names_of_its_columns():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]))
    frame = pd.DataFrame(np.zeros((4, 2)), DAYS, ["price ($)", "volume"])
    ax = model.smooth(frame).plot(frame)
    assert [panel.get_ylabel() for panel in ax.figure.axes[1:]] == [r"price (\$)", "volume"]


@pytest.mark.parametrize(
    ("index", "positions", "are_dates"),
    [
        ([1900, 1901, 1905], [1900, 1901, 1905], False),
        (["1900", "1901", "1905"], [1900, 1901, 1905], False),
        (["2020-01-01", "2020-01-03", "2020-01-04"], [18262, 18264, 18265], True),
        (["2020-01-01T00:00Z", "2020-01-03T00:00Z", "2020-01-04T02:00+02:00"], [18262, 18264, 18265], True),
        (np.array([1, 2, 4], "timedelta64[D]"), [1, 2, 4], False),
        (np.array([True, False, True]), [0, 1, 2], False),
        ([3, 2, 1], [0, 1, 2], False),
        ([1, 1, 2], [0, 1, 2], False),
        ([1.0, np.nan, 2.0], [0, 1, 2], False),
        ([1.0, 2.0, np.inf], [0, 1, 2], False),
        (["a", "b", "c"], [0, 1, 2], False),
        (["2020-01-01", None, "2020-01-02"], [0, 1, 2], False),
        ([(0, "a"), (0, "b"), (1, "a")], [0, 1, 2], False),
        (pd.MultiIndex.from_tuples([(0, "a"), (0, "b"), (1, "a")]), [0, 1, 2], False),
    ],
)
def test_steps_stand_where_the_index_says(index, positions, are_dates):
    time = timeline(index, 3)
    assert (time.positions.tolist(), time.are_dates) == (positions, are_dates)
    assert bool(time.labels) == (positions == [0, 1, 2])


def test_times_of_several_zones_stand_where_clocks_showed_them():
    paris, utc = DAYS.tz_localize("Europe/Paris"), DAYS.tz_localize("UTC")
    mixed = paris[:2].append(utc[2:])
    assert mixed.dtype == object
    assert timeline(mixed, 4).positions.tolist() == timeline(DAYS, 4).positions.tolist()
    counts = {"a": pd.Series(COUNTS, paris), "b": pd.Series(COUNTS, DAYS)}
    assert MODEL.smooth(counts)["a"].plot(counts["a"]).get_xlim() == MODEL.smooth(counts["b"]).plot().get_xlim()


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy has no such strings before 2.0")
def test_steps_of_strings_of_any_length():
    assert timeline(np.array(["a", "b", "c"], np.dtypes.StringDType()), 3).labels == ("a", "b", "c")


def test_bands_reach_half_way_to_the_next_step():
    assert timeline([0, 1, 5], 3).edges().tolist() == [-0.5, 0.5, 3.0, 7.0]
    assert timeline([7], 1).edges().tolist() == [6.5, 7.5]


def test_times_between_whole_numbers():
    ax = MODEL.smooth(COUNTS).plot(pd.Series(COUNTS, [0.5, 1.0, 1.5, 2.0], name="load"))
    assert ax.get_xlim() == (0.25, 2.25)


@pytest.mark.parametrize("labels", [[f"a rather long label {t}" for t in range(300)], [str(DAYS[0])] * 300])
def test_labels_do_not_run_into_each_other(labels):
    counts = np.zeros(300)
    ax = MODEL.smooth(counts).plot(pd.Series(counts, labels))
    boxes = [label.get_window_extent() for label in tick_labels(ax)]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


# Long series.


def test_a_long_series_is_drawn_as_means_and_ranges():
    n_steps = 4 * series.N_RUNS
    counts = np.tile([0.0, 3.0, np.nan, 6.0], n_steps // 4)
    result = MODEL.smooth(counts)
    ax = result.plot(counts)
    (line,), (span,) = ax.figure.axes[1].lines, ax.figure.axes[1].collections
    assert line.get_ydata().tolist() == [3.0] * series.N_RUNS
    assert span.get_datalim(ax.transData).extents[1::2].tolist() == [0.0, 6.0]
    tops = [band.get_paths()[0].vertices for band in ax.collections]
    assert max(map(len, tops)) < 5 * series.N_RUNS
    assert ax.get_xlim() == (-0.5, n_steps - 0.5)


def test_runs_cover_all_steps():
    for n_steps in (1, series.MOST_STEPS, series.MOST_STEPS + 1, 400_003):
        starts = series.run_starts(n_steps)
        assert (starts[0], starts[-1]) == (0, n_steps)
        assert (np.diff(starts) > 0).all()
        assert len(starts) <= series.MOST_STEPS + 1


def test_means_of_runs_leave_out_what_is_missing():
    table = np.array([[1.0], [np.nan], [3.0], [np.nan], [np.nan], [5.0]])
    assert np.array_equal(series.run_means(table, np.array([0, 3, 5, 6])), [[2.0], [np.nan], [5.0]], equal_nan=True)


# Panels in a figure of the caller's own.


def test_panels_share_the_room_of_axes_that_stand_anywhere():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]))
    x = np.zeros((5, 2))
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    model.smooth(x).plot(x, ax)
    boxes = [axes.get_position() for axes in figure.axes]
    assert boxes[0].y1 == pytest.approx(0.9)
    assert all(upper.y0 > lower.y1 - 1e-12 for upper, lower in itertools.pairwise(boxes))
    assert boxes[-1].y0 == pytest.approx(0.1)


# Symbols.


def test_words_are_drawn_at_heights_with_their_names():
    over = MODEL.smooth(COUNTS).plot(["wet", None, "$dry", "wet"]).figure.axes[1]
    assert over.lines[0].get_xydata().tolist() == [[0, 1], [2, 0], [3, 1]]
    assert over.lines[0].get_linestyle() == "None"
    assert [label.get_text() for label in over.get_yticklabels()] == [r"\$dry", "wet"]


def test_words_of_a_long_series_stand_once_in_each_run():
    words = ["a", "b"] * 2 * series.N_RUNS
    (line,) = MODEL.smooth(np.zeros(len(words))).plot(words).figure.axes[1].lines
    assert line.get_xydata()[:4].tolist() == [[1.5, 0], [1.5, 1], [5.5, 0], [5.5, 1]]


@pytest.mark.parametrize("wrong", [[0.0, "a", 1.0, 2.0], [[0.0], "a", [1.0], [2.0]]])
def test_words_among_numbers_are_refused(wrong):
    with pytest.raises(TypeError, match=r"observations\[1.*\] must be a (number|vector of 1)"):
        MODEL.smooth(COUNTS).plot(wrong)


# Forecasts.


def test_a_forecast_of_numbers():
    forecast = MODEL.forecast(COUNTS, 5)
    ax = forecast.plot()
    panel = ax.figure.axes[1]
    np.testing.assert_allclose(panel.lines[0].get_ydata(), forecast.mean)
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    wide, n = panel.collections[1].get_datalim(panel.transData), np.argmax(forecast.mean + 2 * forecast.variance**0.5)
    assert wide.y1 == pytest.approx(forecast.mean[n] + 2 * forecast.variance[n] ** 0.5)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["state 0", "state 1", "mean", "± 1 standard deviation", "± 2"]
    assert (ax.get_ylim(), panel.get_xlabel()) == ((0, 1), "steps ahead")


def test_a_forecast_of_vectors_has_a_panel_for_each_entry():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 5.0]], [[[1.0, 0.5], [0.5, 4.0]]]))
    panels = model.forecast(np.zeros((3, 2)), 4).plot().figure.axes[1:]
    assert [panel.get_ylabel() for panel in panels] == ["observation 0", "observation 1"]
    assert panels[1].collections[0].get_datalim(panels[1].transData).y1 == pytest.approx(7.0)


@pytest.mark.parametrize(("symbols", "words"), [(None, ["0", "1"]), (["$A", "C"], [r"\$A", "C"])])
def test_a_forecast_of_symbols_has_a_row_for_each(symbols, words):
    emission = hf.emissions.Categorical([[0.7, 0.3], [0.2, 0.8]], symbols=symbols)
    forecast = hf.HMM(MODEL.initial, MODEL.transition, emission).forecast([(symbols or [0])[0]], 3)
    panel = forecast.plot().figure.axes[1]
    assert [label.get_text() for label in panel.get_yticklabels()] == words
    np.testing.assert_allclose(panel.collections[0].get_array(), forecast.symbol_probabilities.T)


def test_many_symbols_are_not_named():
    emission = hf.emissions.Categorical(np.full((1, 40), 1 / 40))
    panel = hf.HMM([1.0], [[1.0]], emission).forecast([0], 3).plot().figure.axes[1]
    assert len(panel.get_yticks()) < 40


class Unknown:
    """An emission without moments."""

    n_states = 2

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 2))

    def sample(self, states, rng):
        return rng.random(len(states))


def test_a_forecast_without_moments_has_states_alone():
    forecast = hf.HMM(MODEL.initial, MODEL.transition, Unknown()).forecast([1.0], 3)
    _, ax = plt.subplots()
    assert forecast.plot(ax) is ax
    assert ax.figure.axes == [ax]


def test_one_forecast_is_drawn_at_a_time():
    forecast = MODEL.forecast([[1, 2], [3, 4, 5]], 3)
    with pytest.raises(ValueError, match=r"plot draws one sequence, got 2: draw result\[n\]"):
        forecast.plot()
    assert len(forecast[1].plot().figure.axes) == 2


# Models.


def numbers_on(ax):
    return [text.get_text() for text in ax.texts]


def test_the_chain_is_a_map_of_its_probabilities():
    model = hf.HMM([1.0, 0.0], [[0.997, 0.003], [0.25, 0.75]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "$busy"])
    chain, _ = model.plot()
    assert numbers_on(chain) == ["1", "0", ">.99", "3e-03", "0.25", "0.75"]
    labels = [label.get_text() for label in chain.get_yticklabels()]
    assert labels == ["initial", "from calm", r"from \$busy"]


def test_a_map_of_many_states_has_no_numbers():
    n = 40
    model = hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), hf.emissions.Poisson(np.arange(1.0, n + 1)))
    chain, panel = model.plot()
    assert panel.get_legend() is None
    assert numbers_on(chain) == []
    assert len(chain.get_xticks()) <= 30
    chain.figure.canvas.draw()


def test_curves_over_the_data_are_shares_of_it():
    counts = MODEL.simulate(2000, rng=3)[1]
    _, panel = MODEL.plot(counts)
    shares = MODEL.smooth(counts).probabilities.mean(axis=0)
    at_two = [line.get_ydata()[list(line.get_xdata()).index(2)] for line in panel.lines]
    np.testing.assert_allclose(at_two, shares * np.exp(MODEL.emission.log_likelihoods([2])[0]), rtol=1e-12)
    (bar,) = [bar for bar in panel.patches if bar.get_x() + bar.get_width() / 2 == pytest.approx(2)]
    assert bar.get_height() == pytest.approx((counts == 2).mean())
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["data", "state 0", "state 1"]


def test_a_legend_that_fits_into_one_line_is_one_line():
    """Long names beside short ones are no reason to break it."""
    model = hf.HMM(
        np.full(3, 1 / 3), np.full((3, 3), 1 / 3), hf.emissions.Poisson([1.0, 2.0, 3.0]), ["a", "b", "restless"]
    )
    _, panel = model.plot([1, 2, 3])
    panel.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in panel.get_legend().get_texts()]
    assert np.ptp([box.y0 for box in boxes]) < boxes[0].height
    assert boxes[-1].x1 <= panel.get_window_extent().x1


def test_without_data_curves_are_whole():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([3.0], [4.0]), ["only"])
    _, panel = model.plot()
    (line,) = panel.lines
    assert trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(1, abs=0.02)
    assert panel.get_ylabel() == "density"
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["only"]


def test_each_entry_of_a_vector_has_a_panel():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 5.0]], [[[1.0, 0.5], [0.5, 4.0]]]))
    frame = pd.DataFrame(model.simulate(300, rng=1)[1], columns=["a", "b"])
    frame.iloc[0, 1] = np.nan
    _, *panels = model.plot(frame)
    assert [panel.get_xlabel() for panel in panels] == ["a", "b"]
    (line,) = panels[1].lines
    at_five = np.interp(5, line.get_xdata(), line.get_ydata())
    assert at_five == pytest.approx(1 / np.sqrt(2 * np.pi * 4), rel=1e-3)
    assert [panel.get_xlabel() for panel in model.plot()[1:]] == ["observation 0", "observation 1"]


def test_symbols_stand_in_their_order():
    emission = hf.emissions.Categorical([[0.7, 0.3], [0.2, 0.8]], symbols=["$up", "down"])
    model = hf.HMM(MODEL.initial, MODEL.transition, emission)
    _, panel = model.plot(["down", None, "$up", "down"])
    assert [label.get_text() for label in panel.get_xticklabels()] == [r"\$up", "down"]
    assert [bar.get_height() for bar in panel.patches] == pytest.approx([1 / 3, 2 / 3])
    _, panel = hf.HMM(MODEL.initial, MODEL.transition, hf.emissions.Categorical([[0.7, 0.3], [0.2, 0.8]])).plot()
    np.testing.assert_allclose([line.get_ydata() for line in panel.lines], [[0.7, 0.3], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("observations", "lengths"),
    [([[1, 2], [3, 4, 9]], None), ({"a": [1, 2], "b": [3, 4, 9]}, None), ([1, 2, 3, 4, 9], [2, 3])],
)
def test_several_sequences_make_one_histogram(observations, lengths):
    _, panel = MODEL.plot(observations, lengths=lengths)
    assert sum(bar.get_height() > 0 for bar in panel.patches) == 5


def test_an_emission_of_ones_own():
    _, panel = hf.HMM(MODEL.initial, MODEL.transition, Unknown()).plot([0.2, 0.4, np.nan])
    shares = [line.get_ydata()[0] for line in panel.lines]
    assert sum(shares) == pytest.approx(1)
    assert all(np.ptp(line.get_ydata()) == 0 for line in panel.lines)


def test_an_emission_of_ones_own_whose_rows_are_short_is_refused():
    class Short(Unknown):
        def log_likelihoods(self, observations):
            return super().log_likelihoods(observations)[1:]

    with pytest.raises(ValueError, match="log_likelihoods of Short must return a table of shape"):
        hf.HMM(MODEL.initial, MODEL.transition, Short()).plot()


@pytest.mark.parametrize("observations", [[[], []], {"a": []}])
def test_a_model_over_no_steps_is_refused(observations):
    with pytest.raises(ValueError, match="plot draws at least one step, got none"):
        MODEL.plot(observations)


@pytest.mark.parametrize("rates", [[1.0, 1e12], [2.0**40, 2.0**60]])
def test_counts_that_are_many_are_drawn_at_some_of_them(rates):
    model = hf.HMM(MODEL.initial, MODEL.transition, hf.emissions.Poisson(rates))
    _, panel = model.plot()
    for line in panel.lines:
        x = line.get_xdata()
        assert len(x) <= 400
        np.testing.assert_array_equal(x, np.rint(x))


def test_counts_of_many_kinds_share_bins():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1e6]))
    _, panel = model.plot(model.simulate(5000, rng=1)[1])
    assert len(panel.patches) <= 60
    heights = [bar.get_height() for bar in panel.patches]
    assert max(heights) == pytest.approx(panel.lines[0].get_ydata().max(), rel=0.1)


class Words(Unknown):
    def sample(self, states, rng):
        return np.array(["wet", "dry"])[rng.integers(2, size=len(states))]


def test_curves_over_words_of_ones_own_are_refused():
    with pytest.raises(TypeError, match="sample of Words must draw numbers or vectors of them to be pictured, got "):
        hf.HMM(MODEL.initial, MODEL.transition, Words()).plot()


@pytest.mark.parametrize("drawn", [None, 3.0, [1.0, 2.0], np.zeros((4000, 2, 2))], ids=["none", "one", "two", "tables"])
def test_curves_need_an_observation_of_each_state(drawn):
    class Few(Unknown):
        def sample(self, states, rng):
            return drawn

    with pytest.raises(ValueError, match="sample of Few must draw an observation for each of 4000 states, got shape"):
        hf.HMM(MODEL.initial, MODEL.transition, Few()).plot()


def test_groups_for_an_emission_of_ones_own():
    frame = pd.DataFrame({"who": ["a", "b", "a"], "x": [0.2, 0.4, np.nan]})
    _, panel = hf.HMM(MODEL.initial, MODEL.transition, Unknown()).plot(frame.groupby("who")["x"])
    assert sum(bar.get_height() > 0 for bar in panel.patches) == 2


MIXED = {"other days": DAYS + pd.Timedelta("9D"), "another order": DAYS[::-1], "words": list("wxyz")}


@pytest.mark.parametrize("labels", MIXED.values(), ids=MIXED)
def test_observations_of_other_steps_are_refused(labels):
    result = MODEL.smooth(pd.Series(COUNTS, DAYS))
    with pytest.raises(
        ValueError, match="observations must have the labels of the steps that they are drawn over, got"
    ):
        result.plot(pd.Series(COUNTS, labels))
    assert result.plot(pd.Series(COUNTS, labels).to_numpy()).get_xlim() == result.plot().get_xlim()


def test_labels_that_only_count_give_way():
    plain, dated = pd.Series(COUNTS), pd.Series(COUNTS, DAYS)
    expected = MODEL.smooth(dated).plot().get_xlim()
    assert MODEL.smooth(dated).plot(plain).get_xlim() == expected
    assert MODEL.smooth(plain).plot(dated).get_xlim() == expected
    assert MODEL.smooth(COUNTS).plot(dated).get_xlim() == expected
    utc, paris = (pd.Series(COUNTS, DAYS.tz_localize("UTC").tz_convert(zone)) for zone in ("UTC", "Europe/Paris"))
    assert MODEL.smooth(utc).plot(paris).get_xlabel() == MODEL.smooth(paris).plot().get_xlabel()
    assert MODEL.smooth(plain).plot(plain).get_xlim() == MODEL.smooth(COUNTS).plot().get_xlim()


def test_sequences_with_names_are_shown_under_them():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 5.0]], [[[1.0, 0.5], [0.5, 4.0]]]))
    frame = pd.DataFrame({"who": [1, 1, 2], "a": [0.1, 0.2, 0.3], "b": [4.0, 5.0, 6.0]})
    one = frame[["a", "b"]]
    for observations in (frame.groupby("who"), {"x": one, "y": one}, [one, one]):
        assert [panel.get_xlabel() for panel in model.plot(observations)[1:]] == ["a", "b"]
    counts = pd.Series([1, 2, 3], name="quakes")
    for observations in (counts.groupby(frame["who"]), [counts, counts]):
        assert MODEL.plot(observations)[1].get_xlabel() == "quakes"
