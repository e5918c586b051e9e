"""Where machine code is kept, that what is found there is not out of date, and what becomes of calls without it."""

import compileall
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from numba.core.registry import CPUDispatcher

import hmmfilter
from hmmfilter._kernels import keeping, places
from tests.test_architecture import CONTRACT

PACKAGE = Path(hmmfilter.__file__).parent
WING = PACKAGE / "_kernels"
NOT_KEPT = (
    "machine code is not kept, as {}: each process compiles it again, which takes seconds. Set NUMBA_CACHE_DIR to a "
    "directory that can be written to, and that nobody else can write to"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache that is empty, and nothing said about it yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    keeping.said.clear()
    yield places.places()[0]
    keeping.said.clear()


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """The two places that there are without a named one: beside the kernels, and at the user's."""
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "wing").mkdir()
    monkeypatch.setattr(places, "FOLDER", str(tmp_path / "wing"))
    return places.places()


def twice(x):
    return 2 * x


def first_of(pair):
    return pair.x


def new_process(kernel=twice):
    """A kernel as a process has it that has just begun."""
    dispatcher = CPUDispatcher(kernel, targetoptions={"nopython": True})
    dispatcher._cache = keeping.Kept(kernel)
    return dispatcher


def was_found(dispatcher):
    return sum(dispatcher.stats.cache_hits.values()) > 0


# Places and names


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x"),
        ("linux", {}, "/home/me/.cache"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/me/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("win32", {}, "/home/me/AppData/Local"),
    ],
)
def test_places(monkeypatch, platform, variables, folder):
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)
    first, second = places.places()
    assert first == str(WING / "__pycache__")
    assert os.path.dirname(second) == folder


def test_the_named_place_is_the_only_one(tmp_path):
    (place,) = places.places()
    assert os.path.dirname(place) == str(tmp_path / "cache")
    assert new_process().stats.cache_path == place


def test_who_has_no_home_has_no_place_there(beside, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert places.places() == beside[:1]


def test_two_installations_share_a_folder_and_no_files(monkeypatch):
    before = places.places()
    monkeypatch.setattr(places, "FOLDER", "elsewhere")
    assert places.places() != before


def test_versions_of_packages_without_metadata():
    assert places.version_of("numba") == importlib.import_module("numba").__version__
    sys.modules["toy_package"] = type("Toy", (), {"__version__": "1.5"})
    assert places.version_of("toy_package") == "1.5"
    del sys.modules["toy_package"]


def test_what_is_kept_is_told_without_asking_for_it(monkeypatch):
    assert not places.is_kept("twice")
    new_process()(3)
    assert places.is_kept("twice")
    assert not places.is_kept("twic")
    for of_others in ("SOURCES", "VERSIONS"):
        with monkeypatch.context() as patch:
            patch.setattr(places, of_others, "another")
            assert not places.is_kept("twice")


def test_what_is_kept_is_told_without_numba(cache):
    new_process()(3)
    code = "import sys; from hmmfilter._kernels.places import is_kept; print(is_kept('twice'), 'numba' in sys.modules)"
    assert run(["-c", code]) == "True False\n"


def test_the_digest_knows_all_that_kernels_are_made_from():
    """All rooms of the wing, and the rooms that those import, which import none themselves."""
    texts = list(places.sources())
    known = {name.decode(): text for name, text in zip(texts[::2], texts[1::2], strict=True)}
    outside = [f"{room}.py" for room in CONTRACT["_kernels"]]
    assert known == {file.name: file.read_bytes() for file in (*WING.glob("*.py"), *map(PACKAGE.joinpath, outside))}
    assert not any(CONTRACT[room] for room in CONTRACT["_kernels"])


# Files


def test_machine_code_is_found_by_the_next_process(cache):
    first, second = new_process(), new_process()
    assert first(3) == second(3) == 6
    assert (was_found(first), was_found(second)) == (False, True)
    assert second(3.5) == 7.0
    assert len(os.listdir(cache)) == 2  # a file for each signature


def cut(content):
    return content[: len(content) // 2]


def turn_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, turn_a_bit, lambda _: b"", lambda content: bytes(len(content))])
def test_a_damaged_file_is_discarded_and_written_anew(cache, damage):
    new_process()(3)
    (file,) = Path(cache).iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert places.read(file.name) is None
    assert not file.exists()
    after, last = new_process(), new_process()
    assert after(3) == last(3) == 6
    assert (was_found(after), was_found(last)) == (False, True)


def test_code_that_numba_cannot_read_is_written_anew(cache):
    new_process()(3)
    (file,) = Path(cache).iterdir()
    places.write(file.name, b"no machine code")
    after, last = new_process(), new_process()
    assert after(3) == last(3) == 6
    assert (was_found(after), was_found(last)) == (False, True)


