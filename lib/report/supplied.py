"""Report section on noisy files supplied with a corpus; left out if there are none."""

from __future__ import annotations

import pandas as pd

from lib.config import NoiseConfig
from lib.corpora.summary import measured_snr, snr_facts
from lib.figures import corpus as figures
from lib.report.display import figure, say, table

__all__ = ["supplied_files"]

PROSE = """## Supplied noisy files

The SNR of each supplied noisy file is measured against its clean file, after removal of offset and
rumble from both; the noise is the difference between the two. The {n:,} pairs have a mean SNR of
**{mean:.1f} dB** ({low:.1f} to {high:.1f} dB, standard deviation {spread:.1f} dB), {off:+.1f} dB
from the nominal {nominal:g} dB; {near:,} of them are within 1 dB of it. {follows}
"""


def supplied_files(manifest: pd.DataFrame, speakers: pd.DataFrame, noise: NoiseConfig) -> None:
    """Show heading, text, figure and tables of the supplied pairs, or nothing if there are none."""
    facts = snr_facts(manifest, noise)
    if not facts["n"]:
        return
    say(PROSE, **facts)
    tables = {by: measured_snr(manifest, speakers, by) for by in ("digit", "accent")}
    figure(
        figures.measured_snr(tables["digit"], tables["accent"], noise.snr_db),
        "fig-measured-snr",
        caption="SNR of the supplied pairs: mean and range, with the number of pairs.",
        alt="Two dot charts of the measured SNR with its range, by digit and by accent.",
    )
    for by, rows in tables.items():
        caption = f"Measured SNR of the supplied pairs by {by}, in dB."
        table(rows, f"tbl-snr-{by}", caption=caption)
