"""Trained networks as functions of a waveform: ``denoise(noisy, sample_rate)``."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from lib.artifacts import Run
from lib.audio import fix_length
from lib.errors import InputError
from lib.features import (
    ReferenceScale,
    absolute_magnitude,
    reference_features,
    reference_waveform,
    relative_magnitude,
)
from lib.networks import load_trained
from lib.training import model_name

__all__ = ["Denoiser", "load_denoiser"]


@dataclass(frozen=True)
class Denoiser:
    """A trained network as a function of a waveform: ``denoise(noisy, sample_rate)``.

    Attributes
    ----------
    model : keras.Model
    sample_rate, clip_samples : int
        Working rate in Hz and window in samples.
    scale : ReferenceScale or None
        For the reference model, which works on magnitude spectrograms.
    repaired : bool
        Which target the reference was trained on.
    """

    model: keras.Model
    sample_rate: int
    clip_samples: int
    scale: ReferenceScale | None = None
    repaired: bool = False

    def spectrogram(self, noisy: np.ndarray) -> np.ndarray:
        """Estimate of the clean magnitudes by the reference network [shape=(1024, 44, 1)]."""
        features = reference_features(noisy, self.sample_rate)
        if self.repaired:
            output = self._run(relative_magnitude(features, features)[None])[0]
            return absolute_magnitude(output, features)
        return self.scale.undo_z_score(self._run(self.scale.inputs(features)[None])[0])

    def _reference(self, noisy: np.ndarray) -> np.ndarray:
        """Denoise with the reference network, which sees one second at a time."""
        seconds = np.split(noisy, range(self.sample_rate, len(noisy), self.sample_rate))
        return np.concatenate(
            [reference_waveform(self.spectrogram(y), y, self.sample_rate) for y in seconds]
        )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict_on_batch(batch.astype(np.float32)))

    def windows(self, noisy: np.ndarray) -> np.ndarray:
        """Denoise whole windows at once [shape=(windows, clip_samples)]; not the reference."""
        return self._run(noisy)

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)]; the result has the same length and rate."""
        if sample_rate != self.sample_rate:
            raise InputError(f"This denoiser works at {self.sample_rate} Hz, got {sample_rate} Hz.")
        if len(noisy) > self.clip_samples:
            raise InputError(
                f"A clip has at most {self.clip_samples} samples, got {len(noisy)}; longer "
                "recordings go through lib.denoise."
            )
        if self.scale is not None:
            return self._reference(noisy)
        return self.windows(fix_length(noisy, self.clip_samples)[None])[0, : len(noisy)]


def load_denoiser(run: Run, method: str, fold: int) -> Denoiser:
    """Load the network of `method` that never heard the test speakers of `fold`.

    Raises
    ------
    MissingArtifactError
        It is not there, or was trained for other folds than the present ones.
    """
    network, facts = load_trained(run, model_name(method, fold), fold)
    scale = facts["scale"]
    return Denoiser(
        network,
        run.config.audio.sample_rate,
        run.config.audio.clip_samples,
        ReferenceScale(**scale) if scale else None,
        repaired=method == "reference repaired",
    )
