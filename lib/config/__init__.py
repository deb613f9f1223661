"""All settings of the project; frequencies in Hz, times in seconds, ratios in dB.

Each number comes with its allowed range.  The profiles differ in budget only, never in what is
measured: ``smoke`` checks that everything runs, ``full`` is for publication.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import reprlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path

from lib.config.reader import read_settings
from lib.errors import InputError

__all__ = [
    "MEANING",
    "PROFILES",
    "AudioConfig",
    "Config",
    "NoiseConfig",
    "StatisticsConfig",
    "load_config",
]

SUPPLIED = "supplied"  # noisy files of the corpus; all other kinds are defined in lib.signals.noise


def _noise_kinds() -> tuple[str, ...]:
    from lib.signals.noise import NOISES  # deferred; a new kind needs only an entry there

    return (*NOISES, SUPPLIED)


def _number(default, least, most):
    """Return a field for a number from `least` to `most`; an integer if `default` is one."""
    return field(default=default, metadata={"range": (least, most)})


def _choice(default: str, choices: Callable[[], Collection[str]]):
    """Return a field for one of several words, looked up only when a value is checked."""
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class _Settings:
    """Base class of settings, which validates every field."""

    def __post_init__(self):
        for setting in dataclasses.fields(self):
            value, allowed = getattr(self, setting.name), setting.metadata
            if "range" in allowed:
                least, most = allowed["range"]
                whole = isinstance(setting.default, int)
                number = isinstance(value, Integral if whole else Real)
                fits = number and not isinstance(value, bool) and least <= value <= most
                kind = "a whole number" if whole else "a number"
                wanted = f"{kind} from {least:,} to {most:,} (default {setting.default!r})"
            elif "choices" in allowed:
                fits = value in (choices := allowed["choices"]())
                wanted = f"one of {', '.join(choices)}"
            else:  # a section
                continue
            if not fits:
                raise InputError(f"{setting.name} must be {wanted}, got {reprlib.repr(value)}.")


@dataclass(frozen=True)
class AudioConfig(_Settings):
    """Working sample rate, clip length, high-pass filter and STFT."""

    sample_rate: int = _number(8000, 4000, 48_000)  # Hz; clips are mixed and scored at this rate
    clip_s: float = _number(1.0, 0.5, 10.0)  # s; window of the clip store
    highpass_hz: float = _number(50.0, 1.0, 1000.0)  # cut-off; below it there is rumble, no speech
    n_fft: int = _number(512, 64, 4096)  # samples; 64 ms at 8 kHz resolves the harmonics of a voice
    hop_length: int = _number(128, 4, 2048)  # samples

    def __post_init__(self):
        super().__post_init__()
        if self.n_fft % 64:
            raise InputError(
                "n_fft must be a multiple of 64, because the network halves the spectrum five "
                f"times, got {self.n_fft}."
            )
        least, most = self.n_fft // 16, self.n_fft // 2
        if not least <= self.hop_length <= most:
            raise InputError(
                f"hop_length must be from n_fft / 16 to n_fft / 2 ({least} to {most}), or the "
                f"waveform cannot be reconstructed from its STFT, got {self.hop_length}."
            )

    @property
    def clip_samples(self) -> int:
        """Number of samples in one window of the clip store."""
        return round(self.clip_s * self.sample_rate)


@dataclass(frozen=True)
class NoiseConfig(_Settings):
    """Noise added to the clean clips, or the noisy files that come with the corpus (`supplied`)."""

    kind: str = _choice("white", _noise_kinds)
    snr_db: float = _number(-8.0, -50.0, 50.0)  # dB, over the clip's own samples

    @property
    def supplied(self) -> bool:
        """Whether the corpus comes with its own noisy clips, so that no noise is added."""
        return self.kind == SUPPLIED


@dataclass(frozen=True)
class TrainingConfig(_Settings):
    """Folds, training data, augmentation and loss, and the budget of the reference."""

    folds: int = _number(4, 3, 1000)  # at most one per speaker
    batch_size: int = _number(16, 1, 4096)
    envelope_weight: float = _number(5.0, 0.0, 100.0)  # dB; weight of the envelope correlation
    crop_s: float = _number(0.5, 0.1, 10.0)  # s; a random crop of each clip
    speed_spread: float = _number(0.3, 0.0, 0.9)  # played up to 30 % slower or faster
    varied_share: float = _number(0.25, 0.0, 1.0)  # with noise of another colour and SNR
    varied_snr_low_db: float = _number(-15.0, -50.0, 50.0)
    varied_snr_high_db: float = _number(12.0, -50.0, 50.0)
    max_clips_per_speaker: int = _number(500, 1, 1_000_000)
    reference_epochs: int = _number(2, 1, 1000)
    reference_learning_rate: float = _number(1e-3, 1e-6, 0.1)  # published: 1e-4
    reference_patience: int = _number(5, 1, 1000)
    reference_clips: int = _number(100, 1, 5000)
    reference_crops: int = _number(4, 1, 1000)  # per clip and epoch
    reference_crop_bins: int = _number(16, 2, 1024)  # of 1024; the network is fully convolutional

    def __post_init__(self):
        super().__post_init__()
        low, high = self.varied_snr_low_db, self.varied_snr_high_db
        if low > high:
            raise InputError(f"varied_snr_low_db ({low:g}) is above varied_snr_high_db ({high:g}).")
        if self.reference_crop_bins % 2:
            raise InputError(
                "reference_crop_bins must be an even number, because the network halves the bins, "
                f"got {self.reference_crop_bins}."
            )


@dataclass(frozen=True)
class BudgetConfig(_Settings):
    """Training budget and peak learning rate of a network that maps waveforms to waveforms."""

    epochs: int = _number(5, 1, 1000)
    learning_rate: float = _number(2e-3, 1e-6, 0.1)
    patience: int = _number(5, 1, 1000)  # epochs without improvement before early stopping


@dataclass(frozen=True)
class TuningConfig(BudgetConfig):
    """Budget of fine-tuning, and how much of the change of the weights is kept."""

    epochs: int = _number(1, 1, 1000)
    learning_rate: float = _number(4e-3, 1e-6, 0.1)
    share: float = _number(0.8, 0.0, 1.0)  # 0: the general network, 1: the fine-tuned one


GENERAL = BudgetConfig(epochs=120, patience=120)  # no early stopping: the rate decays fully


@dataclass(frozen=True)
class SearchConfig(_Settings):
    """Training budget of each variant in the search (`make search`)."""

    epochs: int = _number(4, 1, 1000)


@dataclass(frozen=True)
class CurveConfig(_Settings):
    """Size of the learning curve (`make curve`)."""

    steps: int = _number(500, 5, 1_000_000)  # per network, regardless of its number of speakers
    draws: int = _number(3, 1, 100)  # of the speakers, for each number of speakers
    clips: int = _number(120, 1, 1_000_000)  # scored in all


@dataclass(frozen=True)
class RecognitionConfig(_Settings):
    """Training budget of the digit recogniser of each fold."""

    epochs: int = _number(8, 1, 1000)
    batch_size: int = _number(32, 1, 4096)
    learning_rate: float = _number(3e-3, 1e-6, 0.1)
    clips: int = _number(1000, 1, 1_000_000)  # in all, from the training speakers


@dataclass(frozen=True)
class EvaluationConfig(_Settings):
    """Number of clips that are scored."""

    max_clips: int = _number(400, 1, 1_000_000)  # in all; the same number per speaker
    sweep_clips: int = _number(40, 1, 1_000_000)  # in all, for each noise and input SNR


@dataclass(frozen=True)
class StatisticsConfig(_Settings):
    """How uncertainty is computed."""

    bootstrap_draws: int = _number(2000, 10, 100_000)
    permutations: int = _number(10_000, 19, 100_000)  # with fewer than 19, p cannot reach 0.05
    min_speakers_per_level: int = _number(5, 2, 1000)


@dataclass(frozen=True)
class Config(_Settings):
    """All settings of one run."""

    profile: str = _choice("quick", lambda: PROFILES)
    seed: int = _number(0, 0, 2**32 - 1)  # the range of NumPy and Keras
    audio: AudioConfig = field(default_factory=AudioConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)  # of the general network on a fold
    scratch: BudgetConfig = field(default_factory=BudgetConfig)  # training from scratch on a fold
    general: BudgetConfig = GENERAL  # training on many speakers (`make voices`)
    search: SearchConfig = field(default_factory=SearchConfig)
    curve: CurveConfig = field(default_factory=CurveConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    statistics: StatisticsConfig = field(default_factory=StatisticsConfig)

    def __post_init__(self):
        super().__post_init__()
        sound, crop_s = self.audio, self.training.crop_s
        if crop_s > sound.clip_s:
            raise InputError(
                f"training, crop_s ({crop_s:g} s) is longer than audio, clip_s "
                f"({sound.clip_s:g} s)."
            )
        if sound.n_fft > round(crop_s * sound.sample_rate):
            raise InputError(
                f"audio, n_fft ({sound.n_fft} samples at {sound.sample_rate:,} Hz) is longer than "
                f"training, crop_s ({crop_s:g} s)."
            )

    def to_dict(self) -> dict:
        """Return all fields as nested dictionaries, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """Return the settings that `to_dict` wrote; raises InputError if one is not allowed."""
        return _override(cls(), values, "settings")


