"""The report: display in the notebooks, execution, provenance, HTML and PDF.

``python -m lib.report.execute`` runs one notebook, ``python -m lib.report.export`` turns the
executed ones into ``report.html`` and ``report.pdf``.
"""

from lib.report.display import figure, players, say, start, table
from lib.report.tables import with_intervals

__all__ = ["start", "figure", "table", "with_intervals", "players", "say"]
