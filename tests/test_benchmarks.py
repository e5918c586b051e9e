"""The benchmarks run; what they measure decides nothing here."""

from tests.benchmarks import lse


def test_the_log_sum_exp_tables(capsys):
    lse.main(["--quick"])
    printed = capsys.readouterr().out
    assert "times SciPy's" in printed
    assert "| equal, weights 0.1, n = 1000 |" in printed
