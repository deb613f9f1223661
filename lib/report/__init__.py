"""The report: notebook display, provenance, and export to HTML and PDF.

``python -m lib.report.export`` turns executed notebooks into ``report.html`` and ``report.pdf``.
"""

from lib.report.display import figure, players, say, start, table
from lib.report.glossary import glossary
from lib.report.groups import group_figures
from lib.report.optional import figure_if_any, table_if_any, tell
from lib.report.robustness import robustness
from lib.report.supplied import supplied_files
from lib.report.tables import with_intervals

__all__ = [
    "figure",
    "figure_if_any",
    "glossary",
    "group_figures",
    "players",
    "robustness",
    "say",
    "start",
    "supplied_files",
    "table",
    "table_if_any",
    "tell",
    "with_intervals",
]
