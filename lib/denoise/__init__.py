"""Denoise arbitrary recordings with the shipped network or another one of this project.

The result has the sample rate, channels and length of the recording, but no content above half the
network's working rate.  Channels are denoised one by one, in one-second windows that overlap by
half and are cross-faded with a raised cosine, whose overlapping halves add up to one: no seams.
"""

from __future__ import annotations

import contextlib
import json
import numbers
import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from lib.config import AudioConfig
from lib.denoise.target import check_place, choose_format, format_of, write_sound
from lib.errors import InputError, MissingArtifactError
from lib.signals.audio import fix_length, resample
from lib.signals.recording import read_recording
from lib.workspace.folder import PROJECT_ROOT

if TYPE_CHECKING:  # TensorFlow is slow and prints messages: it comes after all checks
    from lib.models.mask import WindowDenoiser

__all__ = ["SHIPPED", "load_model", "denoise_signal", "denoise_file"]

SHIPPED = PROJECT_ROOT / "lib" / "models" / "general" / "network.keras"
NETWORKS = ("ours", "ours from scratch", "general")  # all are used in the same way
BATCH = 4  # windows per batch: half the time of one by one
LONG_S = 60.0  # s; longer recordings show a progress bar
UNLIMITED = ("FLOAT", "DOUBLE")  # sample formats that can hold values above full scale


def load_model(path: str | Path = SHIPPED) -> WindowDenoiser:
    """Load the shipped network, or another of ours, with the working rate stated in its record.

    `path` is e.g. ``build/<corpus>-<profile>/models/ours-fold<k>.keras``, beside its ``.json``.
    Raises MissingArtifactError if either is missing, InputError if it is not one of our networks.
    """
    path = Path(path)
    for part in (path, path.with_suffix(".json")):
        if not part.is_file():
            raise MissingArtifactError(f"{part} is missing: train a model with `make report`.")
    try:
        audio = _read_record(path)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise _no_network(path, error) from error
    with _silence():
        from lib.models.mask import WindowDenoiser
        from lib.training.keep import load_network

        try:
            model = WindowDenoiser(load_network(path), audio)
            window = model.windows(np.zeros((1, audio.clip_samples)))
            if window.shape != (1, audio.clip_samples) or not np.isfinite(window).all():
                raise ValueError("its output is not a finite waveform of the same length")
        except Exception as error:  # a broken file can make Keras raise anything
            raise _no_network(path, error) from error
    return model


def _read_record(path: Path) -> AudioConfig:
    """Return the audio settings in the record of a network."""
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path.name} is not a .keras file")
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or facts["method"] not in NETWORKS:
        raise ValueError("the record belongs to another method")
    return AudioConfig(**facts["audio"])


