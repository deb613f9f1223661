"""lib.config: profiles differ in budget only; a params file is checked key by key."""

import dataclasses

import pytest

from lib.config import NOISE_KINDS, PROFILES, Config, load_config
from lib.errors import InputError
from lib.noise import NOISES


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
    assert load_config("smoke").training.epochs < load_config("full").training.epochs


def test_params_lie_over_the_profile(params):
    path = params("seed: 7\nnoise:\n  kind: pink\n  snr_db: -5\ntraining: {epochs: 30}\n")
    config = load_config("smoke", path)
    assert (config.seed, config.noise.kind, config.training.epochs) == (7, "pink", 30)
    assert config.training.folds == load_config("smoke").training.folds
    assert config.noise.snr_db == -5.0
    assert type(config.noise.snr_db) is float  # -5 is a whole number in YAML


def test_an_empty_params_file_changes_nothing(params):
    assert load_config("quick", params("")) == load_config("quick")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainning: {epochs: 3}", "unknown key 'trainning'; known keys are audio, evaluation"),
        ("training: {epoch: 3}", "params.yaml, training: unknown key 'epoch'; .* epochs"),
        ("training: {epochs: 3.5}", r"epochs must be int \(default \d+\), got 3.5"),
        ("training: {epochs: true}", "epochs must be int .* got True"),
        ("noise: {snr_db: '-8'}", "snr_db must be float .* got '-8'"),
        ("noise: {snr_db: yes}", "snr_db must be float .* got True"),
        ("noise: {kind: 8}", "kind must be str .* got 8"),
        ("noise: {kind: brown}", "noise: kind must be one of white, pink, supplied, got 'brown'"),
        ("noise: {kind: babble}", "kind must be one of .* got 'babble'"),  # it needs talkers
        ("training: 30", "training must hold a table of settings, got 30"),
        ("- training", "must hold a YAML mapping, found list"),
        ("training: {epochs: 3", "Cannot read the parameter file .*params.yaml"),
    ],
)
def test_a_wrong_params_file_is_refused(params, text, message):
    with pytest.raises(InputError, match=message):
        load_config("quick", params(text))


def test_the_kinds_of_noise_are_those_that_can_be_made_and_the_supplied():
    assert set(NOISE_KINDS) == {*NOISES, "supplied"}


def test_unknown_profiles_and_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="'fast'; choose one of smoke, quick, full"):
        load_config("fast")
    with pytest.raises(InputError, match=r"Cannot read the parameter file .*none\.yaml"):
        load_config("quick", tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00\x9c")
    with pytest.raises(InputError, match=r"Cannot read the parameter file .*bytes\.yaml"):
        load_config("quick", tmp_path / "bytes.yaml")


def test_a_configuration_is_frozen_and_plain():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    assert config.to_dict()["training"]["epochs"] == config.training.epochs
    assert config.audio.clip_samples == 8000


@pytest.mark.parametrize("text", ["training: {folds: 2}", "training: {epochs: 0}"])
def test_a_budget_that_cannot_work_is_refused(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="must be at least"):
        load_config("quick", path)


def test_the_profile_is_not_chosen_in_the_file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("profile: full", encoding="utf-8")
    with pytest.raises(InputError, match="PROFILE="):
        load_config("quick", path)
