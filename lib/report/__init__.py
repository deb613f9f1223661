"""The report: display in the notebooks, provenance, HTML and PDF.

``python -m lib.report.export`` turns executed notebooks into ``report.html`` and ``report.pdf``.
"""

from lib.report.display import figure, players, say, start, table
from lib.report.tables import with_intervals

__all__ = ["start", "figure", "table", "with_intervals", "players", "say"]
