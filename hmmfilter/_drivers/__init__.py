"""From the doors to the kernels: rows cut into pieces, and pieces shared out among threads.

Sequences have nothing to do with each other, so each is one thread's work, and no bit depends on how many threads there
are. Short sequences are taken together; a long one is cut into parts, one after the other, so that a bar can follow.
Kernels meet no sequence without steps: the drivers leave it out, and say of it what is true of nothing.
"""

from hmmfilter._drivers.ages import SojournSums, count_sojourns, room_for_ages
from hmmfilter._drivers.backwards import fill_best_states, fill_drawn, fill_smoothed_states
from hmmfilter._drivers.decoders import at_most_all, fill_decoded, fill_max_marginals, fill_n_best
from hmmfilter._drivers.pairs import Pairs, fill_pairs, shape_of_moves
from hmmfilter._drivers.posteriors import fill_filtered, fill_smoothed
from hmmfilter._drivers.recursions import slots_for_up_to, undo_code
from hmmfilter._drivers.restarting import Pieces, restarted

__all__ = [
    "Pairs",
    "Pieces",
    "SojournSums",
    "at_most_all",
    "count_sojourns",
    "fill_best_states",
    "fill_decoded",
    "fill_drawn",
    "fill_filtered",
    "fill_max_marginals",
    "fill_n_best",
    "fill_pairs",
    "fill_smoothed",
    "fill_smoothed_states",
    "restarted",
    "room_for_ages",
    "shape_of_moves",
    "slots_for_up_to",
    "undo_code",
]