def test_all_places_are_read_and_the_first_that_can_be_is_written_to(beside):
    first, second = beside
    Path(first).write_text("a file, so that it is no directory")
    assert places.write("in the second", b"code") == ""
    os.unlink(first)
    assert places.write("in the first", b"code") == ""
    assert (os.listdir(first), os.listdir(second)) == (["in the first"], ["in the second"])
    assert places.read("in the first") == places.read("in the second") == b"code"
    assert places.read("in none") is None


def test_a_filled_place_is_read_where_it_cannot_be_written_to(beside, monkeypatch):
    """As in an image: root filled it, and somebody else looks for machine code."""
    new_process()(3)
    put = places.put

    def put_elsewhere(place, *file):
        return "it is read-only" if place == beside[0] else put(place, *file)

    monkeypatch.setattr(places, "put", put_elsewhere)
    assert was_found(dispatcher := new_process()) == (dispatcher(3) != 6)
    assert was_found(dispatcher)
    assert dispatcher(3.5) == 7.0
    assert [len(os.listdir(place)) for place in beside] == [1, 1]


def test_everybody_may_read_what_is_kept(cache):
    before = os.umask(0o022)
    places.write("name", b"code")
    os.umask(before)
    if os.name == "posix":
        assert Path(cache, "name").stat().st_mode & 0o777 == 0o644


def test_without_a_place_one_warning_says_how_to_give_one(beside):
    for place in beside:
        Path(place).parent.mkdir(exist_ok=True)
        Path(place).write_text("a file, so that it is no directory")
    dispatcher = new_process()
    with pytest.warns(RuntimeWarning) as caught:
        assert (dispatcher(3), dispatcher(3.5)) == (6, 7.0)
    reason = f"it cannot be written to {beside[0]} (File exists)"
    assert [str(each.message) for each in caught] == [NOT_KEPT.format(reason)]


def test_a_full_disk_stops_no_call(cache, monkeypatch):
    def fill(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fill)
    dispatcher = new_process()
    with pytest.warns(RuntimeWarning, match="No space left on device") as caught:
        assert (dispatcher(3), dispatcher(3.5)) == (6, 7.0)
    assert len(caught) == 1
    assert os.listdir(cache) == []


def test_another_numba_costs_time_only(monkeypatch):
    monkeypatch.delattr("numba.core.serialize.dumps")
    with pytest.warns(RuntimeWarning, match="Numba does not give it away"):
        assert new_process()(3) == 6


def test_compiling_again_compiles_again():
    dispatcher = new_process()
    dispatcher(3)
    dispatcher.recompile()
    assert dispatcher(3) == 6


