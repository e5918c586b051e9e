"""Every example runs without a screen, makes its picture, and stands in the gallery."""

import importlib.util
import itertools
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hmmfilter as hf
from tests.conftest import needs_compiled
from tests.files import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
GALLERY = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
PAGES = sorted(page for room in (".", "data", "examples", "tests/benchmarks") for page in (ROOT / room).glob("*.md"))


def test_there_are_examples():
    assert EXAMPLES


RUN_ALL = """
import contextlib, json, runpy, sys, traceback
for script, picture, *options in json.loads(sys.argv[1]):
    sys.argv = [script, picture, *options]
    with open(picture + ".out", "w") as out, open(picture + ".err", "w") as err:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                runpy.run_path(script, run_name="__main__")
            except BaseException:
                traceback.print_exc()
"""
OPTIONS = {"longer_than_memory": ["--steps", "3000"]}


def can_run(path):
    """Whether what a script needs besides is there."""
    return path.stem != "cluster" or importlib.util.find_spec("distributed") is not None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The pictures of all examples, and what they printed: run as scripts, in one process without a screen."""
    folder = tmp_path_factory.mktemp("examples")
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "MPLBACKEND")}
    jobs = [
        [str(path), str(folder / f"{path.stem}.png"), *OPTIONS.get(path.stem, [])] for path in EXAMPLES if can_run(path)
    ]
    subprocess.run([sys.executable, "-W", "error", "-c", RUN_ALL, json.dumps(jobs)], env=environment, check=True)
    return folder


@pytest.fixture
def printed_by(pictures):
    return lambda name: (pictures / f"{name}.png.out").read_text()


@needs_compiled  # in a process of its own, compiled in any case: once is enough
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_without_a_screen(script, pictures, printed_by):
    if not can_run(script):
        pytest.skip("needs Dask")
    assert (pictures / f"{script.stem}.png.err").read_text() == ""
    assert printed_by(script.stem).endswith(f"\nlook at {script.stem}.png\n")
    assert f"\n    python examples/{script.name} [PICTURE]" in script.read_text(encoding="utf-8")
    assert (pictures / f"{script.stem}.png").stat().st_size > 10_000
    assert script.with_suffix(".png").exists()


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_the_gallery_shows_every_example(script):
    assert f"\n[`{script.name}`]({script.name}): " in GALLERY
    assert f"\n.venv/bin/python examples/{script.name}" in GALLERY
    assert re.search(rf"^!\[.+\]\({script.stem}\.png\)$", GALLERY, re.MULTILINE)


def test_the_gallery_shows_nothing_else():
    pictures = re.findall(r"\((\w+\.png)\)", GALLERY)
    assert sorted(pictures) == sorted(path.name for path in (ROOT / "examples").glob("*.png"))
    assert "(lesson.md)" in GALLERY


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("https://") and not (page.parent / link).exists()]
    assert not missing


@needs_compiled
def test_a_cluster_says_what_one_machine_does(printed_by):
    pytest.importorskip("distributed")
    printed = printed_by("cluster")
    assert "the fit was interrupted after 4 iterations" in printed
    assert "the bits of press 052 alone: True" in printed


@needs_compiled
def test_earthquakes_says_what_it_should(printed_by):
    printed = printed_by("earthquakes")
    assert "log-likelihood -329.4604" in printed
    assert "restless on the most probable path: 1905 1906" in printed


@needs_compiled
def test_the_fit_finds_what_was_published(printed_by):
    printed = printed_by("fit_earthquakes")
    assert "log-likelihood -329.4603, AIC 676.9206, BIC 700.9760" in printed
    rows = [line.split() for line in printed.split("published\n")[1].splitlines()[:-2]]
    assert len(rows) == 3 + 3 * 3
    for *label, estimate, error, low, high, published in rows:
        assert abs(float(estimate) - float(published)) < 0.0015
        if label == ["restless", "to", "calm"]:
            assert [estimate, error, low, high] == ["0.000", "nan", "nan", "nan"]
        else:
            assert 0 < float(low) < float(estimate) < float(high)
            assert label[0] == "rate," or float(high) < 1
    assert "rate, calm                13.146       0.660" in printed


@needs_compiled
def test_rates_of_irregular_visits_are_near_the_truth(printed_by):
    printed = printed_by("irregular")
    rows = [line.split() for line in printed.split("truth\n")[1].splitlines()[:3]]
    for *_, estimate, error, truth in rows:
        assert float(error) > 0
        assert abs(float(estimate) - float(truth)) < 2 * float(error)
    known, alike = re.findall(r"(?:log-likelihood|for steps,) (-[\d.]+)", printed)[-2:]
    assert float(known) > float(alike) + 10


@needs_compiled
def test_interest_rates_are_as_published(printed_by):
    printed = printed_by("switching_autoregression")
    assert "log-likelihood -264.71069, published -264.71069" in printed
    assert "settling       0.7245   0.2887   0.7631   0.0337" in printed
    assert "BIC 567.3; of one regime 614.4" in printed


@needs_compiled
def test_alleles_are_told_by_the_haplotypes_that_are_copied(printed_by):
    printed = printed_by("haplotypes")
    shares = [float(share) for share in re.findall(r"([\d.]+)%", printed)]
    by_frequency, rarer_by_frequency, by_copies, rarer_by_copies, expected = shares
    assert by_copies > by_frequency + 5
    assert rarer_by_copies > 60 > rarer_by_frequency
    assert abs(by_copies - expected) < 1


@needs_compiled
def test_water_matters_to_the_animal_as_much_as_it_does(printed_by):
    printed = printed_by("animal_movement")
    rows = [line.split() for line in printed.split("truth\n")[1].splitlines()[:4]]
    for *_, estimate, error, truth in rows:
        assert abs(float(estimate) - float(truth)) < 2.5 * float(error) < 1
    known, alone = re.findall(r"(?:log-likelihood|animal,) (-[\d.]+)", printed)[-2:]
    assert float(known) > float(alone) + 10


@needs_compiled
def test_sleep_is_known_from_either_channel(printed_by):
    printed = printed_by("activity")
    rows = re.findall(r"^(both|movements|pulse|neither).*?(\d+) +([\d.]+)% +([\d.]+)%$", printed, re.MULTILINE)
    assert [name for name, *_ in rows] == ["both", "movements", "pulse", "neither"]
    assert all(abs(float(right) - float(expected)) < 3 for _, _, right, expected in rows)
    asleep, truth = map(float, re.search(r"asleep for ([\d.]+) hours a day; in truth for ([\d.]+)", printed).groups())
    assert abs(asleep - truth) < 0.3


@needs_compiled
def test_learning_says_what_it_should(printed_by):
    casino, earthquakes = printed_by("learning").split("the earthquakes\n")
    assert "Selected: 2 states by BIC, 10000 observed steps" in casino
    assert "Selected: 3 states by BIC, 107 observed steps" in earthquakes
    assert "9  676.9206  700.9760" in earthquakes
    assert "13.146 (0.660)" in earthquakes
    for printed, within in ((casino, 0.02), (earthquakes, 0.2)):
        one, chosen = (float(each) for each in re.findall(r"(-?[\d.]+) ± ", printed))
        assert one > 2 * within > 2 * abs(chosen)


@needs_compiled
def test_most_words_are_heard_right_where_the_order_of_sounds_is_known(printed_by):
    printed = printed_by("words")
    in_order, without = (float(share) for share in re.findall(r"([\d.]+)% of 1000 recordings right", printed))
    assert in_order > 88
    assert without < 60
    table = np.array([line.split()[1:] for line in printed.split("iou\n")[1].splitlines()[:5]], dtype=int)
    assert (table.sum(axis=1) == 200).all()
    assert np.trace(table) == pytest.approx(10 * in_order)


@needs_compiled
def test_the_path_through_candidates_is_the_pitch_where_frames_alone_are_wrong(printed_by):
    alone, path = re.findall(
        r"pitch right in ([\d.]+)% of voiced frames, voicing right in ([\d.]+)%", printed_by("pitch")
    )
    assert float(alone[0]) < 70
    assert float(alone[1]) < 90
    assert float(path[0]) > 95
    assert float(path[1]) > 98


def test_the_chain_of_pitches_is_a_product():
    """Of any voicing and pitch, the same glide; voicing and pitch are in the order of the likelihoods."""
    pitch = runpy.run_path(str(ROOT / "examples" / "pitch.py"))
    dense, n = pitch["chain"]().to_dense(), pitch["N_PITCHES"]
    glide = dense[:n, :n] / pitch["STAY"]
    assert np.allclose(dense, np.kron([[pitch["STAY"], 1 - pitch["STAY"]], [1 - pitch["STAY"], pitch["STAY"]]], glide))
    assert np.array_equal(glide > 0, abs(np.subtract.outer(range(n), range(n))) <= pitch["FASTEST"])
    rows = np.exp(pitch["log_likelihoods"](np.eye(2, n) * 0.6))
    assert (rows[:, :n] == rows[:, :1]).all()
    assert rows[0].argmax() == n


@needs_compiled
def test_models_of_words_go_from_left_to_right():
    words = runpy.run_path(str(ROOT / "examples" / "words.py"))
    rng = np.random.default_rng(2)
    model = words["learn"]([words["speak"]("aoi", rng) for _ in range(10)], 3)
    assert model.initial.tolist() == [1, 0, 0]
    assert (model.transition[np.tril_indices(3, -1)] == 0).all()
    assert model.transition[0, 2] == 0
    likeliest = [model.emission.symbols[m] for m in model.emission.probabilities.argmax(axis=1)]
    assert likeliest == list("aoi")


@needs_compiled
def test_longer_than_memory_says_what_it_should(printed_by):
    printed = printed_by("longer_than_memory")
    assert "Smoothed: 3000 steps, 2 states" in printed
    assert "2 states, 2999.0000 moves in all" in printed
    if Path("/proc/self/status").exists():
        assert "memory beside mapped pages at most" in printed


@needs_compiled
def test_a_short_run_leaves_the_picture_of_the_long_one(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / "examples" / "longer_than_memory.py"))["main"]
    main.__globals__["HERE"] = tmp_path
    main(n_steps=3000)
    assert capsys.readouterr().out.endswith("\nname a picture to have it drawn\n")
    assert not list(tmp_path.iterdir())
    main.__globals__["LONG"] = 3000
    main(n_steps=3000)
    assert capsys.readouterr().out.endswith("\nlook at longer_than_memory.png\n")
    assert [path.name for path in tmp_path.iterdir()] == ["longer_than_memory.png"]


@needs_compiled
def test_streaming_says_what_it_should(printed_by):
    printed = printed_by("streaming")
    assert "    15  78.2 °C  overheating  0.8580" in printed
    assert "    60  restart from" in printed
    assert "    76     none  busy         0.9259" in printed
    assert "OnlineFilter: 120 steps so far, 3 states, log-likelihood -366.7167" in printed
    assert "right at once: 88% of the time" in printed
    assert "right after 4 minutes: 96% of the time" in printed
    assert "+1  0.0999  0.0515       0.8486  71.231 ± 11.103" in printed


@needs_compiled
def test_lasting_dice_say_what_they_should(printed_by):
    """That durations which are known are right more often, and are as probable as they should be."""
    found = {
        name.strip(): (float(total), float(wrong))
        for name, total, wrong in re.findall(
            r"(.+): log-likelihood (-[\d.]+), ([\d.]+) of 300", printed_by("lasting_dice")
        )
    }
    assert found["durations"][0] > found["a plain chain"][0] + 200
    assert found["durations"][1] < 0.7 * found["a plain chain"][1]


@needs_compiled
def test_casino_says_what_it_should(printed_by):
    printed = printed_by("casino")
    one_game, thousand_games = printed.split("in 1000 games, on average")
    for name, n_wrong in [("filtered", 60), ("smoothed", 25), ("Viterbi", 45)]:
        assert f"{name}:  {n_wrong} rolls wrong" in one_game
    assert "posterior_decode expected 244.1 rolls right, and got 275" in one_game
    wrong = {line.split(":")[0].strip(): float(line.split()[1]) for line in thousand_games.splitlines()[1:4]}
    assert wrong["smoothed"] < wrong["Viterbi"] < wrong["filtered"]
    expected, got, error = map(float, re.findall(r"[\d.]+", thousand_games.splitlines()[4]))
    assert abs(expected - got) < 3 * error
    n_rolls = runpy.run_path(str(ROOT / "examples" / "casino.py"))["N_ROLLS"]
    assert got == pytest.approx(n_rolls - wrong["smoothed"])


@pytest.fixture(scope="module")
def dial():
    return runpy.run_path(str(ROOT / "examples" / "from_sum_to_max.py"))


def casino_tables(dial, n_rolls):
    rolls = dial["CASINO"].simulate(n_rolls, rng=dial["SEED"])[1]
    return dial["CASINO"].log_initial, dial["CASINO"].log_transition, dial["CASINO"].emission.log_likelihoods(rolls)


@needs_compiled
def test_from_sum_to_max_says_what_it_should(printed_by):
    printed = printed_by("from_sum_to_max")
    assert "LSE_τ(0, 1, 2) is 2.4076 at τ = 1, 2.0715 at τ = 0.5, 2.0000 at τ = 0.1" in printed
    assert "     1                       12                   7.1         41" in printed
    assert "  0.01                        0                0.0036       0.41" in printed
    assert "Viterbi's path from τ = 0.16 down, and had to be from 0.0021" in printed


@needs_compiled
@pytest.mark.parametrize("tau", [2, 1, 0.1, 0.01, 0.001])
def test_the_dial_is_the_log_sum_exp_over_all_paths(dial, tau):
    log_initial, log_transition, log_likelihoods = tables = casino_tables(dial, 8)
    paths = np.array(list(itertools.product(range(2), repeat=8)))
    log_joints = log_initial[paths[:, 0]] + log_likelihoods[range(8), paths].sum(axis=1)
    log_joints += log_transition[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    _, sums = dial["at_temperature"](tau, tables)
    for t, k in np.ndindex(8, 2):
        assert sums[t, k] == pytest.approx(hf.lse.smooth_max(log_joints[paths[:, t] == k], tau), abs=1e-12)


@needs_compiled
@pytest.mark.parametrize("tau", [1, 0.1, 0.01, 0.002, 0.001])
def test_the_dial_ends_at_viterbi(dial, tau):
    tables = casino_tables(dial, dial["N_ROLLS"])
    posterior, sums = dial["at_temperature"](tau, tables)
    gaps = sums - hf.max_marginals(*tables)
    assert gaps.min() > -1e-12
    assert gaps.max() <= tau * (dial["N_ROLLS"] - 1) * np.log(2)
    is_viterbi = (posterior.argmax(axis=1) == hf.viterbi(*tables).path).all()
    assert is_viterbi == (tau < 1)


@needs_compiled
def test_underflow_says_what_it_should(printed_by):
    printed = printed_by("underflow")
    assert "a factor of exp(-1.7505) on average" in printed
    assert "float32         46         50        57         59     0.0000  0.2645" in printed
    assert "float64        403        405       425        425     0.0000  0.1570" in printed
    assert printed.count("log p(all rolls)") == printed.count("-875.2539") == 2
    assert "p(.1 for heads) is 1.0000; the scaled recursion says 0.0000, without a word" in printed


@pytest.fixture(scope="module")
def valley():
    return runpy.run_path(str(ROOT / "examples" / "log_sum_exp.py"))


@needs_compiled
def test_log_sum_exp_says_what_it_should(printed_by):
    printed = printed_by("log_sum_exp")
    assert "LSE(1, 1) is 0.6931 above the maximum, which is log 2" in printed
    assert "LSE(10, -10) is 2.061e-09 above the maximum" in printed
    assert " 0.2   1/10 0.880797        0.880797" in printed
    slopes = [line.split()[2:] for line in printed.splitlines() if re.match(r" 0\.[02] ", line)]
    assert len(slopes) == 6
    assert all(softmax == differences for softmax, differences in slopes)
    assert "LSE(x, x) is inf from x = 710 on, and -inf from -746 down" in printed
    assert "LSE(1000, 1000) = 1000.6931 and LSE(-1000, -1000) = -999.3069" in printed
    assert "downhill on the max: 0.6798, at (-2.02, -0.34)" in printed
    assert "downhill on the LSE: 0.0468, at (-0.06, 0.05)" in printed
    assert "at most 0.1386 is the price of τ = 0.2" in printed
    assert "up or down: to and fro between 0.0408 and 0.1212" in printed


@needs_compiled
def test_one_way_down_ends_on_the_kink_and_the_other_at_the_bottom(valley):
    on_max, on_lse = valley["descend"](valley["hard"]), valley["descend"](valley["soft"])
    assert len(on_max) == len(on_lse) == valley["N_STEPS"] + 1
    f_1, f_2 = valley["values"](*on_max[-1])
    assert f_1 == pytest.approx(f_2, abs=1e-12)
    assert (on_max[-1] == on_max[-50]).all()
    falls = np.diff([valley["hard"](point)[0] for point in on_lse])
    assert falls.max() < 0
    assert valley["hard"](on_lse[-1])[0] <= valley["TAU"] * np.log(2)
    bottom = np.array([0, valley["TAU"] * np.log(2) / 3])  # where the slopes cancel
    assert valley["soft"](bottom)[1] == pytest.approx([0, 0], abs=1e-12)
    assert np.abs(on_lse[-1] - bottom).max() < 0.1


@needs_compiled
def test_whoever_takes_each_step_on_the_maximum_zigzags(valley):
    across = valley["descend"](valley["hard"], careful=False)[-30:]
    f_1, f_2 = valley["values"](*across.T)
    assert 10 <= np.count_nonzero(np.diff(f_1 > f_2)) < 30  # from one side of the kink to the other
    assert np.ptp(np.maximum(f_1, f_2)) > 0.05
