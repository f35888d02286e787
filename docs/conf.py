"""Sphinx builds the site from here: ``sphinx-build -W docs build/docs``. The site needs nothing from outside itself."""

import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, copytree
from typing import Any

from docutils import nodes
from matplotlib import pyplot as plt
from matplotlib.animation import Animation
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst

sys.path.insert(0, str(Path(__file__).parent))
import console  # it stands beside this file

project = "gaussmix"
author = "The gaussmix developers"
copyright = author  # noqa: A001 - Sphinx's name
release = metadata.version("gaussmix")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["gallery/*.ipynb", "gallery/*.py", "pictures"]

# --- Pages -----------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "dollarmath", "substitution"]
myst_substitutions = {"version": release}
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# --- The API ---------------------------------------------------------------------------------------------------------

autodoc_typehints = "none"  # docstrings say shapes, which types do not
autodoc_member_order = "bysource"
autosummary_generate = False  # the pages of the API are written by hand, so that what belongs together stands together
autodoc_default_options = {  # scikit-learn's routing of metadata, and a method whose text links to its own pages
    "exclude-members": "get_metadata_routing, set_fit_request, set_partial_fit_request, set_predict_request, "
    "set_score_request, set_transform_request, set_output"
}
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

# --- The gallery -----------------------------------------------------------------------------------------------------

STORY = (
    "kmeans",
    "soft_membership",
    "em_steps",
    "covariances",
    "choosing",
    "moons",
    "digits",
    "faithful",
    "questions",
    "conditional",
    "classification",
    "outliers",
)


def as_told(name: str) -> int:
    """The place of a script in the story; those that are not in it come last."""
    told = [f"plot_{part}.py" for part in STORY]
    return told.index(name) if name in told else len(told)


def films(_block: object, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the animations of a cell as GIF files, which need no script, and no icons from outside."""
    pictures = []
    animations = [one for one in block_vars["example_globals"].values() if isinstance(one, Animation)]
    figures = {plt.figure(number) for number in plt.get_fignums()}
    for film in animations:
        figure = film._fig  # noqa: SLF001 - there is no other way to it
        if figure in figures:
            path = Path(next(block_vars["image_path_iterator"])).with_suffix(".gif")
            film.save(path, writer="pillow", dpi=80)
            plt.close(figure)
            pictures.append(figure_rst([path], gallery_conf["src_dir"]))
    return "".join(pictures)


suppress_warnings = ["config.cache"]  # that a function cannot be pickled
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "backreferences_dir": "gallery/uses",
    "doc_module": ("gaussmix",),
    "within_subsection_order": as_told,
    "image_scrapers": (films, "matplotlib"),
    "write_computation_times": False,
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 2,
}

# --- Looks -----------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "gaussmix"
html_favicon = html_logo = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["gaussmix.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "logo": {"text": "gaussmix"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
ALONE = ("gallery/*", "changelog", "explained", "how-it-works", "index", "install", "performance", "tour")
html_sidebars = {page: [] for page in ALONE}  # pages without others beside them
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}  # what it offers would come from outside


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """MathJax and its fonts, of which the package brings more than a page needs."""
    spec = find_spec("sphinx-mathjax-offline")
    if error or app.builder.format != "html" or spec is None or spec.origin is None:
        return
    source, target = Path(spec.origin).parent / "static" / "mathjax", app.outdir / "_static" / "mathjax"
    copytree(source / "output" / "chtml", target / "output" / "chtml", dirs_exist_ok=True)
    copy(source / "tex-chtml-full.js", target)


def trim(_app: Sphinx, doctree: nodes.document) -> None:
    """Take off the empty line at the end of code, which doctest needs and readers do not."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.rawsource.rstrip()
            block[:] = [nodes.Text(block.rawsource)]


def run_commands(_app: Sphinx, page: str, source: list[str]) -> None:
    """Show the outputs of the code that ships on pages with commands."""
    if page in {path.stem for path in console.PAGES}:
        source[0] = console.fill(source[0])


_BACK = re.compile(r'(?<=viewcode-back" href=")((?:\.\./)*([^"#]+)\.html#)([\w.]+)')


def correct_anchors(app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Correct the links from sources to their documentation.

    `viewcode` takes all names of a file for those of one module, but ``gaussmix.Status`` and ``gaussmix.em.run`` are in
    one file.
    """
    objects = app.env.get_domain("py").objects.items()
    entries = {(entry.docname, name) for name, entry in objects if not entry.aliased}

    def correct(link: re.Match[str]) -> str:
        part = link[3].removeprefix("gaussmix.")
        found = [name for docname, name in entries if docname == link[2] and f".{name}".endswith(f".{part}")]
        return link[1] + (link[3] if link[3] in found or not found else found[0])

    if page.startswith("_modules/"):
        context["body"] = _BACK.sub(correct, context["body"])


def setup(app: Sphinx) -> None:
    """Say what is done beside what Sphinx does."""
    app.connect("doctree-read", trim)
    app.connect("source-read", run_commands)
    app.connect("html-page-context", correct_anchors)
    app.connect("build-finished", copy_mathjax)
