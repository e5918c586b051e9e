"""Files are written whole or not at all: whatever ends a run early leaves what was there before."""

import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import plotting, storage
from hmmfilter._files import is_replaceable, written_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions, links and pipes of POSIX")


def write(path, content=b"new"):
    with written_whole(path) as file:
        file.write(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("before", [None, b"what was there before"], ids=["new", "there"])
def test_the_name_gets_the_content_when_all_is_written(tmp_path, before):
    path = tmp_path / "output.csv"
    if before is not None:
        path.write_bytes(before)
    with written_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert (path.read_bytes() if path.exists() else None) == before
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["output.csv"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("before", [None, b"what was there before"], ids=["new", "there"])
def test_a_failed_run_leaves_what_was_there(tmp_path, before, error):
    path = tmp_path / "output.csv"
    if before is not None:
        path.write_bytes(before)

    def content():
        yield b"half of it"
        raise error

    with pytest.raises(error), written_whole(path) as file:
        file.writelines(content())
    assert names(tmp_path) == ([] if before is None else ["output.csv"])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_named_with_the_file_and_leaves_what_was_there(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "output.csv"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert (names(tmp_path), path.read_bytes()) == (["output.csv"], b"before")


@posix
def test_an_output_that_is_too_large_is_named_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "output.csv"
    path.write_bytes(b"before")
    code = (
        "import resource, sys\n"
        "from hmmfilter._files import written_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "with written_whole(sys.argv[1]) as file:\n"
        "    file.write(bytes(10**6))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert f"File too large: '{path}'" in done.stderr
    assert (names(tmp_path), path.read_bytes()) == (["output.csv"], b"before")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o755])
def test_permissions_are_kept(tmp_path, mode):
    path = tmp_path / "output.csv"
    path.write_bytes(b"before")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_a_new_file_has_the_permissions_that_any_has(tmp_path):
    write(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_link_leads_to_the_file_that_is_replaced(tmp_path, there):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    if there:
        (folder / "target").write_bytes(b"before")
    link.symlink_to("middle")
    (tmp_path / "middle").symlink_to(folder / "target")
    write(link)
    assert link.is_symlink()
    assert names(folder) == ["target"]
    assert (folder / "target").read_bytes() == b"new"


def test_a_name_as_long_as_names_may_be(tmp_path):
    write(tmp_path / ("x" * 250))
    assert (tmp_path / ("x" * 250)).read_bytes() == b"new"


def test_the_folder_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("output.csv")
    assert names(tmp_path) == ["output.csv"]


@pytest.mark.parametrize("path", ["", "folder/", "none/"])
def test_what_names_no_file_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="must be the name of a file"):
        write(path)
    assert names(tmp_path) == ["folder"]


@posix
def test_a_folder_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(IsADirectoryError, match="Is a directory") as caught:
        write(tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_a_folder_that_does_not_exist_is_named_as_it_was_given(tmp_path):
    path = tmp_path / "no" / "such.csv"
    with pytest.raises(FileNotFoundError) as caught:
        write(path)
    assert caught.value.filename == str(path)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is protected from root")
def test_a_protected_file_is_refused(tmp_path):
    path = tmp_path / "output.csv"
    path.write_bytes(b"before")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write(path)
    assert path.read_bytes() == b"before"


@posix
def test_what_cannot_be_replaced_is_written_through(tmp_path):
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join()
    assert got == [b"new"]
    assert names(tmp_path) == ["pipe"]


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
@pytest.mark.parametrize("is_file", [True, False], ids=["file", "pipe"])
def test_standard_output_by_its_name(tmp_path, name, is_file):
    code = f"from hmmfilter._files import written_whole\nwith written_whole({name!r}) as file: file.write(b'new')"
    output = tmp_path / "output"
    if is_file:
        with open(output, "wb") as file:
            node = os.fstat(file.fileno()).st_ino
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        assert (output.stat().st_ino, output.read_bytes()) == (node, b"new")
    else:
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"new"


@pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="no files that are none")
def test_what_is_no_file_on_a_disk_is_written_through():
    """No other file could stand beside it."""
    assert not is_replaceable("/proc/self/comm")


@posix
def test_a_file_that_is_open_is_written_through(tmp_path):
    with open(tmp_path / "output", "wb") as file:
        assert is_replaceable(str(tmp_path / "output"))
        write(f"/dev/fd/{file.fileno()}")
        assert os.fstat(file.fileno()).st_size == len(b"new")


def test_a_model_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    model, path = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0])), tmp_path / "model.json"
    model.to_json(path)
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.to_json(path)
    assert (names(tmp_path), path.read_bytes()) == (["model.json"], before)
    assert storage.read(path)["initial"] == [1.0]


def test_a_picture_that_cannot_be_drawn_leaves_the_one_before(tmp_path):
    path = tmp_path / "picture.docx"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="Format 'docx' is not supported"):
        plotting.save_descents({"exact": np.array([-1.0, -2.0])}, str(path))
    assert (names(tmp_path), path.read_bytes()) == (["picture.docx"], b"before")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("b", b"\x89PNG"), ("c.svg", b"<?xml")])
def test_the_end_of_a_name_is_the_format_of_a_picture(tmp_path, name, start):
    plotting.save_descents({"exact": np.array([-1.0, -2.0])}, str(tmp_path / name))
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes().startswith(start)
