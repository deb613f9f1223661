"""The voices of many people as a clip store to learn from, under ``build/voices/``.

Its clips are those of the corpus of voices that are used, at the working rate, each cut to its
word.  People, not clips, are parted into those learned from and those that choose the epoch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pandas as pd

from lib.clips.prepare import build_store
from lib.clips.store import ClipStore, open_store
from lib.config import Config
from lib.corpora import base
from lib.corpora import speech_commands as corpus
from lib.corpora.manifest import build_manifest
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run

__all__ = ["Voices", "all_voices", "open_voices", "part_people", "prepare_voices"]

VALIDATION_SHARE = 0.05  # of the people
LEAST_PEOPLE = 3  # else nobody is left to learn from
