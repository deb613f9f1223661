"""Denoise anyone's recording with a model that was trained here.

::

    python -m lib.denoise noisy.wav denoised.wav

Any length, rate, number of channels and sample format that libsndfile reads; the result has
the same rate, channels and length.  The model works at its own rate, so the result holds
nothing above half of that (4 kHz for a model trained at 8 kHz).

Long recordings go through in windows of one second that overlap by half and are cross-faded
with a raised cosine, whose overlapping halves add up to one: no seams.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from lib.artifacts import PROJECT_ROOT, atomic_path
from lib.audio import fix_length, resample
from lib.config import AudioConfig
from lib.denoisers import Denoiser
from lib.errors import DenoisingError, InputError, MissingArtifactError
from lib.networks import load_network

__all__ = ["denoise_signal", "denoise_file", "newest_model"]

ORDER = ["full", "quick", "smoke"]


def newest_model(build: Path = PROJECT_ROOT / "build") -> Path:
    """Return our model of the most thorough run under `build`, the newest among equals.

    Raises
    ------
    MissingArtifactError
        Nothing was trained yet.
    """
    found = list(build.glob("*/models/ours-fold*.keras"))
    if not found:
        raise MissingArtifactError(
            f"No trained model under {build}: run `make report` first, or name one with --model."
        )

    def thoroughness(path: Path):
        profile = path.parent.parent.name.rpartition("-")[2]
        return ORDER.index(profile) if profile in ORDER else len(ORDER), -path.stat().st_mtime

    return min(found, key=thoroughness)


def load_model(path: Path) -> Denoiser:
    """Load a ``.keras`` file of a run, at the working rate that the run's config states."""
    config = path.parent.parent / "config.json"
    for needed in (path, config):
        if not needed.is_file():
            raise MissingArtifactError(f"{needed} is missing: train a model with `make report`.")
    audio = AudioConfig(**json.loads(config.read_text(encoding="utf-8"))["audio"])
    return Denoiser(load_network(path), audio.sample_rate, audio.clip_samples)


def denoise_signal(
    y: np.ndarray, sample_rate: int, denoise: Callable[..., np.ndarray], *, rate: int, window: int
) -> np.ndarray:
    """Denoise one channel of any length.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    sample_rate : int
        Rate of `y` in Hz.
    denoise : callable
        ``denoise(noisy, rate)`` for at most `window` samples.
    rate, window : int
        Working rate in Hz and even window length in samples.

    Returns
    -------
    np.ndarray [shape=(n,)]
        At the rate of `y`.
    """
    x, hop = resample(y, sample_rate, rate), window // 2
    if len(x) <= window:
        return fix_length(resample(denoise(x, rate), rate, sample_rate), len(y))
    windows = 1 + -(-len(x) // hop)
    padded = np.zeros((windows + 1) * hop)
    padded[hop : hop + len(x)] = x
    fade = np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2
    out = np.zeros(len(padded))
    for start in range(0, windows * hop, hop):
        piece = padded[start : start + window]
        if np.any(piece):
            out[start : start + window] += fade * denoise(piece, rate)
    return fix_length(resample(out[hop : hop + len(x)], rate, sample_rate), len(y))


def denoise_file(source: str | Path, target: str | Path, model: str | Path | None = None) -> Path:
    """Denoise a sound file; return the path of the model that was used.

    Raises
    ------
    InputError
        `source` is missing, not audio or not finite, or `target` names no known format.
    MissingArtifactError
        There is no trained model.
    """
    source, target = Path(source), Path(target)
    try:
        y, sample_rate = soundfile.read(source, dtype="float64", always_2d=True)
        subtype = soundfile.info(source).subtype
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{source} cannot be read as audio: {error}") from error
    if len(y) == 0 or not np.all(np.isfinite(y)):
        found = "no samples" if len(y) == 0 else "NaN or infinite samples"
        raise InputError(f"{source} holds {found}; a finite recording is expected.")
    kind = target.suffix.lstrip(".").upper()
    if kind not in soundfile.available_formats():
        raise InputError(f"{target}: unknown audio format {kind!r}; use for example .wav or .flac.")
    path = Path(model) if model else newest_model()
    denoiser = load_model(path)
    settings = {"rate": denoiser.sample_rate, "window": denoiser.clip_samples}
    out = np.stack([denoise_signal(c, sample_rate, denoiser, **settings) for c in y.T], axis=1)
    if not soundfile.check_format(kind, subtype):
        subtype = soundfile.default_subtype(kind)
    with atomic_path(target) as part:
        soundfile.write(part, out, sample_rate, subtype=subtype, format=kind)
    return path


def main() -> int:
    """Command line: 0 when done, 1 with one line of explanation otherwise."""
    parser = argparse.ArgumentParser(description="Denoise a recording with a trained model.")
    parser.add_argument("source", help="noisy recording")
    parser.add_argument("target", help="where the denoised recording is written")
    parser.add_argument("--model", help=".keras file; default: the best trained one under build/")
    options = parser.parse_args()
    try:
        model = denoise_file(options.source, options.target, options.model)
    except DenoisingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.target} written, denoised with {model}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
