"""Every choice of the project in one place; frequencies in Hz, times in seconds, ratios in dB.

Beside each number stands the range in which the project works.  The profiles differ in budget only,
never in what is measured: ``smoke`` proves that everything runs, ``full`` is for publishing.
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

SUPPLIED = "supplied"  # noisy files of the corpus; the other kinds are those of lib.signals.noise


def _noise_kinds() -> tuple[str, ...]:
    from lib.signals.noise import NOISES  # when one is chosen: a new line there is enough

    return (*NOISES, SUPPLIED)


def _number(default, least, most):
    """A setting that is a number from `least` to `most`; whole numbers only if `default` is one."""
    return field(default=default, metadata={"range": (least, most)})


def _choice(default: str, choices: Callable[[], Collection[str]]):
    """A setting that is one of some words, which are asked for when they are needed."""
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class _Settings:
    """Settings that cannot hold what their fields do not allow."""

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
    """How sound is brought to the working rate and seen by the models."""

    sample_rate: int = _number(8000, 4000, 48_000)  # Hz; all is mixed and scored at this rate
    clip_s: float = _number(1.0, 0.5, 10.0)  # s; the window of the clip store
    highpass_hz: float = _number(50.0, 1.0, 1000.0)  # below lies rumble, not speech
    n_fft: int = _number(512, 64, 4096)  # samples; 64 ms at 8 kHz resolve the harmonics of a voice
    hop_length: int = _number(128, 4, 2048)  # samples

    def __post_init__(self):
        super().__post_init__()
        if self.n_fft % 64:
            raise InputError(
                "n_fft must be a multiple of 64, for the network halves the spectrum five times, "
                f"got {self.n_fft}."
            )
        least, most = self.n_fft // 16, self.n_fft // 2
        if not least <= self.hop_length <= most:
            raise InputError(
                f"hop_length must be from n_fft / 16 to n_fft / 2 ({least} to {most}), or the "
                f"waveform cannot be had back from its spectrogram, got {self.hop_length}."
            )

    @property
    def clip_samples(self) -> int:
        """Samples in one window of the clip store."""
        return round(self.clip_s * self.sample_rate)


@dataclass(frozen=True)
class NoiseConfig(_Settings):
    """What is added to the clean clips, or the noisy files that came with them (`supplied`)."""

    kind: str = _choice("white", _noise_kinds)
    snr_db: float = _number(-8.0, -50.0, 50.0)  # dB, over the clip's own samples

    @property
    def supplied(self) -> bool:
        """Whether the corpus brings its noisy side, so that none is mixed."""
        return self.kind == SUPPLIED


@dataclass(frozen=True)
class TrainingConfig(_Settings):
    """Folds, and what networks learn from and for; their budgets have sections of their own."""

    folds: int = _number(4, 3, 1000)  # at most one for each speaker
    batch_size: int = _number(16, 1, 4096)
    envelope_weight: float = _number(5.0, 0.0, 100.0)  # dB; of the envelopes' correlation
    crop_s: float = _number(0.5, 0.1, 10.0)  # s of each clip seen per step
    speed_spread: float = _number(0.3, 0.0, 0.9)  # clips are played 30 % slower to 30 % faster
    varied_share: float = _number(0.25, 0.0, 1.0)  # has noise of another colour and SNR
    varied_snr_low_db: float = _number(-15.0, -50.0, 50.0)
    varied_snr_high_db: float = _number(12.0, -50.0, 50.0)
    max_clips_per_speaker: int = _number(500, 1, 1_000_000)
    reference_epochs: int = _number(2, 1, 1000)
    reference_learning_rate: float = _number(1e-3, 1e-6, 0.1)  # published: 1e-4
    reference_patience: int = _number(5, 1, 1000)
    reference_clips: int = _number(100, 1, 5000)
    reference_crops: int = _number(4, 1, 1000)  # of each clip and epoch
    reference_crop_bins: int = _number(16, 2, 1024)  # of 1024; the network is fully convolutional

    def __post_init__(self):
        super().__post_init__()
        low, high = self.varied_snr_low_db, self.varied_snr_high_db
        if low > high:
            raise InputError(f"varied_snr_low_db ({low:g}) is above varied_snr_high_db ({high:g}).")
        if self.reference_crop_bins % 2:
            raise InputError(
                "reference_crop_bins must be an even number, because the network halves them, "
                f"got {self.reference_crop_bins}."
            )


@dataclass(frozen=True)
class BudgetConfig(_Settings):
    """How long a network from waveforms to waveforms learns, and how fast at most."""

    epochs: int = _number(5, 1, 1000)
    learning_rate: float = _number(2e-3, 1e-6, 0.1)
    patience: int = _number(5, 1, 1000)  # epochs without a better validation loss before stopping


TUNING = BudgetConfig(epochs=1, learning_rate=1e-3)
GENERAL = BudgetConfig(epochs=40, patience=40)  # the decay of the learning rate comes to its end


@dataclass(frozen=True)
class SearchConfig(_Settings):
    """Budget of one variant in the search (`make search`)."""

    epochs: int = _number(4, 1, 1000)


@dataclass(frozen=True)
class CurveConfig(_Settings):
    """Size of the learning curve (`make curve`)."""

    steps: int = _number(500, 5, 1_000_000)  # of every network, however few people it learns from
    draws: int = _number(3, 1, 100)  # of the people, for each number of them
    clips: int = _number(120, 1, 1_000_000)  # scored, in all


@dataclass(frozen=True)
class RecognitionConfig(_Settings):
    """Budget of the digit recogniser of one fold."""

    epochs: int = _number(8, 1, 1000)
    batch_size: int = _number(32, 1, 4096)
    learning_rate: float = _number(3e-3, 1e-6, 0.1)
    clips: int = _number(1000, 1, 1_000_000)  # of all training speakers together


@dataclass(frozen=True)
class EvaluationConfig(_Settings):
    """What is scored."""

    max_clips: int = _number(400, 1, 1_000_000)  # in all; every speaker gives the same number
    sweep_clips: int = _number(40, 1, 1_000_000)  # in all, under each noise and input SNR


@dataclass(frozen=True)
class StatisticsConfig(_Settings):
    """How uncertainty is computed."""

    bootstrap_draws: int = _number(2000, 10, 100_000)
    permutations: int = _number(10_000, 19, 100_000)  # with fewer no p reaches 0.05
    min_speakers_per_level: int = _number(5, 2, 1000)


@dataclass(frozen=True)
class Config(_Settings):
    """All choices of one run."""

    profile: str = _choice("quick", lambda: PROFILES)
    seed: int = _number(0, 0, 2**32 - 1)  # what NumPy and Keras take
    audio: AudioConfig = field(default_factory=AudioConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    tuning: BudgetConfig = TUNING  # of a fold in which the general network learns the speakers
    scratch: BudgetConfig = field(default_factory=BudgetConfig)  # of one from nothing
    general: BudgetConfig = GENERAL  # of the voices of many people (`make voices`)
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
        """All fields as nested dictionaries, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """The settings of which `to_dict` made `values`; raises InputError for any others."""
        return _override(cls(), values, "settings")


