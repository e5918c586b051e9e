"""What is installed: the package alone, and what its metadata say of it."""

import json
from importlib import metadata
from pathlib import PurePosixPath

import pytest

DISTRIBUTION = metadata.distribution("hmmfilter")
IS_EDITABLE = json.loads(DISTRIBUTION.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable", False)


def test_what_it_needs():
    needed = [each for each in DISTRIBUTION.requires if "extra ==" not in each]
    assert sorted(each.split(">=")[0] for each in needed) == ["numba", "numpy", "scipy"]
    assert DISTRIBUTION.metadata["Requires-Python"] == ">=3.10"


def test_what_it_offers():
    offered = {(each.group, each.name): each.value for each in DISTRIBUTION.entry_points}
    assert offered == {
        ("console_scripts", "hmmfilter"): "hmmfilter.cli:main",
        ("numba_extensions", "init"): "hmmfilter.lse:_register_with_numba",
    }
    for each in DISTRIBUTION.entry_points:
        assert callable(each.load())


def test_the_licence_is_there():
    assert DISTRIBUTION.metadata["License-Expression"] == "BSD-3-Clause"
    (licence,) = (each for each in DISTRIBUTION.files if each.name == "LICENSE")
    assert licence.read_text().startswith("BSD 3-Clause License")


@pytest.mark.skipif(IS_EDITABLE, reason="the files are those of the clone")
def test_the_wheel_holds_the_package_alone():
    """And neither tests nor data; marked as typed."""
    held = [PurePosixPath(each) for each in DISTRIBUTION.files if "__pycache__" not in each.parts]
    package = [each for each in held if each.parts[0] == "hmmfilter"]
    others = {each.parts[0] for each in held} - {"hmmfilter", ".."}  # the command is beside Python
    assert others == {f"hmmfilter-{DISTRIBUTION.version}.dist-info"}
    assert {each.suffix for each in package} == {".py", ".typed"}
    assert PurePosixPath("hmmfilter/py.typed") in package
