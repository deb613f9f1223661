"""The speaker analysis: for whom it is better or worse, and whether that is more than chance.

Takes the score table and the table of speakers; knows no audio and no model.  Clips are nested
in speakers, so every interval and every test is across speakers.  ``attributes`` holds the
rules, ``effects`` the means and variances, ``significance`` the tests, ``claims`` the verdicts
on what was published.
"""

from lib.speakers.attributes import ATTRIBUTES, clip_gains
from lib.speakers.claims import claims, headline
from lib.speakers.effects import effects, speaker_means, variance_shares
from lib.speakers.misalignment import published_spreads, shuffled_spreads
from lib.speakers.significance import describe, tests

__all__ = [
    "ATTRIBUTES",
    "claims",
    "clip_gains",
    "describe",
    "effects",
    "headline",
    "published_spreads",
    "shuffled_spreads",
    "speaker_means",
    "tests",
    "variance_shares",
]
