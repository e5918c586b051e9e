"""hmmlearn's own tests, as its wheel brings them, on our classes. All of them, with a seed:

python -m tests.sklearn.hmmlearn_tests 1
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
FILES = [
    "base",
    "categorical_hmm",
    "gaussian_hmm",
    "gmm_hmm",
    "gmm_hmm_multisequence",
    "gmm_hmm_new",
    "multinomial_hmm",
    "poisson_hmm",
    "variational_categorical",
    "variational_gaussian",
]
OF_C = "test_do_"  # of hmmlearn's compiled recursions
DIES = "test_underflow_from_scaling[scaling]"  # asserts that a fit dies, which ours does not


def outcomes(files, seed, chosen=""):
    """What became of each test: "passed", "failed", or "xfailed" where hmmlearn itself expects it to fail."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-c", f"{folder}/pytest.ini", f"--junitxml={report}"]
        command += ["-p", "no:cacheprovider", "-p", "tests.sklearn.in_place_of_hmmlearn", "-k", chosen]
        command += ["--pyargs", *(f"hmmlearn.tests.test_{file}" for file in files)]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "HMMLEARN_SEED": str(seed), "PYTHONPATH": paths}
        environment["OMP_NUM_THREADS"] = "1"  # for k-means, whose threads wait for each other most of the time
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert report.exists(), done.stdout + done.stderr
        cases = list(ElementTree.parse(report).iter("testcase"))
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case):
    kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return {"skipped": "xfailed"}.get(kinds[0], "failed") if kinds else "passed"


if __name__ == "__main__":
    for file in FILES:
        found = outcomes([file], int(sys.argv[1]))
        counts = Counter(found.values())
        failed = [name for name, outcome in found.items() if outcome == "failed"]
        print(f"{file:>24}", dict(counts), *failed, flush=True)
