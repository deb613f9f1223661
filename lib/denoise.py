"""Denoise anyone's recording: with the network that comes with the project, or another.

::

    python -m lib.denoise noisy.wav denoised.wav

and in Python::

    from lib.denoise import denoise_file, denoise_signal, load_model

    model = load_model()
    denoised = denoise_signal(noisy, sample_rate, model)
    denoise_file("noisy.wav", "denoised.wav")

Any length, rate, number of channels and sample format that libsndfile reads; the result has
the same rate, channels and length.  The network works at its own rate, so the result holds
nothing above half of that (4 kHz for a network trained at 8 kHz).  Channels are denoised one by
one.

Long recordings go through in windows of one second that overlap by half and are cross-faded
with a raised cosine, whose overlapping halves add up to one: no seams.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from lib.artifacts import PROJECT_ROOT, atomic_path
from lib.audio import fix_length, resample
from lib.config import AudioConfig
from lib.denoisers import Denoiser
from lib.errors import DenoisingError, InputError, MissingArtifactError
from lib.networks import load_network

__all__ = ["SHIPPED", "load_model", "denoise_signal", "denoise_file"]

SHIPPED = PROJECT_ROOT / "report" / "fsdd" / "denoiser.keras"
BATCH = 4  # windows at once: half the time of one by one
BLOCK = 65_536  # samples written at once; libsndfile crashes on long blocks of Ogg Vorbis
UNLIMITED = ("FLOAT", "DOUBLE")  # sample formats that hold values above full scale


def load_model(path: str | Path = SHIPPED) -> Denoiser:
    """Load a trained network of ours, with the working rate that the record beside it states.

    Parameters
    ----------
    path : str or Path
        The network that comes with the project, or one that was trained here:
        ``build/<corpus>-<profile>/models/ours-fold<k>.keras``, with its ``.json``.

    Raises
    ------
    MissingArtifactError
        The network or its record is not there.
    InputError
        It is no network of ours.
    """
    path = Path(path)
    record = path.with_suffix(".json")
    for needed in (path, record):
        if not needed.is_file():
            raise MissingArtifactError(f"{needed} is missing: train a model with `make report`.")
    facts = json.loads(record.read_text(encoding="utf-8"))
    if facts.get("method") != "ours" or "audio" not in facts or not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is not a network of our method with its working rate in {record.name}; name "
            "a models/ours-fold<k>.keras that the present `make report` trained."
        )
    audio = AudioConfig(**facts["audio"])
    return Denoiser(load_network(path), audio.sample_rate, audio.clip_samples)


def denoise_signal(y: np.ndarray, sample_rate: int, model: Denoiser) -> np.ndarray:
    """Denoise a signal of any length.

    Parameters
    ----------
    y : np.ndarray [shape=(n,) or (n, channels)]
        Finite samples on any scale.
    sample_rate : int
        In Hz.
    model : Denoiser
        From `load_model`.

    Returns
    -------
    np.ndarray [shape of `y`, dtype=float64]
        At the rate and on the scale of `y`.

    Raises
    ------
    InputError
        `y` is empty, not finite or has more than two axes.
    """
    y = np.asarray(y)
    if y.ndim not in (1, 2) or y.size == 0:
        raise InputError(f"Expected samples of shape (n,) or (n, channels), got shape {y.shape}.")
    if not np.isfinite(y).all():
        raise InputError("The signal holds NaN or infinite samples; a finite one is expected.")
    if y.ndim == 1:
        return _denoise_channel(y.astype(float), sample_rate, model)
    channels = [_denoise_channel(c.astype(float), sample_rate, model) for c in y.T]
    return np.stack(channels, axis=1)


def _denoise_channel(y: np.ndarray, sample_rate: int, model: Denoiser) -> np.ndarray:
    rate = model.sample_rate
    exponent = np.frexp(np.max(np.abs(y)))[1]  # a power of two changes no digit
    x = resample(np.ldexp(y, -exponent), sample_rate, rate)
    x = fix_length(x, -(-len(y) * rate // sample_rate))
    out = model(x, rate) if len(x) <= model.clip_samples else _denoise_windows(x, model)
    out = fix_length(resample(out.astype(float), rate, sample_rate), len(y))
    return np.ldexp(out, exponent)


def _denoise_windows(x: np.ndarray, model: Denoiser) -> np.ndarray:
    """Denoise more than one window [shape=(n,)] at the working rate."""
    window, hop = model.clip_samples, model.clip_samples // 2
    batches = -(-(1 + -(-len(x) // hop)) // BATCH)  # whole ones: the network is compiled once
    padded = np.zeros((batches * BATCH + 1) * hop)
    padded[hop : hop + len(x)] = x
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    fade = np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2
    out = np.zeros(len(padded))
    for first in range(0, len(pieces), BATCH):
        for i, piece in enumerate(model.windows(pieces[first : first + BATCH]), start=first):
            out[i * hop : i * hop + window] += fade * piece
    return out[hop : hop + len(x)]


def denoise_file(source: str | Path, target: str | Path, model: str | Path = SHIPPED) -> None:
    """Denoise a sound file; `target` is written whole or not at all and may be `source`.

    The name of `target` chooses its format; the sample format is that of `source` where both
    know it.  Formats of integer samples cut off what exceeds full scale: a warning says so.

    Raises
    ------
    InputError
        `source` is missing, not audio or not finite, or `target` cannot be written.
    MissingArtifactError
        `model` is not there.
    """
    source, target = Path(source), Path(target)
    kind = target.suffix.lstrip(".").upper()
    kind = "AIFF" if kind == "AIF" else kind
    if kind not in soundfile.available_formats():
        raise InputError(f"{target}: unknown audio format {kind!r}; use for example .wav or .flac.")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise InputError(f"{target} cannot be written: {target.parent} is no folder to write to.")
    y, info = _read(source)
    denoiser = load_model(model)
    for channel in y.T:  # in place: a long recording fits once into memory
        channel[:] = denoise_signal(channel, info.samplerate, denoiser)
    subtype = info.subtype
    if not soundfile.check_format(kind, subtype) or (info.format == "MP3" and kind != "MP3"):
        subtype = soundfile.default_subtype(kind)
    peak = max(y.max(), -y.min())
    if peak > 1 and subtype not in UNLIMITED:
        warnings.warn(
            f"{target}: the peak of the result is {peak:.2f} of full scale and {subtype} cuts it "
            "off; lower the level of the recording or write it as float.",
            stacklevel=2,
        )
    try:
        with (
            atomic_path(target) as part,
            soundfile.SoundFile(part, "w", info.samplerate, y.shape[1], subtype, format=kind) as f,
        ):
            for start in range(0, len(y), BLOCK):
                f.write(y[start : start + BLOCK])
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(
            f"{target} cannot be written as {kind} with {y.shape[1]} channels at "
            f"{info.samplerate} Hz: {_reason(error)}"
        ) from error


def _read(source: Path):
    """Samples [shape=(n, channels), dtype=float32] and facts of a sound file."""
    try:
        info = soundfile.info(source)
        y, _ = soundfile.read(source, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:  # TypeError: headerless .raw
        raise InputError(f"{source} cannot be read as audio: {_reason(error)}") from error
    if len(y) == 0 or not np.isfinite(y).all():
        found = "no samples" if len(y) == 0 else "NaN or infinite samples"
        raise InputError(f"{source} holds {found}; a finite recording is expected.")
    return y, info


def _reason(error: Exception) -> str:
    return getattr(error, "error_string", None) or str(error)


def main() -> int:
    """Command line: 0 when done, 1 with one line of explanation otherwise."""
    parser = argparse.ArgumentParser(description="Denoise a recording with a trained model.")
    parser.add_argument("source", help="noisy recording")
    parser.add_argument("target", help="where the denoised recording is written")
    parser.add_argument("--model", default=SHIPPED, help=".keras file; default: the shipped one")
    options = parser.parse_args()
    try:
        with warnings.catch_warnings(record=True) as caught:
            denoise_file(options.source, options.target, options.model)
    except DenoisingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for warning in caught:
        if warning.category is UserWarning:
            print(f"warning: {warning.message}", file=sys.stderr)
    print(f"{options.target} written, denoised with {options.model}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