def _no_network(path: Path, error: Exception) -> InputError:
    reason = str(getattr(error, "strerror", None) or error or "").strip().partition("\n")[0]
    return InputError(
        f"{path} cannot be loaded as our model with the working rate in "
        f"{path.with_suffix('.json').name} ({type(error).__name__}: {reason[:200]}); choose a "
        "models/ours-fold<k>.keras trained by the current version of `make report`."
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discard standard error, including that of C++ code: TensorFlow's start-up messages."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def denoise_signal(y: np.ndarray, sample_rate: int, model: WindowDenoiser) -> np.ndarray:
    """Denoise a signal of any length.

    `y` [shape=(n,) or (n, channels)] holds finite samples on any scale, at a whole number of Hz;
    the result [float64] has its shape, rate and scale.  Raises InputError if `y` is empty, not
    finite, has more than two axes or more channels than samples, or if `sample_rate` is invalid.
    """
    if not (isinstance(sample_rate, numbers.Real) and sample_rate >= 1 and sample_rate % 1 == 0):
        raise InputError(f"Expected a sample rate as a whole number of Hz, got {sample_rate!r}.")
    sample_rate = int(sample_rate)
    y = np.asarray(y)
    if y.ndim not in (1, 2) or y.size == 0:
        raise InputError(f"Expected samples of shape (n,) or (n, channels), got shape {y.shape}.")
    if y.ndim == 2 and y.shape[1] > y.shape[0]:
        raise InputError(
            f"Shape {y.shape} means {y.shape[0]} samples of {y.shape[1]} channels; if the channels "
            "come first, transpose: denoise_signal(y.T, ...)."
        )
    if not np.isfinite(y).all():
        raise InputError("The signal contains NaN or infinite samples; all must be finite.")
    if y.ndim == 1:
        return _denoise_channel(y.astype(float), sample_rate, model)
    return np.stack([denoise_signal(c, sample_rate, model) for c in y.T], axis=1)


def _denoise_channel(
    y: np.ndarray, sample_rate: int, model: WindowDenoiser, tick: Callable = lambda n: None
) -> np.ndarray:
    """Denoise one channel; `tick` is called with the number of working-rate samples just done."""
    rate, window = model.audio.sample_rate, model.audio.clip_samples
    exponent = np.frexp(np.max(np.abs(y)))[1]  # scaling by a power of two is exact
    x = resample(np.ldexp(y, -exponent), sample_rate, rate)
    x = fix_length(x, -(-len(y) * rate // sample_rate))
    out = model(x, rate) if len(x) <= window else _denoise_windows(x, model, tick)
    out = fix_length(resample(out.astype(float), rate, sample_rate), len(y))
    return np.ldexp(out, exponent)


def _denoise_windows(x: np.ndarray, model: WindowDenoiser, tick: Callable) -> np.ndarray:
    """Denoise a signal longer than one window [shape=(n,)] at the working rate.

    The first window is not faded in: leading zeros would turn the noise into an onset.
    """
    window = model.audio.clip_samples
    hop = window // 2
    batches = -(-len(x) // (BATCH * hop))  # full ones, so that the network is compiled once
    padded = np.zeros((batches * BATCH + 1) * hop)
    padded[: len(x)] = x
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    fade = np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2
    out = np.zeros(len(padded))
    for first in range(0, len(pieces), BATCH):
        for i, piece in enumerate(model.windows(pieces[first : first + BATCH]), start=first):
            weights = fade if i else np.where(np.arange(window) < hop, 1, fade)
            out[i * hop : i * hop + window] += weights * piece
        tick(max(0, min(BATCH * hop, len(x) - first * hop)))
    return out[: len(x)]


def denoise_file(source: str | Path, target: str | Path, model: str | Path = SHIPPED) -> None:
    """Denoise an audio file; `target` is written atomically and may be `source`.

    The name of `target` determines its format; the sample format is that of `source` where `target`
    supports it.  Warns if `source` is truncated or its header is wrong, and if the sample format of
    `target` clips values above full scale.  Raises InputError if `source` cannot be read or
    `target` cannot be written, MissingArtifactError if `model` does not exist.
    """
    adapted = os.path.expanduser  # leaves ~nobody.wav unchanged
    source, target, model = (Path(adapted(path)) for path in (source, target, model))
    format_of(target)
    place = check_place(target)
    recording = read_recording(source, dtype="float32")
    y, rate = recording.samples, recording.sample_rate
    kind, subtype = choose_format(target, recording.subtype, rate, y.shape[1])
    if fault := recording.cut or recording.correction:
        warnings.warn(f"{source}: {fault.text}; the readable samples are denoised.", stacklevel=2)
    denoiser = load_model(model)
    length = -(-len(y) * denoiser.audio.sample_rate // rate)
    with tqdm(
        total=y.shape[1] * length,
        desc="denoising",
        disable=len(y) < LONG_S * rate,
        mininterval=0.5 if sys.stderr.isatty() else 30,  # only a few lines in a log
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
    ) as bar:
        for channel in y.T:  # in place: memory may hold a long recording only once
            channel[:] = _denoise_channel(channel.astype(float), rate, denoiser, bar.update)
    peak = max(y.max(), -y.min())
    if peak > 1 and subtype not in UNLIMITED:
        warnings.warn(
            f"{target}: the peak of the result is {peak:.2f} times full scale, which {subtype} "
            "clips; lower the level of the recording or convert it to float.",
            stacklevel=2,
        )
    write_sound(place, y, rate, kind=kind, subtype=subtype)
