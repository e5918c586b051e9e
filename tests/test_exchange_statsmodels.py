"""Results of statsmodels: theirs and ours say the same of their data, also where what is shown depends on runs."""

from types import SimpleNamespace as Namespace

import numpy as np
import pytest

import hmmfilter as hf

regime_switching = pytest.importorskip("statsmodels.tsa.api")
Regression, Autoregression = regime_switching.MarkovRegression, regime_switching.MarkovAutoregression

ROUNDING = {"rtol": 1e-11, "atol": 1e-12}
RNG = np.random.default_rng(0)
T = 40
Y = np.concatenate([RNG.normal(0, 1, T // 2), RNG.normal(3, 0.5, T // 2)])
EXOG, TVTP = RNG.normal(size=(T, 2)), np.column_stack([np.full(T, 2.0), RNG.normal(size=T)])


def a_step_before(rows):
    """What leads to a step, beside the one that it leads from; what leads on from the last is not asked for."""
    return np.concatenate([rows[1:], rows[-1:]])[:, 1:]


def with_those_before(rows, order):
    shifted = [np.concatenate([np.zeros((lag, rows.shape[1])), rows[: T - lag]]) for lag in range(order + 1)]
    return np.column_stack(shifted)


VARYING = {"exog_tvtp": TVTP}
CASES = {  # the class, its arguments, the covariates of its model here, the emission, and how many states
    "constant": (Regression, {"k_regimes": 2}, None, "Gaussian", 2),
    "no trend": (Regression, {"k_regimes": 3, "trend": "n", "switching_variance": True}, None, "Gaussian", 3),
    "exog": (
        Regression,
        {"k_regimes": 2, "trend": "ct", "exog": EXOG, "switching_exog": [True, False]},
        np.column_stack([np.arange(1, T + 1), EXOG]),
        "Regression",
        2,
    ),
    "exog alone": (Regression, {"k_regimes": 2, "trend": "n", "exog": EXOG}, EXOG, "Regression", 2),
    "varying": (Regression, {"k_regimes": 3, **VARYING}, a_step_before(TVTP), "Gaussian", 3),
    "varying by nothing": (Regression, {"k_regimes": 2, "exog_tvtp": TVTP[:, :1]}, None, "Gaussian", 2),
    "varying, exog": (
        Regression,
        {"k_regimes": 2, "exog": EXOG, **VARYING},
        np.column_stack([EXOG, a_step_before(TVTP)]),
        "Regression",
        2,
    ),
    "order 1": (Autoregression, {"k_regimes": 2, "order": 1, "switching_variance": True}, None, "Autoregressive", 4),
    "order 2": (Autoregression, {"k_regimes": 3, "order": 2, "switching_ar": False}, None, "Autoregressive", 27),
    "one mean": (Autoregression, {"k_regimes": 2, "order": 2, "switching_trend": False}, None, "Autoregressive", 2),
    "order 2, exog": (
        Autoregression,
        {"k_regimes": 2, "order": 2, "exog": EXOG},
        with_those_before(EXOG, 2),
        "Autoregressive",
        8,
    ),
    "one mean, varying": (
        Autoregression,
        {"k_regimes": 2, "order": 1, "switching_trend": False, "exog": EXOG, **VARYING},
        np.column_stack([with_those_before(EXOG, 1), a_step_before(TVTP)]),
        "Autoregressive",
        2,
    ),
}


def result_of(kind, arguments, known=None):
    """A result of parameters that nothing was fitted to."""
    switching = kind(Y, **arguments)
    if known is not None:
        switching.initialize_known(known)
    rng, params = np.random.default_rng(1), np.array(switching.start_params, dtype=float)
    params += rng.uniform(0.05, 0.2, len(params))
    if not switching.tvtp:
        columns = rng.dirichlet(np.full(switching.k_regimes, 2.0), switching.k_regimes).T
        params[switching.parameters["regime_transition"]] = columns[:-1].ravel()
    return switching.smooth(params)


def agree(result, model, covariates):
    n_regimes, n = result.model.k_regimes, result.model.nobs

    def of_regimes(table):
        return table.probabilities.reshape(T, n_regimes, -1).sum(axis=2)[-n:]

    smoothed, filtered = model.smooth(Y, covariates=covariates), model.filter(Y, covariates=covariates)
    np.testing.assert_allclose(of_regimes(smoothed), result.smoothed_marginal_probabilities, **ROUNDING)
    np.testing.assert_allclose(of_regimes(filtered), result.filtered_marginal_probabilities, **ROUNDING)
    np.testing.assert_allclose(smoothed.log_likelihood, result.llf, **ROUNDING)


@pytest.mark.parametrize("case", CASES)
def test_both_say_the_same(case):
    kind, arguments, covariates, emission, n_states = CASES[case]
    result = result_of(kind, arguments)
    model = hf.from_statsmodels(result)
    assert (type(model.emission).__name__, model.n_states) == (emission, n_states)
    agree(result, model, covariates)


@pytest.mark.parametrize("case", ["no trend", "varying", "order 2"])
def test_known_beginnings_are_moved_on(case):
    """They are those of a time before the first observation."""
    kind, arguments, covariates, *_ = CASES[case]
    result = result_of(kind, arguments, known=[0.7, 0.2, 0.1])
    agree(result, hf.from_statsmodels(result), covariates)


def test_a_fit_of_a_series():
    pd = pytest.importorskip("pandas")
    series = pd.Series(Y, index=pd.date_range("2024-01-01", periods=T, freq="D"))
    result = Regression(series, 2, switching_variance=True).fit(maxiter=20)
    agree(result, hf.from_statsmodels(result), None)


def test_frames_beside_a_series():
    pd = pytest.importorskip("pandas")
    switching = Regression(pd.Series(Y), 2, trend="n", exog=pd.DataFrame(EXOG), exog_tvtp=pd.DataFrame(TVTP))
    result = switching.smooth(switching.start_params + 0.1)
    agree(result, hf.from_statsmodels(result), np.column_stack([EXOG, a_step_before(TVTP)]))


def test_names_of_regimes():
    one, runs = (result_of(*CASES[case][:2]) for case in ("constant", "order 1"))
    assert hf.from_statsmodels(one, ["slump", "boom"]).state_names == ("slump", "boom")
    named = hf.from_statsmodels(runs, ["slump", "boom"])
    assert named.state_names == ("slump slump", "boom slump", "slump boom", "boom boom")


def test_what_is_no_result_is_refused():
    give = "give what fit, smooth or filter of a MarkovRegression or a MarkovAutoregression returns"
    with pytest.raises(TypeError) as caught:
        hf.from_statsmodels(Regression(Y, 2))
    assert str(caught.value) == f"result must have model, got MarkovRegression without it: {give}"
    with pytest.raises(TypeError) as caught:
        hf.from_statsmodels(Namespace(model=3, params=[1.0], initial_probabilities=[1.0]))
    assert str(caught.value) == f"result.model must have k_regimes, got int without it: {give}"


def test_runs_and_varying_transitions_do_not_go_together():
    with pytest.raises(ValueError, match="cannot say") as caught:
        hf.from_statsmodels(result_of(Autoregression, {"k_regimes": 2, "order": 1, **VARYING}))
    assert str(caught.value) == (
        "hmmfilter cannot say an autoregression whose mean switches and whose transitions vary: let its mean be the "
        "same in all regimes, switching_trend=False"
    )


def test_a_variance_of_an_earlier_regime_is_refused():
    """Of order 2 or more, statsmodels' own densities have the variance of the regime before, and not that of now."""
    arguments = {"k_regimes": 2, "order": 2, "switching_variance": True, "trend": "n", "switching_ar": False}
    switching = Autoregression(Y, **arguments)
    params = np.array([0.9, 0.2, 1.0, 100.0, 0.0, 0.0])
    assert switching.param_names[2:4] == ["sigma2[0]", "sigma2[1]"]
    by_regimes = switching._conditional_loglikelihoods(params)  # [now, one before, two before, time]
    np.testing.assert_array_equal(by_regimes[0, 0], by_regimes[1, 0])
    assert (by_regimes[0, 0] != by_regimes[0, 1]).all()
    with pytest.raises(ValueError, match="cannot say a variance that switches in an autoregression of order 2: statsm"):
        hf.from_statsmodels(switching.smooth(params))
