r"""What was tried before our model became what it is, and how each trial fared.

::

    python -m lib.search CORPUS PROFILE DATA_DIR PARAMS      (make search)

Every variant departs from the present model in one respect.  It learns from the training
speakers of the first fold, a few epochs long, and is judged on that fold's *validation*
speakers; the test speakers have no say.  The results are the appendix of notebook 03.  A
variant that was tried before with the same settings, clips and code is not tried again.

Ideas that did not help live here and nowhere else.  Sources: SI-SDR loss from Le Roux et al.
(2019); compressed spectra from Braun and Tashev (2020), arXiv:2009.12286; complex filters over
neighbouring frames from Mack and Habets (2020), arXiv:1904.08369.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

from lib.artifacts import Run, hash_of, open_run
from lib.audio import fix_length
from lib.config import Config
from lib.errors import end
from lib.losses import negative_snr
from lib.metrics import estoi, si_sdr
from lib.models import build_ours, count_macs
from lib.networks import fingerprint
from lib.pairs import split_speakers, training_example
from lib.store import ClipStore
from lib.supplied import open_store
from lib.training import SETTINGS, SOURCES, fit_waveform

__all__ = ["Variant", "VARIANTS", "JUDGED_CLIPS", "try_variant", "try_all", "open_search"]

JUDGED_CLIPS = 120  # of the validation speakers together


# ---- Augmentation


def equalised(clean, samples, rng, config, *, range_db: float = 6.0):
    """Make an example of a clip whose spectrum was bent at six frequencies."""
    spectrum = np.fft.rfft(clean, 2 * len(clean))
    places, gains = np.linspace(0, 1, 6), rng.uniform(-range_db, range_db, 6)
    gain_db = np.interp(np.linspace(0, 1, len(spectrum)), places, gains)
    bent = np.fft.irfft(spectrum * 10 ** (gain_db / 20))[: len(clean)]
    return training_example(bent, samples, rng, config)


def reversed_at_random(clean, samples, rng, config):
    """Make an example of a clip that is played backwards every other time."""
    return training_example(clean[:: rng.choice([1, -1])], samples, rng, config)


def warped(clean, samples, rng, config, *, depth: float = 0.2):
    """Make an example of a clip whose speed sways by up to 20 % around its mean."""
    n = len(clean)
    phase = 2 * np.pi * (rng.uniform(0.5, 2) * np.arange(n) / max(n, 1) + rng.uniform())
    position = np.cumsum(1 + depth * np.sin(phase))
    position *= (n - 1) / max(position[-1], 1) if n else 1
    return training_example(np.interp(position, np.arange(n), clean), samples, rng, config)


# ---- Losses


@keras.saving.register_keras_serializable(package="denoising")
def negative_si_sdr(clean, estimate):
    """Negative SI-SDR in dB, saturating at 30 dB: the level is left free."""
    scale = ops.sum(clean * estimate, -1, keepdims=True)
    target = scale / (ops.sum(ops.square(clean), -1, keepdims=True) + 1e-8) * clean
    return negative_snr(target, estimate)


@keras.saving.register_keras_serializable(package="denoising")
def snr_and_compressed_spectra(clean, estimate):
    """Negative SNR plus the squared error of magnitudes to the power of 0.3, three windows."""
    level = ops.sqrt(ops.mean(ops.square(clean), -1, keepdims=True) + 1e-10)
    loss = negative_snr(clean, estimate)
    for n_fft in (128, 256, 512):
        magnitudes = []
        for y in (clean, estimate):
            real, imaginary = ops.stft(y / level, n_fft, n_fft // 4, n_fft)
            magnitudes.append(ops.power(ops.square(real) + ops.square(imaginary) + 1e-8, 0.15))
        loss += 7 * ops.mean(ops.square(magnitudes[0] - magnitudes[1]), axis=(1, 2))
    return loss


# ---- Structure


@keras.saving.register_keras_serializable(package="denoising")
class ComplexFilter(layers.Layer):
    """Add filtered frames to the masked ones, in a spectrogram whose phases stand still.

    (waveform, spectrogram, mask, taps [shape=(batch, frames, bins, 6)]) -> waveform.  Each bin is
    turned back by the phase that its centre frequency gains from frame to frame, so that a
    steady tone has a steady phase and three neighbouring frames can be added up.
    """

    def __init__(self, n_fft: int, hop_length: int, **kwargs):
        super().__init__(**kwargs)
        self.n_fft, self.hop_length = n_fft, hop_length

    def turn(self, spectrogram, direction: int):
        """Turn all phases back (-1) or forth (1)."""
        frames, bins = ops.arange(ops.shape(spectrogram)[1]), ops.arange(spectrogram.shape[2])
        steps = ops.mod(frames[:, None] * bins[None] * self.hop_length, self.n_fft)
        angle = direction * 2 * math.pi / self.n_fft * ops.cast(steps, "float32")
        return _times(spectrogram, ops.cos(angle), ops.sin(angle))

    def call(self, inputs):
        """Filter and transform back."""
        y, spectrogram, mask, taps = inputs
        mask, taps = (ops.pad(x, [[0, 0], [0, 0], [1, 0], [0, 0]]) for x in (mask, taps))
        still = self.turn(spectrogram, -1)
        frames, out = ops.shape(still)[1], still * mask
        around = ops.pad(still, [[0, 0], [1, 1], [0, 0], [0, 0]])
        for i in range(3):
            neighbour = around[:, i : i + frames]
            out += _times(neighbour, ops.tanh(taps[..., 2 * i]), ops.tanh(taps[..., 2 * i + 1]))
        out = self.turn(out, 1)
        wave = ops.istft((out[..., 0], out[..., 1]), self.n_fft, self.hop_length, self.n_fft)
        return wave[:, : ops.shape(y)[1]]

    def compute_output_shape(self, shapes):
        """Shape of the waveform."""
        return shapes[0]

    def get_config(self):
        """Settings that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


