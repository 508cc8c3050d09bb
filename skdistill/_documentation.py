"""Where an estimator is documented, for the links that scikit-learn draws in notebooks."""

from __future__ import annotations

from functools import cache
from importlib import metadata


class Documented:
    """Links to the estimator's page of the reference, at the "Documentation" that the package's metadata names.

    Without any there, there is no link.
    """

    _doc_link_module = "skdistill"

    @property
    def _doc_link_template(self) -> str:
        return _template()


@cache
def _template() -> str:
    try:
        urls = metadata.metadata("skdistill").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:  # run from a folder, never installed
        return ""
    site = dict(entry.split(", ", 1) for entry in urls).get("Documentation")
    return f"{site}/reference/skdistill.{{estimator_name}}.html" if site else ""
