"""lib.config: valid params files, and errors for all others."""

import dataclasses
import re
import subprocess
import sys

import pytest
import scale
import yaml

from lib.config import PROFILES, Config, NoiseConfig, load_config
from lib.errors import InputError
from lib.signals.noise import NOISES
from lib.workspace.folder import PROJECT_ROOT


@pytest.fixture
def params(tmp_path):
    """Write a params file; return its path."""

    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_profile_loads_and_leaves_the_science_alone():
    for profile in PROFILES:
        config = load_config(profile)
        assert config.profile == profile
        assert (config.audio, config.noise, config.seed) == (Config().audio, Config().noise, 0)
    assert load_config() == Config()
    assert load_config("smoke").tuning.epochs < load_config("full").tuning.epochs


def test_params_lie_over_the_profile(params):
    path = params("seed: 7\nnoise:\n  kind: pink\n  snr_db: -5\ntuning: {epochs: 30}\n")
    config = load_config("smoke", path)
    assert (config.seed, config.noise.kind, config.tuning.epochs) == (7, "pink", 30)
    assert config.training.folds == load_config("smoke").training.folds
    assert config.noise.snr_db == -5.0
    assert type(config.noise.snr_db) is float  # -5 is an integer in YAML


def test_the_settings_of_the_scale_measurement_are_allowed(params):
    assert load_config("quick", params(yaml.safe_dump(scale.SMALL))).tuning.epochs == 1


def test_an_empty_params_file_changes_nothing(params):
    for text in ("", "# seed: 1", "tuning:\n  # epochs: 30\n"):
        assert load_config("quick", params(text)) == load_config("quick")


