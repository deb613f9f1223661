"""The speaker analysis: for whom denoising works better or worse, and with what significance.

It uses the score table and tables about the speakers, but no audio and no model.  Clips are nested
in speakers, so every interval and every test is across speakers.
"""

from lib.speakers.attributes import ATTRIBUTES, clip_improvements, left_out
from lib.speakers.claims import claims, headline, published_spreads, shuffled_spreads
from lib.speakers.effects import (
    effects,
    lowest_decile,
    recognition,
    speaker_means,
    typical_clips,
    variance_shares,
)
from lib.speakers.regressions import (
    describe_mixed,
    describe_overlap,
    held_fixed,
    measures,
    mixed_models,
    overlap,
    residual_diagnosis,
)
from lib.speakers.significance import add_power, describe, tests

__all__ = [
    "ATTRIBUTES",
    "add_power",
    "claims",
    "clip_improvements",
    "describe",
    "describe_mixed",
    "describe_overlap",
    "effects",
    "headline",
    "held_fixed",
    "left_out",
    "measures",
    "mixed_models",
    "overlap",
    "published_spreads",
    "recognition",
    "residual_diagnosis",
    "lowest_decile",
    "shuffled_spreads",
    "speaker_means",
    "tests",
    "typical_clips",
    "variance_shares",
]
