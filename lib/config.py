"""Every choice of the project in one place: frozen dataclasses and three profiles.

Conventions: frequencies in Hz, times in seconds, ratios in dB, counts as integers.

``smoke`` proves that everything runs, ``quick`` is the default, ``full`` is for
publishing.  The profiles differ in budget only (folds, clips, epochs, resampling
draws), never in what is measured.  A YAML file may override any field::

    training:
      epochs: 30

An unknown section or key is an error, never ignored.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lib.errors import InputError

__all__ = [
    "AudioConfig",
    "NoiseConfig",
    "TrainingConfig",
    "SearchConfig",
    "RecognitionConfig",
    "EvaluationConfig",
    "StatisticsConfig",
    "Config",
    "PROFILES",
    "load_config",
]

SUPPLIED = "supplied"  # noisy files of the corpus; the other kinds are those of lib.noise
NOISE_KINDS = ("white", "pink", SUPPLIED)


@dataclass(frozen=True)
class AudioConfig:
    """How sound is brought to the working rate and seen by the models."""

    sample_rate: int = 8000  # Hz; noise is mixed and everything is scored at this rate
    clip_s: float = 1.0  # s; the window of the clip store
    highpass_hz: float = 50.0  # below lies rumble, not speech
    n_fft: int = 512  # samples; 64 ms at 8 kHz resolve the harmonics of a voice
    hop_length: int = 128  # samples

    @property
    def clip_samples(self) -> int:
        """Samples in one window of the clip store."""
        return round(self.clip_s * self.sample_rate)


@dataclass(frozen=True)
class NoiseConfig:
    """What is added to the clean clips, or the noisy files that came with them (`supplied`)."""

    kind: str = "white"
    snr_db: float = -8.0  # dB, over the clip's own samples

    def __post_init__(self):
        if self.kind not in NOISE_KINDS:
            raise InputError(
                f"noise: kind must be one of {', '.join(NOISE_KINDS)}, got {self.kind!r}."
            )

    @property
    def supplied(self) -> bool:
        """Whether the corpus brings its noisy side, so that none is mixed."""
        return self.kind == SUPPLIED


@dataclass(frozen=True)
class TrainingConfig:
    """Budget and schedule of one fold."""

    folds: int = 4
    batch_size: int = 16
    epochs: int = 5
    learning_rate: float = 2e-3
    envelope_weight: float = 5.0  # of the envelopes' correlation in the loss, dB
    patience: int = 5  # epochs without a better validation loss before stopping
    crop_s: float = 0.5  # s of each clip seen per step
    speed_spread: float = 0.3  # clips are played 30 % slower to 30 % faster
    varied_share: float = 0.25  # of the examples have noise of another colour and SNR
    varied_snr_low_db: float = -15.0
    varied_snr_high_db: float = 12.0
    max_clips_per_speaker: int = 500
    reference_epochs: int = 2
    reference_learning_rate: float = 1e-3  # published: 1e-4, with many more steps
    reference_clips: int = 100
    reference_crops: int = 4  # of each clip and epoch
    reference_crop_bins: int = 16  # of 1024; the network is fully convolutional

    def __post_init__(self):
        for name, least in {"folds": 3, "epochs": 1, "reference_epochs": 1}.items():
            if getattr(self, name) < least:
                raise InputError(f"training: {name} must be at least {least}.")


@dataclass(frozen=True)
class SearchConfig:
    """Budget of one variant in the search (`make search`)."""

    epochs: int = 4


@dataclass(frozen=True)
class RecognitionConfig:
    """Budget of the digit recogniser of one fold."""

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 3e-3
    clips: int = 1000  # of all training speakers together


@dataclass(frozen=True)
class EvaluationConfig:
    """What is scored."""

    max_clips: int = 400  # in all; every speaker gives the same number
    sweep_clips: int = 60  # in all, under each noise and input SNR


@dataclass(frozen=True)
class StatisticsConfig:
    """How uncertainty is computed."""

    bootstrap_draws: int = 2000
    permutations: int = 10_000
    min_speakers_per_level: int = 5


@dataclass(frozen=True)
class Config:
    """All choices of one run."""

    profile: str = "quick"
    seed: int = 0
    audio: AudioConfig = field(default_factory=AudioConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    statistics: StatisticsConfig = field(default_factory=StatisticsConfig)

    def to_dict(self) -> dict:
        """All fields as nested plain dictionaries, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """The settings of which `to_dict` made `values`; raises InputError for any others."""
        return _override(cls(), values, "settings")


PROFILES = {
    "smoke": {
        "training": {
            "folds": 3,
            "epochs": 1,
            "max_clips_per_speaker": 10,
            "reference_epochs": 1,
            "reference_clips": 12,
        },
        "search": {"epochs": 1},
        "recognition": {"epochs": 1, "clips": 40},
        "evaluation": {"max_clips": 40, "sweep_clips": 12},
        "statistics": {"bootstrap_draws": 200, "permutations": 500},
    },
    "quick": {},
    "full": {
        "training": {
            "folds": 6,
            "epochs": 12,
            "reference_epochs": 3,
            "reference_clips": 300,
        },
        "recognition": {"epochs": 15, "clips": 2000},
        "evaluation": {"max_clips": 30_000, "sweep_clips": 300},
        "statistics": {"bootstrap_draws": 10_000},
    },
}


def _override(instance, values: dict, where: str):
    """Return `instance` with `values` laid over it; unknown or ill-typed keys are errors."""
    known = {f.name: f for f in dataclasses.fields(instance)}
    changes = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(
                f"{where}: unknown key {key!r}; known keys are {', '.join(sorted(known))}."
            )
        old = getattr(instance, key)
        if dataclasses.is_dataclass(old):
            if not isinstance(value, dict):
                raise InputError(f"{where}: {key} must hold a table of settings, got {value!r}.")
            changes[key] = _override(old, value, f"{where}, {key}")
            continue
        if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(old):
            raise InputError(
                f"{where}: {key} must be {type(old).__name__} (default {old!r}), got {value!r}."
            )
        changes[key] = value
    return dataclasses.replace(instance, **changes)


def load_config(profile: str = "quick", params_file: str | Path | None = None) -> Config:
    """Return the configuration of a profile, optionally overridden by a YAML file.

    Parameters
    ----------
    profile : str
        ``"smoke"``, ``"quick"`` or ``"full"``.
    params_file : str or Path, optional
        YAML with any subset of the fields of `Config`.

    Raises
    ------
    InputError
        Unknown profile, unreadable file, unknown key or a value of the wrong type.

    Examples
    --------
    >>> load_config("smoke").training.epochs
    1
    """
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}; choose one of {', '.join(PROFILES)}.")
    config = _override(Config(profile=profile), PROFILES[profile], f"profile {profile}")
    if not params_file:
        return config
    try:
        values = yaml.safe_load(Path(params_file).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read the parameter file {params_file}: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{params_file} must hold a YAML mapping, found {type(values).__name__}.")
    if "profile" in values:
        raise InputError(f"{params_file}: choose the profile with PROFILE=, not in this file.")
    return _override(config, values, str(params_file))
