"""The kernels: loops over time that write into arrays which they are given, and never refuse anything.

A wing of rooms, each with its subject, from the ground up: a room knows only rooms above it in this list.

    limits      thresholds, and why they are where they are
    lanes       the state in registers: tuples in Python, SIMD vectors in machine code
    numbers     sums and products of which no digit is lost
    wide        numbers with an exponent of their own; exponentials and logs
    columns     vectors in Python, number by number in machine code; logs of them
    densities   log-densities of observations
    reals       log-densities of real numbers with heavy tails
    angles      log-densities of angles
    binomials   log-probabilities of counts that are no plain Poisson ones
    predictors  linear predictors, to twice the digits
    amounts     those of numbers above 0, and of shares
    tallies     how much there is of each symbol, and how much is counted
    moments     weighted moments of observations
    coded       posteriors as they are stored
    tables      what a call brings: sequences, and the matrix that leads from row to row
    chain       a matrix made ready
    network     a chain of moves between nodes, made ready
    ages        sojourns whose lengths have distributions, forwards,
    futures     and backwards; how often they end at which age
    sojourns    the best path made of them, and paths at random
    update      the prediction and the LSE update, by which all sums over paths go
    products    powers of a matrix, to twice the digits
    block       likelihoods of a block of steps, for the fast steps
    sweep       the fast steps
    forward     filtering
    backward    smoothing
    abreast     steps of eight sequences side by side
    together    filtering and smoothing of many sequences
    pairs       two states, one after the other
    counts      how often one follows another, on average
    far_flows   moves of a network counted where doubles will not do
    flows       moves of a network counted
    doubles     both recursions by plain doubles
    expecting   what a fit asks of all steps, by these
    drawing     paths at random
    walking     paths drawn at random through a network
    scoring     log δ of Viterbi's recursion
    routes      the moves of a network, and log δ of its nodes
    stages      these of all steps, or block by block
    decoding    the best path
    retracing   the best path on a network
    surviving   the best paths to all states of a stream, and what they have in common
    marginals   the best path through each state
    n_best      the n best paths
    lse         log-sum-exp of vectors and rows
    naive       linear space, to compare with

Those of the recursions allocate nothing: their callers make room for them, by the functions named for it beside them.

Who reads the wing for the first time begins with the heads of `limits` and `lanes`, and with `update`, whose
`lse_update` is the recursion of the library; goes on to `wide`, the numbers that it works on, and to `sweep`, which
takes the same step faster where numbers lie near each other; and then sees both at work in `forward`.

Logs become probabilities by `exp_parts` in `wide`: log b a block at a time in `block`, for the fast steps, and a row at
a time in `lse_update`; log A in `chain`. Posteriors are divided by their sum in `sweep`, and by `store_posterior`.

`choosing` tells few states from many, and matrices from networks, when kernels are compiled. `fused` has the
interpreter's x y + z with one rounding, a fused multiply-add. What makes machine code of the rooms, and keeps it,
stands beside them: `compiling` has the decorators, `machine` what Numba does behind them, `linking` how what belongs
together becomes one piece of code, `instructions` what stands for `lanes`; `keeping` and `places` have the cache on
disk, and `offering` lends kernels to users' own compiled code.
"""