PROFILES: dict[str, dict] = {
    "smoke": {
        "training": {
            "folds": 3,
            "max_clips_per_speaker": 4,
            "reference_epochs": 1,
            "reference_clips": 6,
        },
        "scratch": {"epochs": 1},
        "search": {"epochs": 1},
        "curve": {"steps": 10, "draws": 2, "clips": 12},
        "recognition": {"epochs": 1, "clips": 20},
        "evaluation": {"max_clips": 20, "sweep_clips": 6},
        "statistics": {"bootstrap_draws": 200, "permutations": 500},
    },
    "quick": {},
    "full": {
        "training": {
            "folds": 6,
            "reference_epochs": 3,
            "reference_clips": 300,
        },
        "tuning": {"epochs": 8, "patience": 8},
        "scratch": {"epochs": 6},
        "recognition": {"epochs": 15, "clips": 2000},
        "evaluation": {"max_clips": 30_000, "sweep_clips": 300},
        "statistics": {"bootstrap_draws": 10_000},
    },
}
MEANING = {  # description of each profile, for the report's sentences
    "smoke": "a smoke run, which shows that everything runs and says nothing about quality",
    "quick": "a short run; a full one trains longer",
    "full": "a full run",
}


def _override(instance, values: dict, where: str):
    """Return `instance` updated with `values`; unknown keys and invalid values are errors."""
    known = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}
    changes = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{where}: unknown key {reprlib.repr(key)}; {_hint(key, known)}")
        old = known[key]
        if not dataclasses.is_dataclass(old):
            changes[key] = _as(type(old), value)
        elif value is not None:  # None: all lines of the section are comments
            if not isinstance(value, dict):
                got = reprlib.repr(value)
                raise InputError(f"{where}: {key} must be a mapping of settings, got {got}.")
            changes[key] = _override(old, value, f"{where}, {key}")
    try:
        return dataclasses.replace(instance, **changes)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _hint(key, known: dict) -> str:
    """Return a suggestion for an unknown key."""
    name = str(key).lower().rpartition(".")[2]
    homes = [home for home, settings in known.items() if hasattr(settings, name)]
    if homes and dataclasses.is_dataclass(known[homes[0]]):
        return f"it belongs in the section {' or '.join(homes)}."
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(sorted(known))}."


def _as(kind: type, value):
    """Return `value` converted to `kind` if it stays the same number, else unchanged."""
    if type(value) not in (int, float) or kind not in (int, float):
        return value
    with contextlib.suppress(ValueError, OverflowError):
        value = kind(value) if kind(value) == value else value
    return value


def load_config(profile: str = "quick", params_file: str | Path | None = None) -> Config:
    """Return the configuration of a profile, with any fields overridden by a YAML file.

    Raises InputError for an unknown profile or key, an unreadable file, or an invalid value.
    """
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}; choose one of {', '.join(PROFILES)}.")
    config = _override(Config(profile=profile), PROFILES[profile], f"profile {profile}")
    if not params_file:
        return config
    values = read_settings(params_file)
    if "profile" in values:
        raise InputError(f"{params_file}: choose the profile with PROFILE=, not in this file.")
    return _override(config, values, str(params_file))