PROFILES: dict[str, dict] = {
    "smoke": {
        "training": {
            "folds": 3,
            "max_clips_per_speaker": 10,
            "reference_epochs": 1,
            "reference_clips": 12,
        },
        "scratch": {"epochs": 1},
        "search": {"epochs": 1},
        "curve": {"steps": 10, "draws": 2, "clips": 12},
        "recognition": {"epochs": 1, "clips": 40},
        "evaluation": {"max_clips": 40, "sweep_clips": 12},
        "statistics": {"bootstrap_draws": 200, "permutations": 500},
    },
    "quick": {},
    "full": {
        "training": {
            "folds": 6,
            "reference_epochs": 3,
            "reference_clips": 300,
        },
        "tuning": {"epochs": 4},
        "scratch": {"epochs": 6},
        "recognition": {"epochs": 15, "clips": 2000},
        "evaluation": {"max_clips": 30_000, "sweep_clips": 300},
        "statistics": {"bootstrap_draws": 10_000},
    },
}
MEANING = {  # what a run with a profile is, for the report's sentences
    "smoke": "a smoke run, which shows that everything runs and says nothing about quality",
    "quick": "a short run; a full one trains longer",
    "full": "a full run",
}


def _override(instance, values: dict, where: str):
    """Return `instance` with `values` laid over it; unknown keys and wrong values are errors."""
    known = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}
    changes = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{where}: unknown key {reprlib.repr(key)}; {_hint(key, known)}")
        old = known[key]
        if not dataclasses.is_dataclass(old):
            changes[key] = _as(type(old), value)
        elif value is not None:  # a section of which all lines are comments
            if not isinstance(value, dict):
                got = reprlib.repr(value)
                raise InputError(f"{where}: {key} must hold a table of settings, got {got}.")
            changes[key] = _override(old, value, f"{where}, {key}")
    try:
        return dataclasses.replace(instance, **changes)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _hint(key, known: dict) -> str:
    """What a key that is not known may have been meant for."""
    name = str(key).lower().rpartition(".")[2]
    homes = [home for home, settings in known.items() if hasattr(settings, name)]
    if homes and dataclasses.is_dataclass(known[homes[0]]):
        return f"it belongs into the section {' or '.join(homes)}."
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(sorted(known))}."


def _as(kind: type, value):
    """`value` as a number of this kind where it is the same number, else as it is."""
    if type(value) not in (int, float) or kind not in (int, float):
        return value
    with contextlib.suppress(ValueError, OverflowError):
        value = kind(value) if kind(value) == value else value
    return value


def load_config(profile: str = "quick", params_file: str | Path | None = None) -> Config:
    """Return the configuration of a profile, overridden by a YAML file with any of its fields.

    Raises InputError for an unknown profile or key, an unreadable file, or a value not allowed.
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
