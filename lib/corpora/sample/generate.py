"""Generate the sample corpus, or a larger one of its kind.

    python -m lib.corpora.sample.generate OUT
    python -m lib.corpora.sample.generate OUT --speakers 60 --repetitions 50 --sample-rate 48000

The defaults make the embedded corpus: 20 speakers x 10 digits x 5 repetitions as 16-bit FLAC
at 16 kHz, in the Audio MNIST layout.  Needs, beside requirements.txt::

    pip install hibari-tts==0.2.1 onnx onnxruntime

The same arguments give the same samples, whatever is generated beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from lib.corpora.sample import people, voice
from lib.workspace.folder import atomic_path, write_json

__all__ = ["generate"]


def generate(
    out: str | Path,
    *,
    speakers: int = 20,
    repetitions: int = 5,
    sample_rate: int = 16_000,
    suffix: str = "flac",
    seed: int = 0,
) -> None:
    """Write ``<speaker>/<digit>_<speaker>_<repetition>.<suffix>`` and the metadata to `out`."""
    out = Path(out)
    write_json(out / "audioMNIST_meta.txt", people.metadata(speakers))
    for number in tqdm(range(1, speakers + 1), desc="speakers"):
        speaker = f"{number:02d}"
        timbre = voice.voice_of(number, seed)
        for digit, repetition in np.ndindex(10, repetitions):
            y = voice.say(timbre, [seed, number, digit, repetition], digit, sample_rate)
            with atomic_path(out / speaker / f"{digit}_{speaker}_{repetition}.{suffix}") as part:
                soundfile.write(part, np.clip(y, -1, 1), sample_rate, subtype="PCM_16")


def main() -> None:
    """Command line of `generate`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", help="folder of the speakers' folders")
    parser.add_argument("--speakers", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--sample-rate", type=int, default=16_000, help="Hz")
    parser.add_argument("--suffix", choices=("flac", "wav"), default="flac")
    parser.add_argument("--seed", type=int, default=0)
    generate(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
