"""The notebooks beside the examples: made, run, and kept with what they show.

    python -m tests.notebooks [NAME ...] [--into FOLDER]

runs all of examples/*.ipynb, or those named (`start`, `lesson`), one after the other in one kernel, and writes them
with their outputs, in place or into a folder. `lesson.ipynb` is made anew from `lesson.md`, which is its source; the
others are their own source, and their cells are edited in Jupyter, or begin as a page: `from_page(text)` makes a
notebook of Markdown, with a cell for each section and for each block of Python.

A notebook finds no files of this repository, as on Colab: it runs in an empty folder. Pictures are kept in a few
colours, and widgets not at all: beside a cell that shows one stands a cell that shows a picture.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import tempfile
from pathlib import Path

from tests.files import ROOT

EXAMPLES = ROOT / "examples"
PICTURE = "image/png"
N_COLORS = 128
WIDGET = "application/vnd.jupyter.widget-view+json"
SURROUNDINGS = {"HMMFILTER_QUIET": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
OPTIONS = {"timeout": 600, "coalesce_streams": True}

INSTALL = """\
# Installs where it is missing, as on Colab; nothing happens where it is not.
import importlib.util

if importlib.util.find_spec("hmmfilter") is None:
    %pip install --quiet "hmmfilter[pandas,plot]"
"""

# What draws a picture of a page in its notebook, which has no files beside it.
DRAWN = {
    "underflow.png": """\
import matplotlib.pyplot as plt

from hmmfilter import plotting, underflow

fall = underflow.roll(500, seed=7).log10_likelihoods()
plotting.draw_descents(fall, plt.figure(figsize=(9, 5), layout="constrained").add_subplot())"""
}


def stored() -> list[Path]:
    """All notebooks beside the examples."""
    return sorted(EXAMPLES.glob("*.ipynb"))


def read(path: Path):
    """A notebook in the format that all of them have."""
    import nbformat

    return nbformat.read(path, as_version=4)


def code_cells(notebook) -> list:
    """The cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def write(notebook, path: Path) -> None:
    """Store a notebook, its cells numbered, and with nothing beside them that changes from run to run."""
    import nbformat

    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def from_page(page: str):
    """Make a notebook of a page: the cell that installs comes after what stands before the first section.

    What a block prints, the block of text below it, is left out: it is the output of the cell. A picture becomes the
    cell that draws it.
    """
    from nbformat import v4

    page = re.sub(r"^```text\n.*?^```\n", "", page, flags=re.DOTALL | re.MULTILINE)
    page = re.sub(r"^!\[.*\]\((.*)\)$", lambda link: f"```python\n{DRAWN[link[1]]}\n```", page, flags=re.MULTILINE)
    cells = []
    for part in re.split(r"(^```python\n.*?^```$)|^(?=## )", page, flags=re.DOTALL | re.MULTILINE):
        text = (part or "").strip()
        if text.startswith("```python"):
            cells.append(v4.new_code_cell(text.removeprefix("```python").removesuffix("```").strip()))
        elif text:
            cells.append(v4.new_markdown_cell(text))
    cells.insert(1, v4.new_code_cell(INSTALL.strip()))
    return v4.new_notebook(cells=cells)


def lesson():
    """The notebook of the lesson."""
    return from_page((EXAMPLES / "lesson.md").read_text(encoding="utf-8"))


def run(notebooks: list) -> None:
    """Run notebooks, each with a namespace of its own, in a single kernel: what takes time is to start one."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import KernelManager
    from nbclient import NotebookClient
    from nbformat import v4

    forget = v4.new_notebook(cells=[v4.new_code_cell("%reset -f")])
    this_python = KernelSpecManager(kernel_dirs=[])  # and no other that has been registered under its name
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=this_python)
    with tempfile.TemporaryDirectory() as folder:
        manager.start_kernel(cwd=folder, env={**os.environ, **SURROUNDINGS}, extra_arguments=["--log-level=ERROR"])
        try:
            for notebook in notebooks:
                for each in (notebook, forget):
                    NotebookClient(each, km=manager, **OPTIONS).execute()
                tidy(notebook)
        finally:
            manager.shutdown_kernel(now=True)


def tidy(notebook) -> None:
    """Leave out widgets, make pictures small, and count the cells from 1."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = number
        cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", ())]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if PICTURE in output.get("data", ()):
                output.data[PICTURE] = small(output.data[PICTURE])


def small(picture: str) -> str:
    """A picture with colours enough, in a third of the bytes."""
    from PIL import Image

    target = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(N_COLORS).save(
        target, "PNG", optimize=True
    )
    return base64.b64encode(target.getvalue()).decode()


def main() -> None:
    """Run the notebooks and write them."""
    parser = argparse.ArgumentParser(description="Run the notebooks beside the examples, and keep what they show.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a notebook, without .ipynb; all without any")
    parser.add_argument("--into", type=Path, default=EXAMPLES, metavar="FOLDER", help="where to write them")
    options = parser.parse_args()
    names = options.names or [path.stem for path in stored()]
    notebooks = [lesson() if name == "lesson" else read(EXAMPLES / f"{name}.ipynb") for name in names]
    run(notebooks)
    for name, notebook in zip(names, notebooks, strict=True):
        write(notebook, options.into / f"{name}.ipynb")


if __name__ == "__main__":
    main()
