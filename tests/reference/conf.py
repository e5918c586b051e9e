"""The reference, of the docstrings alone: `sphinx-build -E -W -n tests/reference build/reference` makes it.

Which subject has which rooms of the package stands here; which names a room has is asked of the package.
"""

import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from docutils import nodes
from jinja2 import Template
from numpydoc.docscrape import ClassDoc
from sphinx.ext.autodoc.mock import mock
from sphinx.util.nodes import make_refnode

project = "hmmfilter"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
templates_path = ["templates"]
exclude_patterns = ["templates"]
default_role = "py:obj"
smartquotes = False
html_theme = "alabaster"
html_title = "hmmfilter"
html_theme_options = {
    "page_width": "1300px",
    "body_max_width": "auto",
    "sidebar_width": "300px",
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
    "font_size": "15px",
    "code_font_size": "13px",
    "fixed_sidebar": True,
    "show_powered_by": False,
}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_show_copyright = html_show_sourcelink = False
toc_object_entries_show_parents = "hide"

autodoc_typehints = "none"  # the docstrings say more
GUESTS = ("dask", "distributed", "jax", "pyarrow", "sklearn", "torch")
autodoc_mock_imports = [name for name in GUESTS if find_spec(name) is None]
autosummary_ignore_module_all = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but for the classes of the package

SUBJECTS = {
    "model": ("The model", ["model", "stationarity", "aligning", "histories"]),
    "questions": ("Questions", ["filtering", "smoothing", "decoding", "predicting", "sampling", "tracing"]),
    "learning": ("Learning", ["learning", "guessing", "selection", "classifying", "mixing", "priors"]),
    "emissions": ("Emissions", ["emissions"]),
    "transitions": ("Transitions", ["transitions"]),
    "streams": ("Streams", ["streaming", "streaming.snapshots"]),
    "results": ("Results and errors", ["results", "_checks"]),
    "logsumexp": ("Log-sum-exp", ["lse"]),
    "underflow": ("Underflow", ["naive", "underflow"]),
    "sklearn": ("scikit-learn", ["sklearn"]),
    "dask": ("Dask", ["dask"]),
    "exchange": ("Other libraries' models", ["exchange"]),
    "gradients": ("PyTorch and JAX", ["torch", "jax"]),
    "storage": ("Storage and compiling", ["storage", "compiling"]),
}
OTHERS = (*GUESTS, "dynamax", "hmmlearn", "numpy", "pandas", "pomegranate", "scipy", "statsmodels")


def public_names(room):
    """What a room offers, by names within the package: shorter ones for what the package takes from it."""
    package, module = import_module("hmmfilter"), import_module(f"hmmfilter.{room}")
    offered = {id(getattr(package, name)): name for name in package.__all__}
    own = getattr(module, "__all__", None)
    if own is not None:
        return [offered.get(id(getattr(module, name)), f"{room}.{name}") for name in own]
    things = [getattr(package, name) for name in package.__all__]
    homes = [(getattr(thing, "__module__", "") + ".", offered[id(thing)]) for thing in things]
    return [name for home, name in homes if home.startswith(f"hmmfilter.{room}.")]


def write_pages(app, config):
    """A page a subject, which lists the names of its rooms; each name has a page of its own beside it."""
    here = Path(app.srcdir)
    template = Template((here / "templates" / "subject.rst").read_text(encoding="utf-8"), trim_blocks=True)
    (here / "made").mkdir(exist_ok=True)
    words = set()
    with mock(autodoc_mock_imports):
        for page, (title, rooms) in SUBJECTS.items():
            names = {room: public_names(room) for room in rooms}
            text = template.render(title=title, rooms=names)
            (here / "made" / f"{page}.rst").write_text(text, encoding="utf-8")
            words |= {name.rpartition(".")[2] for name in chain(*names.values())}
    # Types are linked where they are classes of the package, and not those of Python and NumPy, which are elsewhere.
    config.numpydoc_xref_aliases_complete = {word: f".{word}" for word in words if not word.islower()}


def told_in_full(module, name):
    """The attributes of which their class tells all that there is to tell."""
    thing = getattr(import_module(module), name)
    told = [attribute.name for attribute in ClassDoc(thing, config={"show_class_members": False})["Attributes"]]
    return [name for name in told if "\n" not in (inspect.getdoc(getattr(thing, name, None)) or "")]


def is_left_out(app, what, name, member, skip, options):
    """What other packages gave to a class, and what its rooms tell each other."""
    home = getattr(member, "__module__", None) if callable(member) else "hmmfilter"
    return skip or name.isupper() or not (home or "").startswith("hmmfilter")


def signature(app, what, name, thing, options, parameters, returned):
    """None, where nobody makes one: of results, errors, and protocols."""
    is_made = what not in ("class", "exception") or "\nParameters\n" in (inspect.getdoc(thing) or "")
    return (parameters, returned) if is_made else ("", None)


def mark_parameters(app, what, name, thing, options, lines):
    """What a docstring says of a parameter leads nowhere: it is there. A constant says what it is, and not its type."""
    if what == "data" and inspect.getdoc(thing) == inspect.getdoc(type(thing)):
        lines[:] = [f"``{thing!r}``"]
    with_parameters = callable(thing) and not (inspect.isclass(thing) and issubclass(thing, Exception))
    for parameter in inspect.signature(thing).parameters if with_parameters else ():
        lines[:] = [re.sub(f"(?<!`)`{parameter}`(?!`)", f"``{parameter}``", line) for line in lines]


def resolve(app, env, reference, shown):
    """By the end of a name where no other has it, and without a link where it is another project's."""
    target = reference["reftarget"]
    if target.partition(".")[0] in OTHERS:
        return shown
    domain = env.domains["py"]
    found = [each for each in domain.find_obj(env, None, None, target, "obj", 1) if not each[1].aliased]
    if len(found) != 1:
        return None
    name, entry = found[0]
    return make_refnode(app.builder, reference["refdoc"], entry.docname, entry.node_id, shown, name)


def anchor_attributes(app, domain, kind, content):
    """What a class tells of its attributes can be led to, as its methods can."""
    if kind != "class":
        return
    owner = content.parent[0]["ids"][0]
    fields = [field for field in content.findall(nodes.field) if field[0].astext() == "Attributes"]
    for term in (term for field in fields for term in field.findall(nodes.term)):
        for name in term[0].astext().split(", "):
            full = f"{owner}.{name}"
            if full not in app.env.domains["py"].objects:  # as a property with a docstring of its own is
                term["ids"].append(full)
                app.env.domains["py"].note_object(full, "attribute", full, location=term)


autosummary_context = {"told_in_full": told_in_full}
suppress_warnings = ["config.cache"]  # a function is in the context


def setup(app):
    """Ask Sphinx to call these."""
    app.connect("config-inited", write_pages)
    app.connect("autodoc-skip-member", is_left_out)
    app.connect("autodoc-process-docstring", mark_parameters, priority=400)  # before numpydoc
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    app.connect("object-description-transform", anchor_attributes)
