"""How long the notebooks of a run will take: at most as long as they have taken here.

``build/times.json`` holds the longest time of each notebook in seconds by run folder: a notebook
that finds its networks and scores cached takes less.  Without a record, `TYPICAL_S` is used.
"""

from __future__ import annotations

import json
from pathlib import Path

from lib.workspace.variables import PROJECT_ROOT

__all__ = ["remaining", "remember"]

TIMES = PROJECT_ROOT / "build" / "times.json"
NOTEBOOKS = sorted(path.stem for path in (PROJECT_ROOT / "notebooks").glob("*.ipynb"))
TYPICAL_S = {  # measured on two slow cores with the sample corpus
    "smoke": dict(zip(NOTEBOOKS, (15, 15, 50, 60, 20))),
    "quick": dict(zip(NOTEBOOKS, (15, 15, 300, 240, 35))),
}


def _known() -> dict[str, dict[str, float]]:
    try:
        return json.loads(TIMES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def remember(output: Path, seconds: float) -> None:
    """Record how long an executed notebook took; `output` is its path in the run folder."""
    known = _known()
    took = known.setdefault(output.parent.name, {})
    took[output.stem] = max(round(seconds, 1), took.get(output.stem, 0))
    part = TIMES.with_suffix(".part")
    part.write_text(json.dumps(known, indent=1), encoding="utf-8")
    part.replace(TIMES)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def remaining(output: Path) -> str:
    """Say how long a notebook, alone and with all after it, will take; "" if unknown."""
    run = output.parent.name
    took = TYPICAL_S.get(run.rpartition("-")[2], {}) | _known().get(run, {})
    left = [name for name in NOTEBOOKS if name >= output.stem]
    if output.stem not in NOTEBOOKS or not set(left) <= set(took):
        return ""
    own, all_left = took[output.stem], sum(took[name] for name in left)
    return f": up to {_span(own)}" + (f" of {_span(all_left)} left" if len(left) > 1 else "")
