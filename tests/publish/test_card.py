"""The shipped network, its record and its card belong together, and to the committed report."""

import copy
import dataclasses
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from places import committed

from lib.config import load_config
from lib.denoise import SHIPPED, load_model
from lib.errors import MissingArtifactError
from lib.models.size import count_macs
from lib.publish import card
from lib.workspace.folder import Run, write_json

CONFIG = load_config("smoke")
FACTS = [json.loads(path.read_text(encoding="utf-8")) for path in card.SOURCES]


def test_card_is_that_of_the_committed_report():
    text = card.CARD.read_text(encoding="utf-8")
    versions = [[committed(path) for path in card.SOURCES]]
    versions.append([path.read_text(encoding="utf-8") for path in card.SOURCES])
    cards = [card.model_card(*map(json.loads, texts)) for texts in versions if all(texts)]
    assert text in cards, "run `make publish`"


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (0, ["ours_si_sdr_improvement_db"]),
        (0, ["ours_estoi_low"]),
        (0, ["n_clips"]),
        (1, ["config", "noise", "snr_db"]),
        (1, ["seed"]),
        (2, ["unheard", "snr_improvement_db", "mean"]),
        (2, ["parameters"]),
    ],
)
def test_another_number_would_be_seen(source, place):
    facts = copy.deepcopy(FACTS)
    part = facts[source]
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] += 1
    assert card.model_card(*facts) != card.model_card(*FACTS)


def test_network_and_record_belong_together():
    record, model = FACTS[2], load_model().network
    assert record["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert record["parameters"] == model.count_params()
    assert record["macs"] == count_macs(model, (record["audio"]["sample_rate"],))
    assert SHIPPED.stat().st_size < 4_000_000
    assert not model.compiled


def test_intervals_hold_their_means():
    for score in FACTS[2]["unheard"].values():
        assert score["low"] < score["mean"] < score["high"]
    assert "11.9 (11.6 to 12.2)" in card._scores(
        {f"ours_{k}{end}": 0.0 for k in card.SCORES for end in ("", "_low", "_high")},
        {"unheard": {k: {"high": 12.2, "low": 11.6, "mean": 11.9} for k in card.SCORES}},
    )


def test_speakers_stand_with_their_roles():
    record = FACTS[2]
    text = card.model_card(*FACTS)
    for part, role in [("training", "trained on"), ("test", "never heard")]:
        for name in record[f"{part}_speakers"]:
            who = record["speakers"][name]
            assert f"| {name} | {who['gender']} | {who['accent']} | {role} |" in text


@pytest.fixture
def run(tmp_path):
    """A finished run of two speakers, whose network is the shipped one."""
    run = Run(corpus="fsdd", config=CONFIG, data_dir="", dir=tmp_path / "run")
    record = {k: v for k, v in FACTS[2].items() if k not in ("sha256", "unheard", "sweep")}
    record |= {"training_speakers": ["a"], "validation_speakers": ["a"], "test_speakers": ["b"]}
    write_json(run.path("models/ours-fold0.json"), record)
    run.path("models/ours-fold0.keras").write_bytes(SHIPPED.read_bytes())
    run.save_json("headline", FACTS[0])
    clips = pd.DataFrame({"speaker": list("aabb"), "method": "ours", "estoi": [0, 0, 0.2, 0.4]})
    clips = clips.assign(si_sdr_improvement_db=[99, 99, 10, 12], snr_improvement_db=[99, 99, 4, 4])
    run.save("scores", pd.concat([clips, clips.assign(method="Wiener", estoi=0.0)]))
    run.save("speakers", pd.DataFrame({"speaker": ["a", "b"], "gender": "f", "accent": "x"}))
    return run


def test_only_clips_that_the_network_never_heard_are_scored(run):
    found = card.measured(run, run.load_json("models/ours-fold0"), SHIPPED)
    assert found["n_unheard_clips"] == 2
    assert found["unheard"]["si_sdr_improvement_db"]["mean"] == 11
    half = 12.706  # Student's t of two clips (one degree of freedom), whose standard error is 1
    assert found["unheard"]["si_sdr_improvement_db"]["low"] == pytest.approx(11 - half, abs=1e-3)
    assert found["sweep"] == []


def test_publish_copies_network_and_record_and_writes_the_card(run, tmp_path):
    sweep = pd.DataFrame({"speaker": list("ab"), "method": "ours", "noise": "pink"})
    sweep = sweep.assign(input_snr_db=10.0, si_sdr_improvement_db=[-1.5, -0.5])
    run.save("sweep", pd.concat([sweep, sweep.assign(method="noisy", noise="none")]))
    folder = tmp_path / "report"
    write_json(folder / "headline.json", FACTS[0])
    write_json(folder / "provenance.json", FACTS[1])
    card.publish(run, folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {card.CARD.name, SHIPPED.name, *(path.name for path in card.SOURCES)}
    assert load_model(folder / SHIPPED.name).audio.sample_rate == FACTS[2]["audio"]["sample_rate"]
    text = (folder / card.CARD.name).read_text(encoding="utf-8")
    assert "| input SNR (dB) | pink |" in text
    assert "| 10 | −1.0 (" in text
    assert np.isfinite(json.loads((folder / "denoiser.json").read_text())["sweep"][0]["low"])


def test_the_report_of_another_run_is_not_mixed_in(run, tmp_path):
    write_json(tmp_path / "headline.json", FACTS[0] | {"n_clips": 1})
    with pytest.raises(MissingArtifactError, match="make report CORPUS=fsdd PROFILE=smoke"):
        card.publish(run, tmp_path)
    with pytest.raises(MissingArtifactError, match="make report"):
        card.publish(dataclasses.replace(run, dir=tmp_path / "nothing"), tmp_path / "nowhere")
