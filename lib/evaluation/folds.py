"""Score every method on the test clips of every fold.

Every clip is denoised by a model for which its speaker is unseen.  The scores of a method in a fold
are cached under ``scores/`` and reused while nothing that they depend on has changed: an
interrupted evaluation is resumed, and after a change to a method only that method is rescored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib import metrics
from lib.clips.folds import test_rows
from lib.clips.store import ClipStore, content_of
from lib.evaluation.examples import PLAYED
from lib.evaluation.score import add_improvements, score_method
from lib.methods import Method, reported
from lib.methods.pretrained import PACKAGES
from lib.models.published import ZScore, reference_features
from lib.models.recogniser import Recogniser
from lib.training import shipped
from lib.training.keep import read_record
from lib.training.recipes import recipe_of
from lib.training.train import open_trained, stem
from lib.workspace.fingerprint import fingerprint, version_of
from lib.workspace.folder import Run

__all__ = ["depends_on", "evaluate", "kept_parts", "recognised_digits", "spectrogram_figure"]

PUBLISHED = "reference as published"  # its own figure is computed for all methods


def depends_on(run: Run, method: Method, fold: int) -> list:
    """Return what the output of a method in a fold depends on: its code and its weights."""
    if not method.trained:
        weights = [version_of(name) for name in PACKAGES] if method.compared else []
        weights += [shipped.record()["sha256"]] if method.recipe else []
        return [method.name, method.denoiser, weights]
    return [method.name, recipe_of(method.name).wrap, read_record(run, stem(method.name, fold))]


def _part(run: Run, store: ClipStore, method: Method, fold: int, rows) -> tuple[str, str]:
    """Return folder and key under which the scores of a method in a fold are cached."""
    settings = [run.config.to_dict()[part] for part in ("seed", "audio", "noise")]
    recogniser = [recipe_of("recogniser").wrap, read_record(run, stem("recogniser", fold))]
    facts = [depends_on(run, method, fold), recogniser, settings, content_of(store), rows.tolist()]
    key = fingerprint([*facts, _scale(run, fold), metrics.METRICS], score_method)
    return f"scores/fold{fold}/{method.name.replace(' ', '-')}", key


def _scale(run: Run, fold: int) -> dict | None:
    """Return the z-score statistics with which the published system's figure is computed."""
    return read_record(run, stem(PUBLISHED, fold)).get("scale")


def _score(
    run: Run,
    store: ClipStore,
    method: Method,
    fold: int,
    rows,
    open_recogniser: Callable[[], Recogniser],
) -> pd.DataFrame:
    denoise, scale = method.open(run, fold), _scale(run, fold)
    rate = store.config.audio.sample_rate
    denoise(store.noisy(rows[0]), rate, store.clean(rows[0]))  # warm-up: load and compile
    with tqdm(total=len(rows), desc=f"{method.name}, fold {fold + 1}", mininterval=2) as progress:
        return score_method(
            method,
            denoise,
            store,
            rows,
            scale=ZScore(**scale) if scale else None,
            recogniser=open_recogniser(),
            keep=method.name == PLAYED,
            tick=progress.update,
        ).assign(fold=fold)


def evaluate(
    run: Run, store: ClipStore, folds: pd.DataFrame, methods: Iterable[Method] | None = None
) -> pd.DataFrame:
    """Score methods on the test speakers of every fold.

    Parameters
    ----------
    methods : iterable of Method, optional
        By default those of every report; "noisy" must be among them.

    Returns
    -------
    pd.DataFrame
        One row per clip and method: the columns of `score_method`, `fold`, and the improvements.
    """
    methods = list(methods or reported(run.config))
    tables = []
    for fold, rows in test_rows(store, folds, run.config.evaluation.max_clips).items():
        load = functools.partial(open_trained, run, "recogniser", fold)
        open_recogniser = functools.cache(load)
        for method in methods:
            score = functools.partial(_score, run, store, method, fold, rows, open_recogniser)
            table = run.kept(*_part(run, store, method, fold, rows), score)
            tables.append(table.drop(columns="estimate", errors="ignore"))
    return add_improvements(pd.concat(tables, ignore_index=True))


def kept_parts(run: Run, store: ClipStore, folds: pd.DataFrame, method: Method) -> list:
    """Return folder and key of the scores of a method in each fold, present or not."""
    most = run.config.evaluation.max_clips
    return [
        _part(run, store, method, fold, rows)
        for fold, rows in test_rows(store, folds, most).items()
    ]


def recognised_digits(run: Run, store: ClipStore, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the digit recognised in each scored clip, with clean speech among the methods.

    Returns
    -------
    pd.DataFrame
        clip_id, speaker, digit, fold, method, recognised; the method "clean" comes first.
    """
    columns = ["clip_id", "speaker", "digit", "fold", "method", "recognised"]
    tables = []
    for fold, table in scores.groupby("fold"):
        recogniser = open_trained(run, "recogniser", fold)
        rows = store.index.index[store.index["clip_id"].isin(table["clip_id"])]
        heard = recogniser.digits([store.clean(row) for row in rows])
        clean = store.index.loc[rows].assign(fold=fold, method="clean", recognised=heard)
        tables.append(clean[columns])
    return pd.concat([*tables, scores[columns]], ignore_index=True)


def spectrogram_figure(run: Run, store: ClipStore, folds: pd.DataFrame, *, about: int = 20):
    """Compute the published figure as in the original: on the network's raw output.

    Every speaker contributes the same number of clips, about `about` in all.

    Returns
    -------
    pd.DataFrame
        One row per clip: speaker and the spectrogram SNR in dB of the noisy input, of the
        published variant's output and of an array of zeros.
    """
    rate, rows = run.config.audio.sample_rate, []
    limit = -(-about // len(folds))
    for fold, speakers in folds.groupby("fold")["speaker"]:
        denoiser = open_trained(run, PUBLISHED, fold)
        for row in store.rows_of(speakers, limit=limit):
            noisy = store.noisy(row)
            target = denoiser.scale.targets(reference_features(store.clean(row), rate))
            candidates = {
                "noisy input": denoiser.scale.inputs(reference_features(noisy, rate)),
                "zeros": np.zeros_like(target),
                PUBLISHED: denoiser.scale.targets(denoiser.magnitudes(noisy)),
            }
            figures = {k: metrics.spectrogram_snr(target, v) for k, v in candidates.items()}
            rows.append({"speaker": store.index["speaker"].iat[row], **figures})
    return pd.DataFrame(rows)
