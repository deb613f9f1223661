"""The published denoisers on the very same clips: what `make compare` runs.

::

    python -m lib.contest CORPUS PROFILE DATA_DIR PARAMS

trains Conv-TasNet on the folds, as our own model is trained, scores it and the peers of
`lib.peers` on the test clips of every fold, and leaves ``peers.parquet`` (score rows) and
``peers.json`` in the run's folder.  04_evaluation.ipynb takes them up with `open_peers`, as
long as they are about its clips, its noise and the present code; otherwise it says so and goes
without them.  Conv-TasNet counts as a peer that hears no other data than ours does.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable
from typing import cast

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib import metrics, training
from lib.artifacts import PROJECT_ROOT, Run, hash_of, open_run
from lib.baselines import Method
from lib.denoisers import load_denoiser
from lib.errors import end
from lib.evaluation import add_improvements, score_method
from lib.models import MODELS, PUBLISHED, build_reference, count_macs
from lib.pairs import split_speakers
from lib.peers import PEERS, peer_costs, require_packages
from lib.recognition import load_recogniser
from lib.store import ClipStore
from lib.supplied import open_store
from lib.training import model_name, train_all

__all__ = ["score_peers", "open_peers", "cost_table"]

SOURCES = [*training.SOURCES, "denoisers", "hearing", "recognition", "metrics", "scoring",
           "evaluation", "peers", "contest"]  # fmt: skip


def _fold_rows(run: Run, store: ClipStore, folds: pd.DataFrame) -> dict[int, np.ndarray]:
    """Test clips of each fold: those of `lib.evaluation.evaluate_folds`."""
    limit = -(-run.config.evaluation.max_clips // len(folds))
    speakers = folds.groupby("fold")["speaker"]
    return {int(fold): store.rows_of(names, limit=limit) for fold, names in speakers}


def _key(run: Run, store: ClipStore, folds: pd.DataFrame, fold: int, rows: np.ndarray) -> str:
    """Hash of all that the peers' scores of a fold depend on."""
    networks = [*PUBLISHED, "recogniser"]
    records = [run.path(f"models/{model_name(name, fold)}.json") for name in networks]
    facts = [
        (PROJECT_ROOT / "requirements-compare.txt").read_text(encoding="utf-8"),
        [run.config.to_dict()[part] for part in training.SETTINGS],
        [record.read_text(encoding="utf-8") if record.is_file() else "" for record in records],
        split_speakers(folds, fold),
        store.index.iloc[rows].to_json(),  # with a hash of each supplied noisy file
        hashlib.sha256(np.ascontiguousarray(store.clips[rows]).data).hexdigest(),
        list(metrics.METRICS),
    ]
    return hash_of(facts, SOURCES)


