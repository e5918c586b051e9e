"""Workers that come and go: bits are the same for any number of them, whoever finishes first, and whoever is killed."""

import os
import signal
import time

import numpy as np
import pytest

import hmmfilter as hf
from tests.conftest import needs_compiled

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pd = pytest.importorskip("pandas")
hfd = pytest.importorskip("hmmfilter.dask")

pytestmark = needs_compiled  # the workers compute the same either way

MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
LENGTHS = np.random.default_rng(2).integers(20, 200, 40)
N_ITERATIONS = 3


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(1)
    return rng.poisson(np.where(np.arange(LENGTHS.sum()) // 25 % 2, 1.0, 6.0))


@pytest.fixture(scope="module")
def frame(tmp_path_factory, counts):
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pd.DataFrame({"id": np.repeat(np.arange(len(LENGTHS)), LENGTHS), "x": counts}).to_parquet(path, row_group_size=700)
    return hfd.from_parquet(path, steps_per_partition=500)


@pytest.fixture(scope="module")
def expected(frame):
    """What the threads of this process come to."""
    assert 9 <= frame.npartitions <= 20
    with dask.config.set(scheduler="sync"):
        return learnt(frame)


def learnt(frame, **options):
    fitted = hfd.fit(MODEL, frame, max_iterations=N_ITERATIONS, **options)
    statistics = hfd.expected_statistics(MODEL, frame)
    return [*fitted.history, *fitted.model.transition.ravel(), *fitted.model.emission.rate, statistics.log_likelihood]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(4)
        yield client


def some_workers(client, n_workers):
    """So many workers left, of those that there are."""
    client.wait_for_workers(n_workers)
    addresses = [*client.scheduler_info(n_workers=-1)["workers"]]
    client.retire_workers(addresses[n_workers:])


def waiting(part):
    """A partition that takes its time, the first ones the longest."""
    time.sleep(0.2 / (1 + int(part["id"].iloc[0])))
    return part


def killing(part, flag):
    """A partition whose first worker is killed, once: whoever takes the flag."""
    try:
        os.unlink(flag)
    except FileNotFoundError:
        return part
    os.kill(os.getpid(), signal.SIGKILL)


def test_four_workers(client, frame, expected, counts):
    assert learnt(frame) == expected
    answers = hfd.smooth(MODEL, frame).compute()
    np.testing.assert_array_equal(answers[["calm", "busy"]], MODEL.smooth(counts, lengths=LENGTHS).probabilities)


def test_whoever_finishes_first(client, frame, expected):
    assert learnt(frame.map_partitions(waiting, meta=frame._meta)) == expected


def test_a_worker_that_is_killed(client, frame, expected, tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    assert learnt(frame.map_partitions(killing, str(flag), meta=frame._meta)) == expected
    assert not flag.exists()


def test_a_worker_that_is_killed_between_iterations(client, frame, expected):
    pids = [*client.run(os.getpid).values()]

    def called(n, model, objective):
        if n == 2:
            os.kill(pids[0], signal.SIGKILL)

    assert learnt(frame, callback=called) == expected


def test_a_worker_that_is_killed_while_files_are_written(client, frame, tmp_path, counts):
    flag, folder = tmp_path / "flag", tmp_path / "answers"
    flag.touch()
    hfd.viterbi(MODEL, frame.map_partitions(killing, str(flag), meta=frame._meta)).to_parquet(folder)
    assert not flag.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["answers"]
    assert sorted(path.name for path in folder.iterdir()) == [f"part-{n:05}.parquet" for n in range(frame.npartitions)]
    path = MODEL.viterbi(counts, lengths=LENGTHS).path
    assert pd.read_parquet(folder)["state"].tolist() == [MODEL.state_names[k] for k in path]


def test_a_stream(client, counts):
    blocks = [dask.delayed(np.array)(block) for block in np.split(counts, [100, 1000])]
    found = np.concatenate([part.probabilities for part in hfd.filter_stream(MODEL, blocks)])
    np.testing.assert_array_equal(found, MODEL.filter(counts).probabilities)


@pytest.mark.parametrize("n_workers", [2, 1])
def test_fewer_workers(client, frame, expected, n_workers):
    some_workers(client, n_workers)
    assert learnt(frame) == expected


def test_a_task_that_kills_its_workers_is_named(client, cluster, frame):
    cluster.scheduler.allowed_failures = 0

    def deadly(part):
        if 7 in part["id"].to_numpy():
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    deadly_frame = frame.map_partitions(deadly, meta=frame._meta)
    (number,) = (n for n, chunk in enumerate(frame._chunks) if chunk.ids[0] <= 7 <= chunk.ids[1])
    with pytest.raises(hfd.LostWorkersError, match=rf"^partition {number}: the task ended its workers: ") as caught:
        hfd.fit(MODEL, deadly_frame)
    assert isinstance(caught.value.__cause__, distributed.KilledWorker)
