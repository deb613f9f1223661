"""lib.training.reference: the training data of the published autoencoder."""

import dataclasses

import numpy as np
import pytest
from voices import configure, voice_store

from lib.config import AudioConfig
from lib.models.published import (
    REFERENCE_SHAPE,
    ReferenceDenoiser,
    RelativeMagnitude,
    ZScore,
    filled_bins,
    reference_features,
)
from lib.training import reference

CONFIG = configure(
    training={"reference_clips": 4, "reference_crops": 2, "reference_crop_bins": 8,
              "reference_patience": 3, "reference_epochs": 7, "reference_learning_rate": 1e-3}
)  # fmt: skip


def test_crops_cut_noisy_and_target_alike_below_the_filled_band():
    noisy = np.arange(6 * 20 * 3).reshape(6, 20, 3, 1).astype(np.float32)

    def crops(seed):
        rng = np.random.default_rng(seed)
        return reference.ReferenceCrops(noisy, -noisy, bins=4, crops=8, top=12, rng=rng)

    assert len(crops(0)) == 6  # 6 clips x 8 crops in batches of 8
    lowest = []
    for inputs, targets in (crops(0)[i] for i in range(6)):
        assert inputs.shape == (8, 4, 3, 1)
        np.testing.assert_array_equal(targets, -inputs)
        np.testing.assert_array_equal(np.diff(inputs[:, :, 0, 0]), 3)  # neighbouring bins
        lowest += (inputs[:, 0, 0, 0] // 3).astype(int).tolist()
    assert sorted(clip // 20 for clip in lowest) == sorted(list(range(6)) * 8)
    assert {place % 20 for place in lowest} == set(range(9))  # the highest crop ends at bin 12
    np.testing.assert_array_equal(crops(0)[0], crops(0)[0])
    assert not np.array_equal(crops(0)[0], crops(1)[0])


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=3)


@pytest.mark.parametrize("scale", [ZScore, RelativeMagnitude])
def test_lessons_are_of_the_speakers_that_were_asked_for(store, scale):
    lessons = reference.lessons(store, ["01", "03"], ["02"], scale=scale)
    assert lessons.clips == 4  # two of each
    rows = {"training": store.rows_of(["01", "03"], limit=2), "held": store.rows_of(["02"])}
    noisy, clean = (
        {name: np.stack([reference_features(y(row), 8000) for row in of])
         for name, of in rows.items()}
        for y in (store.noisy, store.clean)
    )  # fmt: skip
    fitted = scale.fit(noisy["training"], clean["training"])
    assert lessons.facts == {"scale": dataclasses.asdict(fitted)}
    inputs, targets = lessons.validation
    expected = fitted.inputs(noisy["held"]), fitted.targets(clean["held"], noisy["held"])
    assert inputs.shape == targets.shape == (6, 8, 44, 1)  # 2 of each of 3 clips
    for pair in zip(inputs, targets):
        assert any(
            np.allclose(np.stack(pair), np.stack([whole[clip, k : k + 8] for whole in expected]))
            for clip in range(len(expected[0]))
            for k in range(filled_bins(8000) - 7)
        )
    crops = lessons.batches(epoch=0)
    assert len(crops) == 1 and crops.batches.shape == (1, 8, 2)  # 4 clips, twice
    assert crops.bins == 8
    assert crops.batches[..., 1].max() <= int(1024 * 8000 / 22_050) - 8, "below 4 kHz"


def test_epochs_have_crops_of_their_own(store):
    lessons = reference.lessons(store, ["01", "03"], ["02"], scale=RelativeMagnitude)
    first, again, second = (lessons.batches(epoch=epoch)[0][0] for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_what_the_record_holds_makes_the_denoiser():
    scale = ZScore(0.1, 2.0, 0.3, 4.0)
    record = {"audio": {"sample_rate": 8000}, "scale": dataclasses.asdict(scale)}
    assert reference.denoiser(None, record, scale=ZScore) == ReferenceDenoiser(None, 8000, scale)


def test_it_is_trained_as_published():
    budget = reference.budget(CONFIG)
    assert (budget.epochs, budget.patience, budget.plateau_rate) == (7, 3, 1e-3)
    assert float(reference.optimiser(CONFIG).learning_rate) == pytest.approx(1e-3)
    network = reference.build(AudioConfig())
    assert network.input_shape == (None, None, *REFERENCE_SHAPE[1:])
    assert network.count_params() == 316_289
