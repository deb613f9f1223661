"""lib.training.trials: variants change what they name, and test speakers are never used."""

import dataclasses
import functools

import numpy as np
import pytest
from voices import configure, supplied_store

from lib.clips.folds import assign_folds, split_speakers
from lib.config import Config
from lib.models.mask import build_ours
from lib.training import trials, tuning
from lib.training.recipes import RECIPES
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("eagerly")

CONFIG = configure(
    training={"folds": 3, "varied_share": 0.0, "batch_size": 4, "crop_s": 0.25},
    search={"epochs": 1},
)


def test_names_are_told_apart():
    names = [(variant.group, variant.name) for variant in trials.VARIANTS]
    assert len(set(names)) == len(names)
    first = trials.VARIANTS[0]
    assert (first.settings, first.passes) == ({}, 1)
    assert first.recipe is RECIPES["ours"]


def test_every_variant_departs_from_the_present_model_in_one_respect():
    bases = {"ours": RECIPES["ours"], "ours from scratch": RECIPES["ours from scratch"]}
    for variant in trials.VARIANTS[1:]:
        present = bases[variant.recipe.name]
        assert variant.name and variant.group
        assert (variant.group == "from scratch") == (present is trials.FROM_SCRATCH)
        if variant.recipe is present and variant.name == "baseline":
            continue  # from scratch: the baseline of other architectures
        parts = [field.name for field in dataclasses.fields(present)]
        changed = [
            part for part in parts if getattr(variant.recipe, part) is not getattr(present, part)
        ]
        assert len(changed) + len(variant.settings) == 1, variant.name


def test_every_variant_is_kept_under_a_key_of_its_own():
    store = supplied_store(Config(), speakers=3, digits=1)
    folds = assign_folds(store.index, store.index.assign(gender="female"), store.config)
    parts = [trials._part(store, folds, i) for i in range(len(trials.VARIANTS))]
    assert len({folder for folder, _ in parts}) == len({key for _, key in parts}) == len(parts)


@pytest.mark.parametrize(
    "variant", trials.VARIANTS, ids=lambda variant: f"{variant.group} {variant.name}"
)
def test_a_variant_changes_what_it_names_and_the_epochs(variant):
    config = Config()
    changed = variant.over(config)
    wanted = {part: {"epochs": config.search.epochs} for part in ("scratch", "tuning")}
    for section, settings in variant.settings.items():
        wanted[section] = wanted.get(section, {}) | settings
    replaced = functools.reduce(
        lambda so_far, part: configure(so_far, **{part: wanted[part]}), wanted, config
    )
    assert changed == replaced


def test_search_hears_no_test_speaker_is_kept_and_goes_stale(tmp_path, monkeypatch):
    """In supplied noise, which is evaluated as it is; noise drawn in training is mixed."""
    store = supplied_store(CONFIG, speakers=4)
    folds = assign_folds(store.index, store.index.assign(gender="female"), store.config)
    run = Run(dir=tmp_path, corpus="sample", config=store.config, data_dir="")
    few = functools.partial(build_ours, channels=(2, 2), recurrent_units=2)
    tried = [trials.VARIANTS[0], trials.VARIANTS[-1]]
    parts = {"build": few, "start": lambda audio: None}  # the general network is larger
    tried = [dataclasses.replace(v, recipe=dataclasses.replace(v.recipe, **parts)) for v in tried]
    monkeypatch.setattr(trials, "VARIANTS", tried)
    monkeypatch.setattr(trials, "SCORED_CLIPS", 2)
    heard = set()
    clean = type(store).clean
    monkeypatch.setattr(
        type(store), "clean", lambda self, row: (heard.add(row), clean(self, row))[1]
    )
    table, line = trials.open_search(run, store, folds)
    assert table.empty
    assert "make search CORPUS=sample" in line
    trials.try_all(run, store, folds)
    table, line = trials.open_search(run, store, folds)
    assert table["name"].tolist() == ["baseline", "mean over two shifts"]
    assert line == ""
    assert table.drop(columns="group").notna().all(axis=None)
    assert table["macs"].iat[1] == 2 * table["macs"].iat[0]
    test_speakers = split_speakers(folds, 0)[2]
    assert not heard & set(store.rows_of(test_speakers))
    heard.clear()
    trials.try_all(run, store, folds)
    assert not heard  # all was cached
    assert sorted(path.name for path in run.path("search").iterdir()) == ["00", "01"]
    origins = run.origins("search")
    assert len(origins) == 2 and all(origin["code"] for origin in origins)
    config = dataclasses.replace(store.config, seed=1)
    other = dataclasses.replace(store, config=config)
    assert trials.open_search(run, other, folds)[0].empty


def test_a_frozen_encoder_keeps_its_weights_and_the_others_their_places():
    audio = Config().audio
    ours, frozen = build_ours(audio), tuning.build(audio)
    frozen.set_weights(ours.get_weights())
    for own, given in zip(frozen.weights, ours.weights, strict=True):
        assert own.name == given.name
        assert np.array_equal(own.numpy(), given.numpy())
    names = {w.path.split("/")[0] for w in frozen.trainable_variables}
    kept = len(frozen.trainable_variables) / len(ours.trainable_variables)
    assert any("bidirectional" in name for name in names) and 0 < kept < 1
    assert ours.layers[3].trainable and not frozen.layers[3].trainable
    from_scratch = tuning.build(dataclasses.replace(audio, hop_length=64))
    assert len(from_scratch.trainable_variables) == len(ours.trainable_variables)