def _times(z, real, imaginary):
    """Complex product, real and imaginary parts on the last axis."""
    a, b = z[..., 0], z[..., 1]
    return ops.stack([a * real - b * imaginary, a * imaginary + b * real], axis=-1)


def with_complex_filter(audio) -> keras.Model:
    """Our network with a second head that refines the phase."""
    ours = build_ours(audio)
    spectrogram, mask = ours.get_layer("stft").output, ours.get_layer("mask")
    loudness = ours.get_layer("log_magnitude").output
    x = layers.Concatenate()([mask.input, loudness])
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    taps = layers.Conv2D(6, 3, padding="same", kernel_initializer="zeros", name="taps")(x)
    waveform = ComplexFilter(audio.n_fft, audio.hop_length)
    return keras.Model(ours.inputs, waveform([ours.inputs[0], spectrogram, mask.output, taps]))


# ---- Use


def averaged_over_shifts(run_network: Callable, noisy: np.ndarray, hop: int) -> np.ndarray:
    """Mean of the network's answers to the signal and to the signal half a hop later."""
    later = np.pad(noisy, [(0, 0), (hop // 2, 0)])
    return (run_network(noisy) + run_network(later)[:, hop // 2 :]) / 2


@dataclass(frozen=True)
class Variant:
    """One departure from the present model.

    Attributes
    ----------
    group, name : str
        Shown in the table.
    changes : dict
        Section of the configuration -> settings.
    """

    group: str
    name: str
    changes: dict[str, dict] = field(default_factory=dict)
    build: Callable = build_ours
    loss: Callable | None = None
    example: Callable = training_example
    shifts: bool = False


def _training(**settings) -> dict:
    return {"training": settings}


VARIANTS = [
    Variant("", "as it is"),
    Variant("augmentation", "no change of speed", _training(speed_spread=0.0)),
    Variant("augmentation", "speed sways within a clip", example=warped),
    Variant("augmentation", "random equaliser, 6 dB either way", example=equalised),
    Variant("augmentation", "every other clip backwards", example=reversed_at_random),
    Variant("noise", "always the nominal noise", _training(varied_share=0.0)),
    Variant("noise", "half of the examples varied", _training(varied_share=0.5)),
    Variant("loss", "SNR alone", _training(envelope_weight=0.0)),
    Variant("loss", "envelopes weigh twice as much", _training(envelope_weight=10.0)),
    Variant("loss", "SI-SDR", loss=negative_si_sdr),
    Variant("loss", "SNR and compressed spectra", loss=snr_and_compressed_spectra),
    Variant("structure", "window of 32 ms", {"audio": {"n_fft": 256, "hop_length": 64}}),
    Variant("structure", "hop of half a window", {"audio": {"hop_length": 256}}),
    Variant("structure", "three quarters of the channels",
            build=functools.partial(build_ours, channels=(12, 24, 36, 48, 48))),
    Variant("structure", "recurrent layer a fifth as wide",
            build=functools.partial(build_ours, recurrent_units=16)),
    Variant("structure", "complex filter after the mask", build=with_complex_filter),
    Variant("schedule", "batches of 32", _training(batch_size=32)),
    Variant("use", "mean over two shifts", shifts=True),
]  # fmt: skip


# ---- The trial


def _changed(config: Config, changes: dict[str, dict]) -> Config:
    parts = {k: dataclasses.replace(getattr(config, k), **v) for k, v in changes.items()}
    return dataclasses.replace(config, **parts)


def _in_parts(model: keras.Model, batch: np.ndarray, size: int = 20) -> np.ndarray:
    parts = [batch[i : i + size] for i in range(0, len(batch), size)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])


def _judge(run_network: Callable, store: ClipStore, rows, kind: str, snr_db: float) -> tuple:
    """Mean SI-SDR improvement in dB and mean ESTOI over clips in one condition."""
    rate, n = store.config.audio.sample_rate, store.config.audio.clip_samples
    noisy = [store.noisy(row, kind=kind, snr_db=snr_db) for row in rows]
    batch = np.stack([fix_length(y, n) for y in noisy]).astype(np.float32)
    gains, intelligibility = [], []
    for row, y, out in zip(rows, noisy, run_network(batch)):
        clean, estimate = store.clean(row), out[: len(y)].astype(float)
        gains.append(si_sdr(clean, estimate) - si_sdr(clean, y))
        intelligibility.append(estoi(clean, estimate, rate))
    return float(np.mean(gains)), float(np.nanmean(intelligibility))


def try_variant(run: Run, store: ClipStore, folds: pd.DataFrame, variant: Variant) -> pd.DataFrame:
    """Train a variant on the first fold's training speakers and judge it on its validation ones.

    Returns
    -------
    pd.DataFrame
        One row: group, name; SI-SDR improvement in dB with the configured noise, `estoi`, and the
        improvement with pink noise and at +10 dB; `parameters`, `macs`, `training_ms` per clip
        and epoch, `epochs`.
    """
    config = _changed(store.config, {"training": {"epochs": store.config.search.epochs}})
    config = _changed(config, variant.changes)
    store = dataclasses.replace(store, config=config)
    training, validation, _ = split_speakers(folds, 0)
    checkpoints = run.path("checkpoints/search")
    shutil.rmtree(checkpoints, ignore_errors=True)
    settings, learning = config.training, store.for_training()
    model, history = fit_waveform(
        variant.build, learning, training, validation, config.seed, checkpoints,
        f"{variant.group} {variant.name}".strip(), loss=variant.loss, example=variant.example,
    )  # fmt: skip
    shutil.rmtree(checkpoints)
    run_network = functools.partial(_in_parts, model)
    if variant.shifts:
        run_network = functools.partial(
            averaged_over_shifts, run_network, hop=config.audio.hop_length
        )
    rows = store.rows_of(validation, limit=-(-JUDGED_CLIPS // len(validation)))
    nominal = config.noise.kind, config.noise.snr_db
    gain_db, intelligibility = _judge(run_network, store, rows, *nominal)
    clips = len(store.rows_of(training, limit=settings.max_clips_per_speaker))
    row = {
        "group": variant.group,
        "name": variant.name,
        "si_sdr_improvement_db": gain_db,
        "estoi": intelligibility,
        "pink_db": _judge(run_network, store, rows, "pink", nominal[1])[0],
        "at_10_db": _judge(run_network, store, rows, learning.config.noise.kind, 10.0)[0],
        "parameters": model.count_params(),
        "macs": count_macs(model, samples=config.audio.sample_rate) * (2 if variant.shifts else 1),
        "training_ms": 1e3 * float(np.median([h["seconds"] for h in history])) / clips,
        "epochs": len(history),
    }
    return pd.DataFrame([row])


def _part(store: ClipStore, folds: pd.DataFrame, i: int) -> tuple[str, str]:
    """Name and key under which the i-th variant's result is kept."""
    variant = VARIANTS[i]
    facts = [variant.name, variant.changes, split_speakers(folds, 0)]
    key = fingerprint(store, facts, settings=[*SETTINGS, "search"], sources=SOURCES)
    return f"search/{i:02d}", hash_of(key, ["search", "metrics"])


def try_all(run: Run, store: ClipStore, folds: pd.DataFrame) -> None:
    """Try all variants that were not tried before, and keep the result of each.

    ``search.json`` lists what is there; it is written anew when that changes.
    """
    for i, variant in enumerate(VARIANTS):
        start = time.perf_counter()
        make = functools.partial(try_variant, run, store, folds, variant)
        table = run.kept(*_part(store, folds, i), make)
        seconds, gain = time.perf_counter() - start, table["si_sdr_improvement_db"].iat[0]
        print(
            f"{i + 1}/{len(VARIANTS)} {variant.name}: {gain:.2f} dB, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    names = _names(store, folds)
    if not run.path("search.json").is_file() or run.load_json("search") != names:
        run.save_json("search", names)


def _names(store: ClipStore, folds: pd.DataFrame) -> list[str]:
    parts = (_part(store, folds, i) for i in range(len(VARIANTS)))
    return [f"{part}-{key[:16]}" for part, key in parts]


def open_search(run: Run, store: ClipStore, folds: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the results of the variants that were tried, and a line about them.

    Results of other settings, clips or code than the present ones are not taken.

    Returns
    -------
    pd.DataFrame
        One row per variant, as `try_variant` gives it; the present model first, the others from
        best to worst.
    """
    tables = [
        run.load(name) for name in _names(store, folds) if run.path(f"{name}.parquet").is_file()
    ]
    how = f"`make search CORPUS={run.corpus} PROFILE={run.config.profile}`"
    if not tables:
        return pd.DataFrame(), f"The search was not repeated for this run; {how} adds its table."
    table = pd.concat(tables, ignore_index=True)
    order = table["group"].ne("").astype(int) * 1000 - table["si_sdr_improvement_db"]
    table = table.iloc[order.argsort()].reset_index(drop=True)
    missing = len(VARIANTS) - len(table)
    return table, f"{missing} variants are missing; {how} goes on." if missing else ""


def main(corpus: str, profile: str, data_dir: str = "", params_file: str = "") -> None:
    """Run the search of the command line."""
    run = open_run(corpus=corpus, profile=profile, data_dir=data_dir, params_file=params_file)
    try_all(run, open_store(run), run.load("folds"))


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
