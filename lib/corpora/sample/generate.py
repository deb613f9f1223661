"""Generate the sample corpus, or a larger one like it, in the Audio MNIST layout.

    python -m lib.corpora.sample.generate OUT
    python -m lib.corpora.sample.generate OUT --speakers 60 --repetitions 50 --sample-rate 48000

Requires hibari-tts==0.2.1, onnx and onnxruntime, in addition to requirements.txt.  The same
arguments give the same samples, whatever else is generated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from lib.corpora.sample import people, voice
from lib.workspace.folder import atomic_path, write_json

__all__ = ["main"]


def main() -> None:
    """Write ``<speaker>/<digit>_<speaker>_<repetition>.<suffix>`` and the metadata to a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for the speakers' folders")
    parser.add_argument("--speakers", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--sample-rate", type=int, default=16_000, help="Hz")
    parser.add_argument("--suffix", choices=("flac", "wav"), default="flac")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_json(given.out / "audioMNIST_meta.txt", people.metadata(given.speakers))
    for number in tqdm(range(1, given.speakers + 1), desc="speakers"):
        speaker = f"{number:02d}"
        timbre = voice.voice_of(number, given.seed)
        for digit, repetition in np.ndindex(10, given.repetitions):
            keys = [given.seed, number, digit, repetition]
            y = np.clip(voice.say(timbre, keys, digit, given.sample_rate), -1, 1)
            name = f"{speaker}/{digit}_{speaker}_{repetition}.{given.suffix}"
            with atomic_path(given.out / name) as part:
                soundfile.write(part, y, given.sample_rate, subtype="PCM_16")


if __name__ == "__main__":
    main()