@pytest.mark.parametrize(
    ("text", "section", "name", "value"),
    [
        ("tuning: {learning_rate: 1e-3}", "tuning", "learning_rate", 1e-3),
        ("tuning: {learning_rate: 1E-3}", "tuning", "learning_rate", 1e-3),
        ("tuning: {learning_rate: +.5e-1}", "tuning", "learning_rate", 0.05),
        ("tuning: {learning_rate: 1.e-2}", "tuning", "learning_rate", 0.01),
        ("audio: {highpass_hz: 1.5e2}", "audio", "highpass_hz", 150.0),
        ("noise: {snr_db: -1e1}", "noise", "snr_db", -10.0),
        ("statistics: {permutations: 1e4}", "statistics", "permutations", 10_000),
        ("tuning: {epochs: 30.0}", "tuning", "epochs", 30),
        ("tuning: {epochs: 010}", "tuning", "epochs", 10),  # YAML 1.1: eight
        ("statistics: {permutations: 20_000}", "statistics", "permutations", 20_000),
    ],
)
def test_a_number_is_the_one_that_it_looks_like(params, text, section, name, value):
    read = getattr(getattr(load_config("quick", params(text)), section), name)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfseed: 3", "seed: 3".encode("utf-16"), b"seed: 3\r\ntraining:\r\n  # none\r\n"],
)
def test_files_as_editors_leave_them_are_read(tmp_path, content):
    (tmp_path / "params.yaml").write_bytes(content)
    assert load_config("quick", tmp_path / "params.yaml") == Config(seed=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainning: {epochs: 3}", "params.yaml: unknown key 'trainning'; did you mean 'training'"),
        ("xyz: 3", "params.yaml: unknown key 'xyz'; known keys are audio, curve, evaluation"),
        ("tuning: {epoch: 3}", "params.yaml, tuning: unknown key 'epoch'; .* 'epochs'"),
        ("Audio: {}", "unknown key 'Audio'; did you mean 'audio'"),
        ("snr_db: 3", "unknown key 'snr_db'; it belongs in the section noise"),
        ("noise.snr_db: 3", "unknown key 'noise.snr_db'; it belongs in the section noise"),
        ("training: {crop_s: 0,5}", "params.yaml, training: unknown key 5; known keys"),
        ("tuning: {epochs: 3.5}", r"tuning: epochs must be a whole number .* got 3.5"),
        ("tuning: {epochs: true}", "epochs must be a whole number .* got True"),
        ("noise: {snr_db: '-8'}", "noise: snr_db must be a number from .* got '-8'"),
        ("noise: {snr_db: yes}", "snr_db must be a number from .* got True"),
        ("noise: {snr_db: .nan}", r"snr_db must be a number from -50.0 to 50.0 .*, got '.nan'"),
        ("noise: {snr_db: -.inf}", r"snr_db must be .*, got '-.inf'"),
        ("seed: 1:30", "params.yaml: seed must be a whole number .* got '1:30'"),
        ("seed: 1e400", "seed must be a whole number .* got inf"),
        ("seed:", "seed must be a whole number .* got None"),
        ("noise: {kind: 8}", "kind must be one of .* got 8"),
        ("noise: {kind: brown}", "noise: kind must be one of white, pink, supplied, got 'brown'"),
        ("noise: {kind: babble}", "kind must be one of .* got 'babble'"),  # it needs talkers
        ("training: 30", "training must be a mapping of settings, got 30"),
        ("- training", "must contain a YAML mapping, found list"),
        ("false", "must contain a YAML mapping, found bool"),
        ("tuning: {epochs: 3", "Cannot read the parameter file .*params.yaml"),
        ("seed: 1\nseed: 2", "Cannot read .*params.yaml: duplicate key 'seed' in line 2"),
        ("audio:\n  n_fft: 512\n  n_fft: 256", "duplicate key 'n_fft' in line 3"),
        ("audio:\n\tn_fft: 512", "cannot start any token in line 2"),
        ("seed: 1\n---\nseed: 2", "expected a single document"),
        ("seed: !!python/name:os.system", "Cannot read the parameter file"),
        ("seed: !!timestamp x", "Cannot read the parameter file"),
        ("seed: 2001-99-99", "Cannot read the parameter file"),
        ("[" * 5000, "Cannot read the parameter file"),
        ("tuning: &a {epochs: [*a]}", "epochs must be a whole number"),
        ("audio: {n_fft: 500}", "audio: n_fft must be a multiple of 64"),
        ("audio: {hop_length: 16}", r"hop_length must be from .* \(32 to 256\), .* got 16"),
        ("audio: {hop_length: 300}", r"hop_length must be from .* \(32 to 256\), .* got 300"),
        (
            "audio: {n_fft: 4096, hop_length: 1024}",
            "n_fft .4096 samples .* is longer than .*crop_s",
        ),
        ("audio: {highpass_hz: 4000}", "highpass_hz must be a number from 1.0 to 1,000.0"),
        ("audio: {clip_s: 100}", "clip_s must be a number from 0.5 to 10.0"),
        ("training: {crop_s: 2}", r"params.yaml: training, crop_s \(2 s\) is longer than .*clip_s"),
        ("training: {varied_snr_low_db: 20}", r"varied_snr_low_db \(20\) is above"),
        ("training: {reference_crop_bins: 15}", "reference_crop_bins must be an even number"),
    ],
)
def test_a_wrong_params_file_is_refused(params, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config("quick", params(text))
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 600


def numbers():
    """Yield the section (or None) and field of every number."""
    for part in dataclasses.fields(Config):
        section = getattr(Config(), part.name)
        if dataclasses.is_dataclass(section):
            yield from ((part.name, f) for f in dataclasses.fields(section) if f.name != "kind")
        elif part.name != "profile":
            yield None, part


NUMBERS = list(numbers())
IDS = [f"{section}.{f.name}" if section else f.name for section, f in NUMBERS]


@pytest.mark.parametrize(("section", "field"), NUMBERS, ids=IDS)
def test_every_number_has_a_range_and_nothing_outside_is_taken(params, section, field):
    least, most = field.metadata["range"]
    assert least <= field.default <= most
    step = 1 if isinstance(field.default, int) else 1e-9
    for value in (least - step, most + step, ".nan", ".inf", "1e99", "text"):
        text = f"{field.name}: {value}"
        where = f"params.yaml, {section}" if section else "params.yaml"
        expected = f"{where}: {field.name} must be .* from {least:,} to {most:,} .*, got"
        with pytest.raises(InputError, match=re.escape(expected).replace(r"\.\*", ".*")):
            load_config("quick", params(f"{section}: {{{text}}}" if section else text))


def test_what_is_within_the_ranges_is_taken(params):
    long = "audio: {clip_s: 10, n_fft: 4096, hop_length: 256}\ntraining: {crop_s: 10}"
    assert load_config("quick", params(long)).audio.clip_samples == 80_000
    assert load_config("quick", params("seed: 4294967295")).seed == 2**32 - 1


def test_the_kinds_of_noise_are_those_that_can_be_made_and_the_supplied():
    for kind in (*NOISES, "supplied"):
        assert NoiseConfig(kind=kind).supplied == (kind == "supplied")
    with pytest.raises(InputError, match=f"one of {', '.join(NOISES)}, supplied, got 'hum'"):
        NoiseConfig(kind="hum")


def test_a_new_noise_is_a_kind_at_once(monkeypatch):
    monkeypatch.setitem(NOISES, "hum", NOISES["white"])
    assert NoiseConfig(kind="hum").kind == "hum"


def test_the_profile_is_one_of_the_table():
    assert [Config(profile=profile).profile for profile in PROFILES] == list(PROFILES)
    with pytest.raises(InputError, match=f"one of {', '.join(PROFILES)}, got 'fast'"):
        Config(profile="fast")


def test_settings_are_imported_without_any_package_of_numbers():
    """`make` reads them before the packages are installed."""
    code = "import sys, lib.config; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0


def test_unknown_profiles_and_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="'fast'; choose one of smoke, quick, full"):
        load_config("fast")
    with pytest.raises(InputError, match=r"Cannot read the parameter file .*none\.yaml"):
        load_config("quick", tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\x00\x9c")
    with pytest.raises(InputError, match=r"Cannot read the parameter file .*bytes\.yaml"):
        load_config("quick", tmp_path / "bytes.yaml")
    with pytest.raises(InputError, match=r"Cannot read the parameter file .*Is a directory"):
        load_config("quick", tmp_path)


def test_a_configuration_is_frozen_and_plain():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    assert config.to_dict()["tuning"]["epochs"] == config.tuning.epochs
    assert config.audio.clip_samples == 8000


def test_the_profile_is_not_chosen_in_the_file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("profile: full", encoding="utf-8")
    with pytest.raises(InputError, match="PROFILE="):
        load_config("quick", path)
