"""Every routine of the package, each by a small call: what it answers, as arrays."""

from __future__ import annotations

import numpy as np

import hmmfilter as hf
from hmmfilter import lse, naive
from hmmfilter._drivers.expectations import expect
from hmmfilter._ways import ways_of


def filtered(case):
    found = hf.forward_filter(*case)
    return found.log_probabilities, found.probabilities, found.log_increments, found.log_likelihood


def smoothed(case):
    found = hf.smooth(*case)
    return found.log_probabilities, found.probabilities, found.log_likelihood


def many(case):
    """Some dozen sequences at once."""
    log_initial, log_transition, rows = case
    part = np.concatenate([rows[:3], np.zeros((6, rows.shape[1]))])
    given = {"lengths": [3] * 24, "impossible": "mark"}
    tables = log_initial, log_transition, np.tile(part, (8, 1))
    return hf.forward_filter(*tables, **given).log_probabilities, hf.smooth(*tables, **given).log_probabilities


def decoded(case):
    found = hf.viterbi(*case)
    return found.path, found.log_joint


def decoded_by_step(case):
    found = hf.posterior_decode(*case)
    return found.path, found.expected_correct


def ranked(case):
    found = hf.viterbi_n_best(*case, 3)
    return found.paths, found.log_joints


def lasted(case):
    """Of sojourns: filtered, smoothed, the best ones, some at random, and how many end, from window to window."""
    log_initial, _, rows = case
    n_states = len(log_initial)
    lasting = hf.transitions.Durations(
        np.full((n_states, 3), 1 / 3), np.full((n_states, n_states), 1 / n_states), normalize=True
    )
    long = np.tile(rows, (-(-260 // len(rows)), 1)) if n_states <= 3 else rows
    counts = hf.expected_transitions(log_initial, lasting, long)
    best = hf.viterbi(log_initial, lasting, long)
    smoothed = hf.smooth(log_initial, lasting, long)
    paths = hf.sample_paths(log_initial, lasting, long, 2, rng=1)
    return counts.ended, counts.moves, best.path, best.ages, smoothed.log_probabilities, paths


def predicted(case):
    """Step by step and, where states are few, by powers of the matrix."""
    steps = (1, 5, 300) if len(case[0]) <= 5 else (1, 5)
    return [hf.predict(*case[:2], n) for n in steps]


def streamed(case):
    """Row by row, then in a block, and from where that led once more."""
    log_initial, log_transition, rows = case
    stream = hf.OnlineFilter(log_initial, log_transition)
    half = len(rows) // 2
    answers = [stream.update(row) for row in rows[:half]]
    block = stream.update_block(rows[half:])
    stream = hf.OnlineFilter.restore(stream.snapshot(), log_transition)
    return *answers, block.log_probabilities, stream.log_likelihood, stream.update(rows[0])


def lagged(case):
    log_initial, log_transition, rows = case
    stream = hf.FixedLagSmoother(log_initial, log_transition, lag=3)
    return *(answer for row in rows[:6] if (answer := stream.update(row)) is not None), stream.flush()


def changing(case):
    """All that meets another matrix at each step, and several sequences."""
    log_initial, log_transition, rows = case
    transitions = np.stack([log_transition, log_transition - 0.5])
    chain = log_initial, transitions, rows
    index = np.arange(len(rows)) % 2
    more = {"lengths": [2, len(rows) - 2], "transition_index": index}
    more["impossible"] = "mark"
    return hf.smooth(*chain, **more).log_probabilities, hf.viterbi(*chain, **more).path


def by_network(case):
    """Moves by nodes between, by two matrices of which one is not in reach of doubles; rows far from each other."""
    log_initial, log_transition, rows = case
    states = np.arange(len(log_initial))
    before, after = np.nonzero(log_transition > -np.inf)
    ways = ways_of(
        len(states),
        len(states),
        [*states, *len(states) + before],
        [*len(states) + states, *2 * len(states) + after],
        [*np.zeros(len(states)), *log_transition[before, after]],
        kinds=np.repeat([0, 1], [len(states), len(before)]),
        log_shares=[[0.0, 0.0], [-0.5, 0.0]],
    )
    chain, more = (log_initial, ways, rows), {"transition_index": np.arange(len(rows) - 1) % 2, "impossible": "mark"}
    found = hf.forward_filter(*chain, **more).log_probabilities, hf.smooth(*chain, **more).log_probabilities
    path = hf.viterbi(*chain, **more).path
    return *found, path, *streamed_by_network(log_initial, ways), *counted_by_network(log_initial, ways, rows, more)


def streamed_by_network(log_initial, ways):
    """Two rows that say nothing, filtered and decoded one by one."""
    stream, decoder, row = (
        hf.OnlineFilter(log_initial, ways),
        hf.OnlineViterbi(log_initial, ways),
        np.zeros(len(log_initial)),
    )
    return *(stream.update(row) for _ in range(2)), *(decoder.update(row).states for _ in range(2)), decoder.log_joint


def counted_by_network(log_initial, ways, rows, more):
    """Counts, draws, what a fit expects, and a path of a chain that jumps."""
    counts = hf.expected_transitions(log_initial, ways, rows, **more).counts.counts
    paths = hf.sample_paths(log_initial, ways, rows, 3, rng=0, **more)
    starts, index = np.array([0, len(rows)]), np.arange(len(rows)) % 2
    expected = expect(log_initial, ways, starts, np.ones(1), Rows(np.maximum(rows, -300.0)), 1, False, index)
    jumps = hf.transitions.StayOrJump(0.5, np.full(len(log_initial), 1 / len(log_initial)))
    walk = hf.sampling.Walk.of(jumps, None)
    states = hf.sampling.draw_along(jumps.jump, walk, len(rows), np.random.default_rng(0))
    return counts, paths, expected.transition, expected.log_likelihood, states


def weighed(case):
    """What emissions make of counts, numbers and vectors, some of which lack entries."""
    vectors = np.where(np.isfinite(case[2]), case[2], np.nan)
    n_dimensions = vectors.shape[1]
    means = np.linspace(-3.0, 40.0, 2 * n_dimensions).reshape(2, n_dimensions)
    matrix = 0.3 + np.diag(np.linspace(1.0, 2.0, n_dimensions))
    return (
        hf.emissions.Poisson(np.abs(means[:, 0])).log_likelihoods(np.abs(np.rint(vectors[:, 0]))),
        hf.emissions.NegativeBinomial(np.abs(means[:, 0]), [0.0, 0.5]).log_likelihoods(np.abs(np.rint(vectors[:, 0]))),
        *(
            emission.log_likelihoods(np.abs(np.rint(np.nan_to_num(vectors[:, [0, 0]]))) * [[0, 1]])
            for emission in (
                hf.emissions.Poisson(np.abs(means[:, 0]), exposure=True),
                hf.emissions.Binomial(None, [0.3, 0.9]),
                hf.emissions.Multinomial([[0.5, 0.5], [0.1, 0.9]]),
            )
        ),
        hf.emissions.Gaussian(means[:, 0], 2.0).log_likelihoods(vectors[:, 0]),
        *(
            emission.log_likelihoods(vectors[:, 0])
            for emission in (
                hf.emissions.Laplace(means[:, 0], [1.0, 2.0]),
                hf.emissions.StudentT(means[:, 0], [1.0, 2.0], [0.5, 30.0]),
                hf.emissions.VonMises([-1.0, 2.0], [0.5, 90.0]),
                hf.emissions.WrappedCauchy([-1.0, 2.0], [0.1, 0.9]),
            )
        ),
        hf.emissions.StudentT(means, [matrix, 2 * matrix], [0.5, 30.0]).log_likelihoods(vectors),
        hf.emissions.Regression(means[:, [0, -1]], np.abs(means[:, 0]) + 0.5).log_likelihoods(
            vectors[:, 0], covariates=np.nan_to_num(vectors[:, -1])
        ),
        hf.emissions.Gaussian(means, np.abs(means), kind="variances").log_likelihoods(vectors),
        hf.emissions.Gaussian(means, [matrix, 2 * matrix]).log_likelihoods(vectors),
        hf.emissions.Gaussian(means, matrix, kind="tied").log_likelihoods(vectors),
        *[
            family(np.abs(means[:, 0]) + 0.5, np.abs(means[:, 0]) + 0.5).log_likelihoods(x)
            for family in (hf.emissions.Gamma, hf.emissions.LogNormal, hf.emissions.Weibull, hf.emissions.Beta)
            for x in [np.exp(-np.abs(vectors[:, 0]) / 100.0 - 0.01)]
        ],
        hf.emissions.Gamma([0.5, 60.0], [1.0, 0.01]).log_likelihoods(np.exp(-np.abs(vectors[:, 0]) / 100.0)),
        hf.emissions.Gamma([0.5, 60.0], [1.0, 0.01]).estimated([0.1, 0.5, 0.6, 0.9], np.ones((4, 2))).shape,
    )


def tallied(case):
    weights = np.exp(case[2].clip(-700.0, 0.0))
    halves, outcomes = np.full(weights.shape[1], 0.5), np.arange(len(weights)) % 2
    return [
        hf.emissions.Bernoulli(halves).estimated(outcomes, weights).probability,
        hf.emissions.Poisson(halves).estimated(outcomes, weights).rate,
    ]


def averaged(case):
    weights = np.exp(case[2].clip(-700.0, 0.0))
    vectors = np.column_stack([np.sin(np.arange(len(weights))), np.arange(len(weights)) % 3])
    prior = hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, 1.0)
    return [
        getattr(hf.emissions.Gaussian(np.ones((weights.shape[1], 2)), given).estimated(vectors, weights, prior), name)
        for given in (np.ones(weights.shape[1]), np.tile(np.eye(2), (weights.shape[1], 1, 1)))
        for name in ("mean", "covariance")
    ]


def summed(case):
    rows = case[2]
    weights = np.linspace(-1.0, 1.0, rows.shape[1])
    return (
        lse.logsumexp(rows, axis=1),
        lse.softmax(rows, axis=1),
        lse.logcumsumexp(rows, axis=1),
        lse.logcumsumexp(rows, axis=1, weights=np.abs(weights)),
        *lse.logsumexp(rows, axis=1, weights=weights, return_sign=True),
        lse.logsumexp(rows, axis=1, weights=np.abs(weights)),
    )


def linear(case):
    """In linear space, in either width, where much dies."""
    with np.errstate(all="ignore"):
        chain = [np.clip(np.exp(table), 0.0, 1e30) for table in case]
    answers = [naive.exp_dot_log_forward_filter(*case).log_alpha]
    for dtype in (np.float32, np.float64):
        answers += [
            naive.smooth(*chain, dtype=dtype).probabilities,
            naive.viterbi(*chain, dtype=dtype).path,
            naive.scaled_forward_filter(*chain, dtype=dtype).probabilities,
        ]
    return answers


class Rows:
    """Log-likelihoods that are there, of which visits are counted."""

    def __init__(self, rows):
        self.rows = rows

    def fill(self, begin, end, table):
        table[:] = self.rows[begin:end]

    def sums(self):
        return np.zeros((2, self.rows.shape[1]))

    def add(self, begin, end, posteriors, sums):
        sums[0] += posteriors.sum(axis=0)


def expected(case):
    """By plain doubles, where they do, and with rows for which they do not."""
    log_initial, log_transition, rows = case
    starts, weights = np.array([0, 2, len(rows), 2 * len(rows)]), np.array([1.0, 0.5, 2.0])
    near = np.maximum(log_transition, -9.0)
    found = [
        expect(log_initial, matrix, starts, weights, Rows(np.concatenate([some, some])), 1, False)
        for matrix, some in ((log_transition, rows), (near, rows), (near, np.maximum(rows, -300.0)))
    ]
    return [part for one in found for part in one if part is not None]


def decoded_as_it_comes(case):
    """What a stream settles, all of it, and its best path."""
    stream = hf.OnlineViterbi(*case[:2], lag=3)
    settled = [stream.update(row).states for row in case[2]]
    return [np.concatenate(settled), stream.flush().states]


ROUTINES = {
    "forward_filter": filtered,
    "log_likelihood": lambda case: [hf.log_likelihood(*case)],
    "smooth": smoothed,
    "many sequences": many,
    "viterbi": decoded,
    "viterbi_n_best": ranked,
    "max_marginals": lambda case: [hf.max_marginals(*case)],
    "posterior_decode": decoded_by_step,
    "sojourns": lasted,
    "expected_transitions": lambda case: [hf.expected_transitions(*case).counts],
    "pairwise_marginals": lambda case: [hf.pairwise_marginals(*case)],
    "log_likelihood_gradient": lambda case: [hf.log_likelihood_gradient(*case).log_transition],
    "expectations": expected,
    "sample_paths": lambda case: [hf.sample_paths(*case, size=3, rng=0)],
    "predict": predicted,
    "streams": streamed,
    "lagged": lagged,
    "decoded as it comes": decoded_as_it_comes,
    "changing": changing,
    "networks": by_network,
    "simulate": lambda case: [hf.sampling.draw_states(np.exp(case[0]), np.exp(case[1]), 20, np.random.default_rng(0))],
    "densities": weighed,
    "symbols": tallied,
    "moments": averaged,
    "lse": summed,
    "naive": linear,
}
