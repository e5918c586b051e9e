"""Every check of what comes in, the words of every refusal, and the one gate through which arrays enter.

A gate returns C-ordered float64 that nobody can write to: one layout to compile for, and the caller's arrays are safe.
"""

from hmmfilter._checks.arrays import are_none, float_array
from hmmfilter._checks.batches import Batch, batch, tables_of
from hmmfilter._checks.beside import NamedTable, beside_of, joined_log_weights, needs_of, of_one_step
from hmmfilter._checks.block_tables import BlockChain, Moves, block_chain, block_of, blocks, rows_of
from hmmfilter._checks.channels import (
    Layout,
    blaming_part,
    by_channel,
    collapsing,
    collapsing_component,
    collapsing_mixture,
    drawable_mixture,
    guessed_layout,
    has_columns,
    kinds,
    layout,
    one_emission,
    options_of,
    parts,
    priors_by_part,
    same_observations,
    without_names,
)
from hmmfilter._checks.count_rows import count_rows, exposed_counts, trials
from hmmfilter._checks.covariances import CovarianceKind, definite_parts, normal_parameters, scale_matrices
from hmmfilter._checks.degrees import degrees
from hmmfilter._checks.discrete_estimators import (
    counts_alone,
    n_symbols_of_estimator,
    numbered_symbols,
    rates_of_estimator,
    single_column,
    single_trials,
    trials_of_estimator,
    worth_of_estimator,
)
from hmmfilter._checks.documents import (
    json_list,
    json_numbers,
    json_object,
    keys,
    kind_of_emission,
    making,
    model_document,
    no_constant,
    plain_document,
    registrable,
    storable_distribution,
    storable_emission,
    unique_keys,
)
from hmmfilter._checks.errors import (
    DegenerateFitError,
    EntryError,
    Impossible,
    ImpossibleEvidenceError,
    ImpossibleOrRestart,
    RaiseOrRestart,
    blaming,
    impossible_policy,
    possible_beginning,
    possible_evidence,
    refuse_by_key,
    refuse_collapse,
    refuse_half_a_step,
    shown,
    shown_name,
    told,
)
from hmmfilter._checks.estimators import (
    concentration_of_estimator,
    covariance_type_of_estimator,
    covariances_of_a_kind,
    covariances_of_estimator,
    covariances_of_mixtures,
    decoder,
    emission_of_estimator,
    model_of_estimator,
    no_emission,
    no_lengths_of_a_list,
    no_log_likelihoods,
    prior_of_estimator,
    prior_of_mixtures,
    rows_of_estimator,
    rows_of_means,
    rows_of_one_width,
    scales_of_estimator,
    state_of_estimator,
)
from hmmfilter._checks.evidence import is_of_this_library, log_likelihoods, one_after_the_other, sequences
from hmmfilter._checks.exchanges import (
    cannot_be_said,
    ends_add_up,
    has_parts,
    known_kind,
    plain_chain,
    same_rules,
    unknown_parameters,
)
from hmmfilter._checks.folds import (
    classes_of_sequences,
    cluster_count,
    lengths_of_list,
    list_of_sequences,
    sequence_lengths,
)
from hmmfilter._checks.guesses import (
    all_states_known,
    all_states_left,
    all_states_shown,
    emission_class,
    maker_of_transitions,
    options_taken,
    told_apart,
    vector_width,
)
from hmmfilter._checks.labels import (
    NO_LABELS,
    Labels,
    by_key,
    drawn_index,
    is_no_step,
    joined_index,
    keyed,
    labels_of,
)
from hmmfilter._checks.learning import (
    ObjectiveFellError,
    callback,
    free_initial,
    groups_agree,
    held_entries,
    known_states,
    learning_emission,
    objective_rises,
    prior_of_model,
    sequence_weights,
    something_observed,
    tied_entries,
    tolerance,
    whole_count,
)
from hmmfilter._checks.linear import epsilon, linear_chain, linear_likelihoods, naive_dtype
from hmmfilter._checks.observations import (
    PLAIN,
    drawn_observations,
    entries_of,
    finite_densities,
    holds_containers,
    is_missing,
    observations,
    observations_between,
    plain_number,
    plain_vector,
    whole_observations,
)
from hmmfilter._checks.orders import comparable, finite_moments, reorderable, state_order
from hmmfilter._checks.outputs import (
    destinations,
    drawable_sample,
    kept,
    place,
    row_labels,
    sequence_number,
    several,
    single_sequence,
    some_steps,
)
from hmmfilter._checks.parameters import (
    SUM_TOLERANCE,
    below_one,
    certain_state,
    chosen_states,
    distributions,
    drawable_rates,
    emission,
    end_probabilities,
    ends_surely,
    going_on,
    kept_states,
    moments,
    non_negative,
    one_matrix,
    path_of,
    positive,
    probabilities,
    real_parameters,
    representable,
    single_closed_class,
    state_names,
    states,
    stationary_word,
    transition_matrix,
)
from hmmfilter._checks.priors import (
    above,
    at_least_one,
    at_most_dimensions,
    fitting_parameter,
    fitting_prior,
    free_entries,
    no_prior,
    prior_of_kind,
    scale_of_covariances,
    square_for_diagonal,
    vector_or_rows,
)
from hmmfilter._checks.regressions import family_word, known_moments, order_of, refuse_endless, spread_around
from hmmfilter._checks.residuals import ResidualKind, has_sides, log_sides, residual_kind, steps_told_twice
from hmmfilter._checks.scipy_distributions import (
    all_of_one_kind,
    learning_distribution,
    log_densities,
    univariate_distributions,
)
from hmmfilter._checks.selections import (
    alike,
    fold_count,
    given_to,
    held_out,
    hmm,
    log_prior_of,
    models_by_name,
    some_fit,
)
from hmmfilter._checks.settings import (
    axes,
    compiler,
    fits_memory,
    flag,
    generator,
    lag,
    one_of,
    rows_ahead,
    simulated_lengths,
    state_counts,
    step_count,
    steps_ahead,
    workers,
)
from hmmfilter._checks.streams import (
    agreement,
    begun,
    decoder_snapshot,
    known_end,
    lagged_moves,
    lagged_rows,
    lagged_snapshot,
    may_restart,
    needs_no_more,
    observing,
    one_matrix_ahead,
    same_beginning,
    same_lag,
    stream_snapshot,
    with_memory,
    written_initial,
    written_memory,
    written_restarts,
)
from hmmfilter._checks.sums import in_order, log_probabilities_of, logs_to_subtract, lse_terms, temperature
from hmmfilter._checks.symbols import storable_symbols, symbol_numbers, symbols, symbols_of
from hmmfilter._checks.tables import (
    NO_INDEX,
    chain,
    chain_parameters,
    countable_by_matrix,
    joined_masks,
    log_potentials,
    log_row,
    mask_of,
    only_allowed,
    prediction,
    starts,
)
from hmmfilter._checks.transitions import (
    as_many_histories,
    chosen_covariates,
    columns_of,
    covariate_rows,
    gap_lengths,
    gaps,
    generator_of,
    given_index,
    higher_transition,
    joint_distribution,
    known_covariates,
    last_staying,
    matrices_known,
    matrix_names,
    moderate_gaps,
    numbers_of_matrices,
    odd_width,
    one_stationary,
    staying,
    time_unit,
    transition_coefficients,
    transition_matrices,
)
from hmmfilter._checks.uncertainty import at_the_top, confidence_level, derivatives, identified
from hmmfilter._checks.variational import (
    believed_numbers,
    believed_scales,
    concentrations,
    fitting_belief,
    no_beliefs,
    prior_concentrations,
)