def _trained(run: Run, name: str, fold: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """A published network as ``denoise(noisy, sample_rate)``.

    It hears the clip alone, without zeros behind it, as it did in training: Conv-TasNet
    normalises over the whole input, and zeros would make the clip seem louder.
    """
    model = load_denoiser(run, name, fold).model

    def denoise(noisy, sample_rate):
        return np.asarray(model.predict_on_batch(noisy[None].astype(np.float32)))[0]

    return denoise


def _score_fold(run: Run, store: ClipStore, rows: np.ndarray, fold: int) -> pd.DataFrame:
    """Scores and improvements of all peers on the test clips of one fold."""
    trained = {name: _trained(run, name, fold) for name in PUBLISHED}
    options: dict = {"recogniser": load_recogniser(run, fold)}
    tables = [score_method(Method("noisy", lambda noisy, rate: noisy), store, rows, **options)]
    for name, denoise in (PEERS | trained).items():
        denoise(store.noisy(rows[0]), run.config.audio.sample_rate)  # loads and compiles
        with tqdm(total=len(rows), desc=f"{name}, fold {fold + 1}", mininterval=2) as progress:
            options["progress"] = progress
            tables.append(score_method(Method(name, denoise), store, rows, **options))
    scores = add_improvements(pd.concat(tables, ignore_index=True))
    return scores[scores["method"] != "noisy"].assign(fold=fold)


def score_peers(run: Run, store: ClipStore, folds: pd.DataFrame) -> pd.DataFrame:
    """Train Conv-TasNet, score all peers, and leave both for the report.

    Folds that were trained or scored before, with all that they depend on unchanged, are
    taken from the run's folder, so an interrupted comparison goes on where it was.

    Returns
    -------
    pd.DataFrame
        One row per clip and peer, with the columns of `lib.evaluation.evaluate_folds` but
        for the published system's own figure.

    Raises
    ------
    InputError
        An optional package is missing.
    """
    require_packages()
    run.save("peers_history", train_all(run, store, folds, PUBLISHED))
    keys, tables = [], []
    for fold, rows in _fold_rows(run, store, folds).items():
        keys.append(_key(run, store, folds, fold, rows))
        score = functools.partial(_score_fold, run, store, rows, fold)
        tables.append(run.kept(f"peers/fold{fold}", keys[-1], score))
    if not run.path("peers.json").is_file() or run.load_json("peers")["keys"] != keys:
        run.save("peers", pd.concat(tables, ignore_index=True))
        run.save_json("peers", {"keys": keys, "costs": peer_costs()})
    return run.load("peers")


def open_peers(run: Run, store: ClipStore, folds: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the peers' scores, none if they are not there or not valid, and a line about it.

    They are valid if clips, noise, settings, code and networks are those they were made with.
    """
    how = f"`make compare CORPUS={run.corpus} PROFILE={run.config.profile}`"
    if run.data_dir:
        how = how[:-1] + " DATA_DIR=...`"
    if not run.path("peers.json").is_file():
        none = f"Published denoisers were not scored on these clips; {how} adds them."
        return pd.DataFrame(), none
    parts = _fold_rows(run, store, folds).items()
    if run.load_json("peers")["keys"] != [_key(run, store, folds, *part) for part in parts]:
        return pd.DataFrame(), (
            "Published denoisers were scored with other clips, settings or code than the present "
            f"ones, so their scores are left out; {how} scores them again."
        )
    scores = run.load("peers")
    return scores, (
        f"{scores['method'].nunique()} published denoisers are in the tables: "
        f"{', '.join(scores['method'].unique())}. {' and '.join(PUBLISHED)} was trained by us on "
        "the same folds, examples and loss as our model; the others come with their own weights, "
        "work at their own sample rate, hear each clip three times in a row, and get the level "
        "that served them best on twenty test clips of FSDD, a choice in their favour."
    )


def _epoch_clips(store: ClipStore, folds: pd.DataFrame, model: str, fold: int) -> int:
    """Clips that a model sees in one epoch of a fold."""
    settings, speakers = store.config.training, split_speakers(folds, fold)[0]
    limit = settings.max_clips_per_speaker
    if model.startswith("reference"):
        limit = -(-settings.reference_clips // len(speakers))
    return len(store.rows_of(speakers, limit=limit))


def cost_table(
    run: Run, store: ClipStore, folds: pd.DataFrame, scores: pd.DataFrame
) -> pd.DataFrame:
    """What each method costs; a value that is unknown or does not apply is missing.

    Parameters
    ----------
    scores : pd.DataFrame
        Score rows of all methods.

    Returns
    -------
    pd.DataFrame
        One row per method in the order of `scores`: `method`; `parameters`; `macs`,
        multiply-accumulates for one second of sound; `milliseconds`, the median time to denoise
        a clip; `training_ms`, the mean time to learn from one clip in one epoch.
    """
    samples = run.config.audio.sample_rate
    costs, builders = {}, cast("dict[str, Callable]", MODELS | PUBLISHED)
    for name, build in builders.items():
        reference = build is build_reference  # its spectrograms always hold one second
        model = build() if reference else build(run.config.audio)
        macs = count_macs(model) if reference else count_macs(model, samples=samples)
        costs[name] = {"parameters": model.count_params(), "macs": macs}
    histories = [run.load("history")]
    if run.path("peers.json").is_file():
        costs |= run.load_json("peers")["costs"]
        histories.append(run.load("peers_history"))
    history = pd.concat(histories)
    history = history[history["model"].isin(costs)]
    for (model, fold), epochs in history.groupby(["model", "fold"]):
        clips = _epoch_clips(store, folds, model, fold)
        costs[model].setdefault("training", []).append(1e3 * epochs["seconds"].mean() / clips)
    table = scores.groupby("method", sort=False)[["milliseconds"]].median().reset_index()
    for column in ("parameters", "macs"):
        table[column] = [costs.get(name, {}).get(column, np.nan) for name in table["method"]]
    table["training_ms"] = [
        np.mean(costs.get(name, {}).get("training", np.nan)) for name in table["method"]
    ]
    return table[["method", "parameters", "macs", "milliseconds", "training_ms"]]


def main(corpus: str, profile: str, data_dir: str = "", params_file: str = "") -> None:
    """Run the comparison of the command line."""
    require_packages()
    run = open_run(corpus=corpus, profile=profile, data_dir=data_dir, params_file=params_file)
    score_peers(run, open_store(run), run.load("folds"))


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