def test_files_of_other_sources_are_removed_and_others_stay(cache, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(places, "SOURCES", "older")
        places.write(places.file_name("kernel", "key"), b"code")
        patch.setattr(places, "VERSIONS", "others")
        places.write(places.file_name("kernel", "key"), b"code")
    with monkeypatch.context() as patch:
        patch.setattr(places, "VERSIONS", "others")
        of_other_versions = places.file_name("kernel", "key")
        places.write(of_other_versions, b"code")
    Path(cache, "rooms.cpython-311.pyc").touch()
    name = places.file_name("kernel", "key")
    places.write(name, b"code")
    assert sorted(os.listdir(cache)) == sorted([name, of_other_versions, "rooms.cpython-311.pyc"])


# A package of two kernels in two rooms, compiled and kept as the wing is

HELPER = (
    "from .machine import apart, compiled\n\n\n@compiled\ndef add(x):\n    return x + {}\n\n\n"
    "@apart\ndef step(x):\n    return add(x)\n"
)
CALLER = (
    "from .helper import step\nfrom .machine import compiled\n\n\n@compiled\ndef twice(x):\n    return 2.0 * step(x)\n"
)
CALL = "import sys; sys.path[0] = sys.argv[1]; from toy._kernels.caller import twice\n"
TELL = "print(twice(3.0), 'found' if sum(twice.stats.cache_hits.values()) else 'compiled')"


def run(arguments):
    """What a new process says, which writes no bytecode: Python's own goes by times and sizes of files."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_DISABLE_JIT": "0"}
    start = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(start, check=True, env=environment, capture_output=True, text=True).stdout


@pytest.fixture
def toy(tmp_path):
    wing = tmp_path / "toy" / "_kernels"
    wing.mkdir(parents=True)
    for room in ("machine", "linking", "keeping", "places"):
        shutil.copy(WING / f"{room}.py", wing)
    for name in places.OUTSIDE:
        shutil.copy(PACKAGE / name, wing.parent)
    for folder in (wing.parent, wing):
        (folder / "__init__.py").touch()
    (wing / "helper.py").write_text(HELPER.format("1.0"))
    (wing / "caller.py").write_text(CALLER)
    return wing


def call(folder):
    return run(["-c", CALL + TELL, str(folder)]).split()


def test_a_change_in_a_helpers_file_recompiles_its_callers(toy, tmp_path):
    helper = toy / "helper.py"
    assert call(tmp_path) == ["8.0", "compiled"]
    assert call(tmp_path) == ["8.0", "found"]
    before = helper.stat()
    os.utime(helper, (before.st_atime, before.st_mtime + 10))
    assert call(tmp_path) == ["8.0", "found"]
    helper.write_text(HELPER.format("2.0"))
    os.utime(helper, (before.st_atime, before.st_mtime))  # of the same size, in the same second
    assert call(tmp_path) == ["10.0", "compiled"]
    assert call(tmp_path) == ["10.0", "found"]


@pytest.mark.parametrize("damage", [os.unlink, lambda file: os.truncate(file, 99)])
def test_a_part_that_is_gone_is_made_again(toy, tmp_path, cache, damage):
    """What is apart has a file of its own, which others need."""
    assert call(tmp_path) == ["8.0", "compiled"]
    (file,) = Path(cache).parent.glob("*/apartstep.*")
    damage(file)
    assert call(tmp_path) == ["8.0", "found"]
    assert file.stat().st_size > 99


def test_sources_that_change_after_the_import_are_not_those_of_the_kernels(toy, tmp_path):
    change = f"open({str(toy / 'helper.py')!r}, 'w').write({HELPER.format('2.0')!r})\n"
    assert run(["-c", CALL + change + TELL, str(tmp_path)]).split() == ["8.0", "compiled"]
    assert call(tmp_path) == ["10.0", "compiled"]


def test_four_processes_that_begin_at_once(toy, tmp_path):
    start = [sys.executable, "-W", "error", "-c", CALL + "input(); print(twice(eval(sys.argv[2])))", str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    answers = {"3.0": "8.0", "3": "8.0", "3j": "(2+6j)"}
    processes = {x: subprocess.Popen([*start, x], env=environment, **pipes) for x in (*answers, " 3.0")}
    for process in processes.values():
        process.stdin.write("\n")
        process.stdin.flush()
    for x, process in processes.items():
        assert process.communicate()[0].strip() == answers[x.strip()]
    for x, answer in answers.items():
        assert run(["-c", CALL + TELL.replace("3.0", x), str(tmp_path)]).split() == [answer, "found"]


def test_an_archive_has_a_place_at_the_users(toy, tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for addend, answer in (("1.0", "8.0"), ("2.0", "10.0")):
        (toy / "helper.py").write_text(HELPER.format(addend))
        with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
            for file in toy.parent.rglob("*.py"):
                archive.write(file, file.relative_to(tmp_path))
        assert call(tmp_path / "toy.zip") == [answer, "compiled"]
        assert call(tmp_path / "toy.zip") == [answer, "found"]


def test_kernels_without_their_sources_are_not_kept(toy, tmp_path, monkeypatch):
    compileall.compile_dir(toy, quiet=1, legacy=True)
    for source in toy.glob("*.py"):
        source.unlink()
    done = run(
        ["-W", "default", "-c", CALL + TELL, str(tmp_path)],
    )
    assert done.split() == ["8.0", "compiled"]
    monkeypatch.setattr(places, "FOLDER", str(toy))
    assert places.digest_of_sources() == ""
    monkeypatch.setattr(places, "SOURCES", "")
    assert places.write("name", b"code") == "the sources of the kernels cannot be read"
    assert new_process().stats.cache_path is None


def test_code_under_anothers_name_is_not_found():
    (place,) = places.places()
    assert places.write("one", b"code") == ""
    (Path(place) / "other").write_bytes((Path(place) / "one").read_bytes())
    assert places.read("one") == b"code"
    assert places.read("other") is None
    assert not (Path(place) / "other").exists()


def test_a_warning_that_is_an_error_fails_one_call(monkeypatch):
    monkeypatch.setattr(keeping, "write", lambda *_: "there is no place")
    with pytest.raises(RuntimeWarning, match="there is no place"):
        new_process()(3)
    assert new_process()(3) == 6


class Pair(NamedTuple):
    x: int
    y: int


class Namesake(NamedTuple):
    x: int
    y: int


Namesake.__name__ = "Pair"


def test_named_tuples_of_one_name_do_not_get_each_others_code():
    """Numba prints their types alike."""
    assert new_process(first_of)(Pair(1, 2)) == 1
    kernel = new_process(first_of)
    assert kernel(Namesake(3, 4)) == 3
    assert not was_found(kernel)
    assert kernel.signatures[0][0].instance_class is Namesake
