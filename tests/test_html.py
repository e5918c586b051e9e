"""What notebooks show: well-formed, escaped, bounded, true to the numbers, and without a script."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter.results import html
from tests.test_frames import MODEL, NEVER, OBSERVED

HOSTILE = ["<script>alert('x')</script> & \"q\"", '</td><b onclick="f()">\x07' + "y" * 300]
NAMED = hf.HMM(MODEL.initial, MODEL.transition, MODEL.emission, HOSTILE)
TAGS = {"div", "span", "table", "thead", "tbody", "tr", "td", "svg", "path", "title"}
MOST_LETTERS = 60_000  # of any page
DRAWN = 0.0011  # the largest difference that is left by drawing to a tenth of a percent


SEVERAL = {"<a>": [0, 2, 7], "b": [4], "c": []}
READ = {
    "filter": hf.HMM.filter,
    "smooth": hf.HMM.smooth,
    "viterbi": hf.HMM.viterbi,
    "posterior_decode": hf.HMM.posterior_decode,
    "viterbi_n_best": lambda model, given: model.viterbi_n_best(given, 3),
    "forecast": lambda model, given: model.forecast(given, 3),
    "expected_transitions": hf.HMM.expected_transitions,
}


def page_of(result):
    """The page as a tree; it raises where a name breaks out."""
    return ElementTree.fromstring(result._repr_html_())


def tops_of(svg):
    """Of each band of a strip, by its name, how high it reaches in each column."""
    tops = {}
    for path in svg.iter("path"):
        runs = re.findall(r"V([-\d.e]+)h(\d+)", path.get("d"))
        tops[path.find("title").text] = np.repeat([1 - float(y) / 100 for y, _ in runs], [int(n) for _, n in runs])
    return tops


def words_of(page):
    return " ".join(page.itertext())


def check_page(result):
    page = page_of(result)
    assert {element.tag for element in page.iter()} <= TAGS
    assert not any(name.startswith("on") or name in ("href", "src") for e in page.iter() for name in e.attrib)
    assert len(result._repr_html_()) < MOST_LETTERS
    assert repr(result).partition("\n")[0] in words_of(page)


NAMES = pytest.mark.parametrize("model", [MODEL, NAMED], ids=["ordinary names", "hostile names"])


@NAMES
@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize("given", [OBSERVED, SEVERAL], ids=["one", "several"])
def test_pages_are_safe_and_small(model, read, given):
    check_page(read(model, given))


@NAMES
def test_the_page_of_a_model_is_safe_and_small(model):
    check_page(model)


def test_names_are_shown_as_they_are_and_cut():
    words = words_of(page_of(NAMED.smooth(OBSERVED)))
    assert HOSTILE[0] in words
    assert "\N{REPLACEMENT CHARACTER}" in words
    assert "y..." in words
    assert "y" * 40 not in words


def test_a_strip_is_true_to_the_probabilities():
    smoothed = MODEL.smooth(OBSERVED)
    (svg,) = page_of(smoothed).iter("svg")
    tops = tops_of(svg)
    np.testing.assert_allclose(tops["calm"], smoothed.probabilities[:, 0], atol=DRAWN)
    np.testing.assert_allclose(tops["busy"], np.ones(4), atol=DRAWN)
    (svg,) = page_of(MODEL.viterbi(OBSERVED)).iter("svg")
    assert tops_of(svg)["calm"].tolist() == [1, 1, 0, 0]


def test_the_ends_are_labelled():
    days = pd.Series(OBSERVED, pd.date_range("2024-01-01", periods=4))
    words = words_of(page_of(MODEL.smooth(days)))
    assert "2024-01-01" in words
    assert "2024-01-04" in words
    assert "00:00" not in words
    hours = pd.Series(OBSERVED, pd.date_range("2024-01-01", periods=4, freq="h"))
    assert "2024-01-01 03:00:00" in words_of(page_of(MODEL.smooth(hours)))
    assert "+3" in words_of(page_of(MODEL.forecast(OBSERVED, 3)))


def test_a_long_series_is_thinned_to_means():
    rng = np.random.default_rng(0)
    table = rng.dirichlet([1.0, 1.0, 1.0], 10**6)
    smoothed = hf.results.Smoothed(_rows=table, _rows_hold="probabilities", log_likelihood=0.0)
    page = page_of(smoothed)
    assert len(smoothed._repr_html_()) < MOST_LETTERS
    assert "each column of a strip is the mean of up to 2500 steps" in words_of(page)
    (svg,) = page.iter("svg")
    means = table.reshape(html.MOST_COLUMNS, -1, 3).mean(axis=1)
    np.testing.assert_allclose(tops_of(svg)["0"], means[:, 0], atol=DRAWN)
    np.testing.assert_allclose(tops_of(svg)["1"], means[:, :2].sum(axis=1), atol=DRAWN)


def test_many_states_are_shown_by_the_most_frequent():
    n_states = 1000
    weights = np.full(n_states, 1e-5)
    weights[[7, 500]] = 0.2
    table = np.random.default_rng(0).dirichlet(weights * 100, 500)
    table[:] += 1e-12
    smoothed = hf.results.Smoothed(_rows=table, _rows_hold="probabilities", log_likelihood=0.0)
    model = hf.HMM(np.full(n_states, 1e-3), np.eye(n_states), hf.emissions.Poisson(np.arange(n_states) + 1.0))
    counts = hf.results.ExpectedTransitions(counts=np.eye(n_states), log_likelihood=0.0)
    for result in (smoothed, model, counts):
        assert len(result._repr_html_()) < MOST_LETTERS
    page = page_of(smoothed)
    (svg,) = page.iter("svg")
    tops = tops_of(svg)
    assert {"7", "500", "others"} <= set(tops)
    assert len(tops) == html.MOST_STATES
    assert "991 others" in words_of(page)
    means = table[: len(tops["others"])]
    np.testing.assert_allclose(tops["others"], np.ones(len(means)), atol=DRAWN)


def test_what_is_marked_is_left_empty():
    table = np.zeros((4, 2))
    table[2] = NEVER
    case = MODEL.log_initial, MODEL.log_transition, table
    (svg,) = page_of(hf.forward_filter(*case, impossible="mark")).iter("svg")
    np.testing.assert_allclose(tops_of(svg)["1"], [1, 1, 0, 0], atol=DRAWN)
    for door in (hf.smooth, hf.viterbi):
        (svg,) = page_of(door(*case, impossible="mark")).iter("svg")
        assert not any(top.any() for top in tops_of(svg).values())
    assert "nan" in words_of(page_of(hf.expected_transitions(*case, impossible="mark")))
    sure = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1.0, 0.0]]))
    assert "nan" in words_of(page_of(sure.forecast([1], 2, impossible="mark")))


def test_each_sequence_and_each_path_has_a_strip():
    result = MODEL.smooth({"a": [0, 2, 7], "b": [4], "c": []})
    strips = [tops_of(svg)["calm"] for svg in page_of(result).iter("svg")]
    np.testing.assert_allclose(np.concatenate(strips), result.probabilities[:, 0], atol=DRAWN)
    assert [len(strip) for strip in strips] == [3, 1]
    page = page_of(MODEL.smooth([[0, 1]] * 40))
    assert len([*page.iter("svg")]) == 5
    best = MODEL.viterbi_n_best(OBSERVED, 3)
    strips = [tops_of(svg)["calm"] for svg in page_of(best).iter("svg")]
    assert [(1 - strip).tolist() for strip in strips] == best.paths.tolist()


def test_an_empty_series_has_no_strip():
    assert not [*page_of(MODEL.smooth([[], [1]])[0]).iter("svg")]


def test_bars_are_as_long_as_the_numbers():
    styles = [cell.get("style") for cell in page_of(MODEL).iter("td")]
    assert any("45) 90.0%,transparent 90.0%" in style for style in styles)
    rows = [[cell.text for cell in row.iter("td")] for row in page_of(MODEL).iter("tr")]
    assert rows[0] == ["state", "initial", "to calm", "to busy", "rate"]
    assert rows[1][:4] == ["calm", "0.5000", "0.9000", "0.1000"]


def test_a_table_of_logs_is_not_turned_into_probabilities_as_a_whole():
    rows = np.empty((4, 2))
    smoothed = hf.smooth(
        MODEL.log_initial, MODEL.log_transition, MODEL.emission.log_likelihoods(OBSERVED), out=rows, out_logs=True
    )
    assert page_of(smoothed) is not None
    assert "probabilities" not in vars(smoothed)


def test_a_gradient_is_shown_as_it_is_printed():
    assert MODEL.log_likelihood_gradient(OBSERVED)._repr_html_() is None
