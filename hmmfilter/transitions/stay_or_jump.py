"""A chain that stays, or else jumps anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._beside import Beside
from hmmfilter._distributions import most_likely, without_traces
from hmmfilter._ways import Counted, tallied
from hmmfilter.emissions.protocol import log_of
from hmmfilter.results.moves import StayOrJumpCounts
from hmmfilter.results.outline import Column
from hmmfilter.transitions.learnt import Learning, normalised, over
from hmmfilter.transitions.protocol import Moved, Told
from hmmfilter.transitions.structure import Listed, Structured

N_HALVES = 100  # of where a multiplier may be
N_TURNS = 5  # of the maximisation of what jumps lead to, where they never lead back: each is higher than the last
STAYING = 0.5  # at random
FIXED, STAYS, LEAVES = range(3)  # kinds of moves, where how probable it is to stay changes from step to step


@dataclass(frozen=True, eq=False, init=False, repr=False)
class StayOrJump(Learning, Structured):
    """A chain that stays with some probability, and else jumps, wherever it was: regimes, or Li and Stephens' model.

    p(h_{t+1} = j | h_t = i) is stay_i + (1 − stay_i) jump_i for j = i, and else (1 − stay_i) jump_j. A step costs K
    times a few operations.

    Parameters
    ----------
    stay : float or array_like, (K,), or with by_step (T − 1,)
        The probability not to jump, of all states or of each; or of each step that leads on to another one: with
        ``lengths``, (T,), those of last steps unused.
    jump : array_like, (K,)
        How probable it is to jump to each state; sums to 1.
    elsewhere : bool
        Whether the chain never jumps to where it was: then p(h_{t+1} = j | h_t = i) is stay_i for j = i, and else
        (1 − stay_i) jump_j / Σ_{k ≠ i} jump_k.
    by_step : bool
        Whether `stay` has an entry for each step, instead of one for each state. It is never told by the length, since
        there may be as many steps as states.
    normalize : bool
        Whether to divide `jump` by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where these are no such probabilities.

    References
    ----------
    Li, Stephens, "Modeling linkage disequilibrium and identifying recombination hotspots using single-nucleotide
    polymorphism data", Genetics 165 (2003).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.StayOrJump(stay=[0.9, 0.5], jump=[0.75, 0.25]).to_dense()
    array([[0.975, 0.025],
           [0.375, 0.625]])
    >>> hf.transitions.StayOrJump(stay=0.5, jump=[0.5, 0.25, 0.25], elsewhere=True)
    StayOrJump: 3 states, never back to the same one
      state    stay    jump
          0  0.5000  0.5000
          1  0.5000  0.2500
          2  0.5000  0.2500

    Of four places of a chromosome, with a stay probability for each step between them, and three haplotypes:

    >>> import numpy as np
    >>> chain = hf.transitions.StayOrJump(np.exp([-0.01, -0.02, -0.5]), [1 / 3] * 3, by_step=True)
    >>> alleles_agree = np.log([[0.01, 0.99, 0.01], [0.99, 0.99, 0.01], [0.01, 0.99, 0.01], [0.01, 0.99, 0.01]])
    >>> hf.viterbi(np.log([1 / 3] * 3), chain, alleles_agree).path
    array([1, 1, 1, 1])
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({"jump"})
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {"stay": (0.0, 1.0)}

    stay: FloatArray
    jump: FloatArray
    elsewhere: bool = False
    by_step: bool = False

    def __init__(
        self,
        stay: npt.ArrayLike,
        jump: npt.ArrayLike,
        elsewhere: bool = False,
        *,
        by_step: bool = False,
        normalize: bool = False,
    ) -> None:
        leads = _checks.jumps(jump, normalize)
        is_by_step = _checks.flag("by_step", by_step)
        stays = _checks.staying_by_step(stay) if is_by_step else _checks.staying_by_state(stay, len(leads))
        self._freeze(stay=stays, jump=leads, elsewhere=_checks.flag("elsewhere", elsewhere), by_step=is_by_step)
        if self.elsewhere:
            least = np.full(len(leads), stays.min()) if is_by_step else stays
            _checks.stays_for_good(least, _others(leads))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.jump)

    def to_dense(self) -> FloatArray:
        """Make a matrix of all moves, or one for each step.

        Returns
        -------
        ndarray, (K, K) or (T − 1, K, K)
            p(h_{t+1} = j | h_t = i) at [i, j], or at [t, i, j].

        Raises
        ------
        ValueError
            Where it does not fit into memory.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.StayOrJump([0.5, 0.75], [0.5, 0.5], by_step=True).to_dense()
        array([[[0.75 , 0.25 ],
                [0.25 , 0.75 ]],
        <BLANKLINE>
               [[0.875, 0.125],
                [0.125, 0.875]]])
        """
        _checks.dense_in_memory(self.n_states, len(self.stay) if self.by_step else 1)
        stay = self.stay[:, np.newaxis, np.newaxis] if self.by_step else self.stay[:, np.newaxis]
        is_same = np.eye(self.n_states, dtype=np.bool_)
        jumps = np.broadcast_to(self.jump, is_same.shape)
        if self.elsewhere:
            others = _others(self.jump)[:, np.newaxis]
            jumps = np.divide(jumps, others, out=np.zeros(is_same.shape), where=~is_same & (others > 0))
        dense: FloatArray = frozen((1 - stay) * jumps + np.where(is_same, stay, 0.0))
        return dense

    def stationary(self) -> FloatArray:
        """Compute where the chain settles in the long run.

        Returns
        -------
        ndarray, (K,)
            Probabilities that a step leaves as they are: of each state in proportion to jump_i / (1 − stay_i), times
            Σ_{k ≠ i} jump_k where the chain never jumps to where it was.

        Raises
        ------
        ValueError
            Where there is more than one such distribution, or one that doubles cannot hold; where stays change from
            step to step.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.StayOrJump([0.8, 0.4], [0.5, 0.5]).stationary()
        array([0.75, 0.25])
        """
        if self.by_step:
            _checks.one_stationary("StayOrJump by step")
        states = _checks.single_closed_class(self._closed_classes())
        distribution = np.zeros(self.n_states)
        if self.stay[states[0]] == 1:
            distribution[states] = 1.0
            return distribution
        weights = self.jump[states] * (_others(self.jump)[states] if self.elsewhere else 1.0) / (1 - self.stay[states])
        distribution[states] = _checks.representable(weights / weights.sum(), states)
        return distribution

    def _closed_classes(self) -> list[IntArray]:
        """The sets of states that are never left: each that always stays, and all that jumps lead to if not there."""
        for_good, led_to = np.flatnonzero(self.stay == 1), np.flatnonzero(self.jump)
        classes = list(for_good[:, np.newaxis])
        return classes if (self.stay[led_to] == 1).any() else [*classes, led_to]

    def _listed(self) -> Listed:
        jumps = _elsewhere(self.jump) if self.elsewhere else _anywhere(self.jump)
        n_states, states = self.n_states, np.arange(self.n_states)
        after = n_states + jumps.n_between
        sources = np.concatenate([states, jumps.sources])
        targets = np.concatenate([states + after, jumps.targets])
        kinds = np.repeat([STAYS, FIXED], [n_states, len(jumps.sources)])
        kinds[n_states:][jumps.sources < n_states] = LEAVES
        logs = np.concatenate([np.zeros(n_states), jumps.log_values])
        log_stay, log_leave = log_of(self.stay), _log_rest(self.stay)
        if self.by_step:
            shares = np.column_stack([np.zeros(len(self.stay)), log_stay, log_leave])
            return Listed(jumps.n_between, sources, targets, logs, kinds, shares)
        leaves = kinds == LEAVES
        logs[:n_states] = log_stay
        logs[leaves] += log_leave[sources[leaves]]
        happens = logs > -np.inf
        return Listed(jumps.n_between, sources[happens], targets[happens], logs[happens])

    def _told(self, beside: Beside) -> Told:
        if self.by_step:
            _checks.stays_of_steps(len(self.stay), beside.starts)
        return super()._told(beside)

    def _jumps(self, found: Counted) -> StayOrJumpCounts:
        """How often the chain stayed in each state, jumped from it, and to it, perhaps from itself."""
        first_after = found.n_states + found.n_between
        leaves, arrives = found.sources < found.n_states, found.targets >= first_after
        stays = leaves & arrives
        stayed = tallied(found.sources[stays], found.counts[stays], found.n_states)
        leaves, arrives = leaves & ~stays, arrives & ~stays
        return StayOrJumpCounts(
            stayed,
            tallied(found.sources[leaves], found.counts[leaves], found.n_states),
            tallied(found.targets[arrives] - first_after, found.counts[arrives], found.n_states),
        )

    def _shaped(self, found: Counted) -> tuple[StayOrJumpCounts, dict[str, Any]]:
        counts = self._jumps(found)
        return counts, {"state": np.arange(self.n_states), **counts._asdict()}

    def _parameters(self) -> dict[str, FloatArray]:
        jump = {"jump": self.jump}  # stays of single steps are told by what lies between them, and are not learnt
        return jump if self.by_step else {"stay": self.stay, **jump}

    def _with(self, parameters: dict[str, FloatArray]) -> StayOrJump:
        stay = parameters.get("stay", self.stay)
        return StayOrJump(stay, parameters["jump"], self.elsewhere, by_step=self.by_step)

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray]) -> StayOrJump:
        counts = self._jumps(moved.counts)
        learnt = {"jump": self._jump_by(counts, prior, groups["jump"])}
        if not self.by_step:
            learnt["stay"] = _most_likely_stays(counts, self.stay, groups["stay"])
        return self._with(learnt)

    def _jump_by(self, counts: StayOrJumpCounts, prior: Any, groups: IntArray) -> FloatArray:
        """What jumps lead to, as is most probable; never back to the same state, it becomes so in turns.

        Then Σ_j to_j log jump_j − Σ_i from_i log Σ_{k ≠ i} jump_k is no less than with the second sum's logs by their
        slopes at what there is; each turn has the maximum of that.
        """
        reached = counts.jumped_to if prior is None else counts.jumped_to + prior._added(counts.jumped_to.shape)
        jump, shares = self.jump, reached
        for _ in range(N_TURNS if self.elsewhere else 1):
            if self.elsewhere:
                shares = _weighed(reached, _slopes_of_others(counts.jumped_from, jump), jump, groups)
            jump = without_traces(most_likely(shares, jump, groups), groups)
        return jump

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        counts = self._jumps(moved.counts)
        jump = over(counts.jumped_to, self.jump)
        if self.elsewhere:
            jump = jump - _slopes_of_others(counts.jumped_from, self.jump)
        if self.by_step:
            return {"jump": jump}
        return {"stay": over(counts.stayed, self.stay) - over(counts.jumped_from, 1 - self.stay), "jump": jump}

    def _natural(self) -> FloatArray:
        logs = log_of(self.jump)
        return logs if self.by_step else np.concatenate([log_of(self.stay) - _log_rest(self.stay), logs])

    def _of_natural(self, vector: FloatArray) -> StayOrJump | None:
        log_odds, logs = np.split(vector, [0 if self.by_step else self.n_states])
        with np.errstate(over="ignore"):
            stay = 1.0 / (1.0 + np.exp(-log_odds))
        try:
            return self._with({"jump": normalised(logs)} | ({} if self.by_step else {"stay": stay}))
        except ValueError:  # where it would always leave, but for nowhere
            return None

    def _at_random(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        jump = rng.exponential(size=self.n_states) * (self.jump > 0)
        stay = {} if self.by_step else {"stay": np.full(self.n_states, STAYING)}
        return {**stay, "jump": jump / jump.sum()}

    def _reordered(self, order: IntArray) -> StayOrJump:
        stay = self.stay if self.by_step else self.stay[order]
        return StayOrJump(stay, self.jump[order], self.elsewhere, by_step=self.by_step)

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        jump: Column = ("jump", self.jump, ".4f")
        return [jump] if self.by_step else [("stay", self.stay, ".4f"), jump]

    def _title(self) -> str:
        back = ", never back to the same one" if self.elsewhere else ""
        return f"{super()._title()}{back}{f', {len(self.stay)} steps' if self.by_step else ''}"

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        shares = {"initial": initial} | ({} if self.by_step else {"stay": self.stay}) | {"jump": self.jump}
        plotting.draw_shares(ax, shares if final is None else shares | {"end": final}, names)


def _most_likely_stays(counts: StayOrJumpCounts, before: FloatArray, groups: IntArray) -> FloatArray:
    """Stays over stays and jumps, of all states of a group; as before where nothing is counted, or they are held."""
    free = groups >= 0
    pairs = np.stack([counts.stayed, counts.jumped_from])[:, free]
    size = len(groups)
    stayed, left = (tallied(groups[free], pair, size)[groups[free]] for pair in pairs)
    stay = before.copy()
    stay[free] = np.where(stayed + left > 0, over(stayed, stayed + left), before[free])
    learnt: FloatArray = stay
    return learnt


def _weighed(counts: FloatArray, weights: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """The numbers p of Σ counts log p − weights · p at its maximum, which sum to what those leave that are held."""
    free = groups >= 0
    numbers = np.unique(groups[free], return_inverse=True)[1]
    size = len(counts)
    n, c, w = (tallied(numbers, each[free], size) for each in (np.ones(size), counts, weights))
    left, seen = 1.0 - before[~free].sum(), c > 0
    if not seen.any() or left <= 0:
        return before
    n, c, w = n[seen], c[seen], w[seen]
    low, high = ((c / left - w) / n).max(), (c / n).sum() / left * n.max()
    for _ in range(N_HALVES):
        middle = (low + high) / 2
        low, high = (low, middle) if (n * c / (w + n * middle)).sum() < left else (middle, high)
    shares, of_group = np.zeros(len(counts)), np.zeros(len(seen))
    of_group[seen] = c / (w + n * high)
    shares[free] = of_group[numbers]
    return shares


def _slopes_of_others(jumped_from: FloatArray, jump: FloatArray) -> FloatArray:
    """The derivatives of Σ_i from_i log Σ_{k ≠ i} jump_k: Σ_{i ≠ k} from_i / Σ_{l ≠ i} jump_l."""
    return _others(over(jumped_from, _others(jump)))


def _log_rest(probabilities: FloatArray) -> FloatArray:
    """log(1 − p), of p near 0 too."""
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log1p(-probabilities)
    return logs


def _others(jump: FloatArray) -> FloatArray:
    """The sums of all jumps but one, of each: 1 less that one would have lost their digits."""
    below, above = _running(jump), _running(jump[::-1])[::-1]
    return below + above


def _running(jump: FloatArray) -> FloatArray:
    """The sum of all before each, with what rounding would leave out."""
    sums, total, rest = [], 0.0, 0.0
    for p in jump.tolist():
        sums.append(total + rest)
        larger = total + p
        rest += (total - larger) + p if total >= p else (p - larger) + total
        total = larger
    return np.array(sums)


def _anywhere(jump: FloatArray) -> Listed:
    """From each state to a hub, and from there to each."""
    n_states = len(jump)
    states, led_to = np.arange(n_states), np.flatnonzero(jump)
    return Listed(
        1,
        np.concatenate([states, np.full(len(led_to), n_states)]),
        np.concatenate([np.full(n_states, n_states), led_to + n_states + 1]),
        np.concatenate([np.zeros(n_states), log_of(jump[led_to])]),
    )


def _elsewhere(jump: FloatArray) -> Listed:
    """From each state to nodes of which one is for all jumps to the state above it, and one for those to the one below.

    They hand on what they have to the next ones, up or down, so that each state is led to from all others alone.
    """
    n_states, n_steps, others = len(jump), len(jump) - 1, _others(jump)
    leaving = np.flatnonzero(others)
    log_away = -log_of(others[leaving])
    up, down = n_states - 1 + np.arange(n_states), 3 * n_states - 3 - np.arange(n_states)  # the nodes of states
    is_up, is_down = leaving < n_steps, leaving > 0
    led_up, led_down = np.flatnonzero(jump[1:]) + 1, np.flatnonzero(jump[:-1])
    after = n_states + 2 * n_steps
    return Listed(
        2 * n_steps,
        np.concatenate([leaving[is_up], leaving[is_down], up[1:-1], down[1:-1], up[led_up], down[led_down]]),
        np.concatenate(
            [up[leaving[is_up] + 1], down[leaving[is_down] - 1], up[2:], down[:-2], led_up + after, led_down + after]
        ),
        np.concatenate(
            [
                log_away[is_up],
                log_away[is_down],
                np.zeros(2 * max(0, n_states - 2)),
                log_of(jump[led_up]),
                log_of(jump[led_down]),
            ]
        ),
    )
