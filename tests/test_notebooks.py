"""Every notebook runs, shows what is stored of it, and is fit for a page and for Colab."""

import json
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

from tests import notebooks, pages
from tests.conftest import needs_compiled
from tests.files import ROOT, earthquakes

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

STORED = notebooks.stored()
MOST_BYTES = 300_000  # of a file


@pytest.fixture(params=STORED, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A folder of all notebooks, run in a process of its own."""
    folder = tmp_path_factory.mktemp("notebooks")
    subprocess.run([sys.executable, "-m", "tests.notebooks", "--into", str(folder)], cwd=ROOT, check=True)
    return folder


def said(notebook):
    """The text that each cell shows, and the kinds of all else."""
    return [
        [
            (output.output_type, pages.without_counts(output.text))
            if output.output_type == "stream"
            else (output.output_type, pages.without_counts(output.data.get("text/plain", "")), sorted(output.data))
            for output in cell.outputs
        ]
        for cell in notebooks.code_cells(notebook)
    ]


@needs_compiled  # in a kernel of its own, compiled in any case: once is enough
def test_it_shows_what_is_stored_of_it(path, fresh):
    assert said(notebooks.read(path)) == said(notebooks.read(fresh / path.name))


def test_it_is_as_it_was_written(path, tmp_path):
    """With every cell run from first to last, without warnings, and with nothing in it that no page shows."""
    notebooks.write(notebooks.read(path), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert path.stat().st_size < MOST_BYTES
    cells = notebooks.code_cells(notebooks.read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert "stderr" not in {output.get("name") for output in outputs}
    assert notebooks.WIDGET not in json.dumps(outputs)


def test_its_first_cell_installs(path):
    first = notebooks.code_cells(notebooks.read(path))[0]
    assert first.source.startswith(notebooks.INSTALL.split("%pip")[0])
    assert first.outputs == []


def test_the_gallery_leads_to_it(path):
    gallery = (notebooks.EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"[`{path.name}`]({path.name})" in gallery


def test_its_links_lead_somewhere(path):
    words = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)#]+)", words) if not link.startswith("https://")]
    assert not [link for link in links if not (path.parent / link).exists()]


def test_the_lesson_is_that_of_its_page():
    stored, made = notebooks.read(notebooks.EXAMPLES / "lesson.ipynb"), notebooks.lesson()
    assert [(cell.cell_type, cell.source) for cell in stored.cells] == [
        (cell.cell_type, cell.source) for cell in made.cells
    ]


def test_the_notebook_of_the_lesson_says_what_its_page_says():
    """The text below each block is the output of its cell."""
    page = (notebooks.EXAMPLES / "lesson.md").read_text(encoding="utf-8")
    _, *cells = notebooks.code_cells(notebooks.read(notebooks.EXAMPLES / "lesson.ipynb"))
    shown = [["".join(output.get("text", "")) for output in cell.outputs] for cell in cells]
    assert [text for text in shown if text != [""]] == [[text] for text in pages.fenced(page, "text")]
    assert shown.count([""]) == page.count("\n![")  # a picture


def test_it_takes_ten_cells_from_the_data_to_a_model():
    """And the data that it writes out are those of the file."""
    cells = notebooks.code_cells(notebooks.read(notebooks.EXAMPLES / "start.ipynb"))
    assert len(cells) == 10
    names = {}
    exec(cells[1].source, names)
    years, counts = earthquakes()
    assert names["quakes"].index.tolist() == years
    assert names["quakes"]["earthquakes"].tolist() == counts


@needs_compiled
def test_what_the_sliders_turn_can_be_turned(monkeypatch):
    """From end to end; what goes wrong behind a widget would show nowhere."""
    monkeypatch.setattr(plt, "show", lambda: None)
    names = {}
    for cell in notebooks.code_cells(notebooks.read(notebooks.EXAMPLES / "sliders.ipynb"))[1:]:
        before_the_widget, *widget = cell.source.split("\ntry:")
        exec(before_the_widget, names)
        assert all("interact(" in line for line in widget)
    for tau in (10**-2.5, 10**0.3):
        names["turn"](tau)
    assert " 0 states" in plt.figure(plt.get_fignums()[-2]).axes[0].get_title(loc="left")
    for rolls, faces in ((1, 3), (500, 100)):
        names["live"](rolls, faces)
    said = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert [words.endswith("0/0") for words in said] == [False, True, True]
