"""Score denoisers on waveforms: any ``denoise(noisy, sample_rate)`` in, one tidy table out.

Every clip is denoised by a model that never heard its speaker.  Metrics are taken over the
clip's own samples.  An improvement is ``metric(estimate) - metric(noisy)`` of the same clip.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from lib import metrics
from lib.artifacts import Run, hash_of
from lib.baselines import Method, standard_methods
from lib.denoisers import Denoiser, load_denoiser
from lib.errors import InputError
from lib.features import ReferenceScale, reference_features
from lib.models import MODELS
from lib.recognition import Recogniser, load_recogniser
from lib.scoring import score_estimate
from lib.store import ClipStore
from lib.training import model_name

__all__ = [
    "score_method",
    "add_improvements",
    "evaluate_folds",
    "words_heard",
    "spectrogram_figure",
    "examples",
]

IMPROVED = {"snr_db": "snr_improvement_db", "si_sdr_db": "si_sdr_improvement_db",
            "estoi": "estoi_improvement"}  # fmt: skip


def score_method(
    method: Method,
    store: ClipStore,
    rows: np.ndarray,
    *,
    kind: str | None = None,
    snr_db: float | None = None,
    scale: ReferenceScale | None = None,
    recogniser: Recogniser | None = None,
    progress: tqdm | None = None,
) -> pd.DataFrame:
    """Denoise clips with one method and score the results.

    Parameters
    ----------
    method : Method
        Its function is called clip by clip, and timed.
    rows : np.ndarray
        Rows of the clip store.
    kind, snr_db
        Condition; the configured one by default.
    scale : ReferenceScale, optional
        With it the reference's own figure is taken, too.
    recogniser : Recogniser, optional
        With it the digit that it hears is written down as `recognised`.
    progress : tqdm, optional
        Advanced by one per clip.

    Returns
    -------
    pd.DataFrame
        One row per clip: clip_id, speaker, digit, method, noise, input_snr_db, the metrics and
        `milliseconds`.

        An estimate that is not finite has no scores and counts as silence when it is heard.

    Raises
    ------
    InputError
        The method returned something that is no waveform of the same length, or none that is
        finite.
    """
    rate, noise = store.config.audio.sample_rate, store.config.noise
    kind, snr_db = kind or noise.kind, noise.snr_db if snr_db is None else snr_db
    estimates, cleans, milliseconds = [], [], []
    for row in rows:
        clean, noisy = store.clean(row), store.noisy(row, kind=kind, snr_db=snr_db)
        start = time.perf_counter()
        extra = (clean,) if method.oracle else ()
        estimate = np.asarray(method.denoise(noisy, rate, *extra), dtype=float)
        milliseconds.append(1e3 * (time.perf_counter() - start))
        if estimate.shape != clean.shape:
            raise InputError(
                f"{method.name} returned shape {estimate.shape} for a clip of shape "
                f"{clean.shape}; a denoiser must keep the length."
            )
        estimates.append(estimate)
        cleans.append(clean)
        if progress is not None:
            progress.update()
    finite = [bool(np.all(np.isfinite(estimate))) for estimate in estimates]
    if not any(finite):
        raise InputError(
            f"{method.name} returned NaN or infinite samples for all {len(rows)} clips, such as "
            f"{store.index['clip_id'].iat[rows[0]]}; a waveform is finite."
        )
    scores = joblib.Parallel(n_jobs=-1, batch_size=16)(
        joblib.delayed(score_estimate)(clean, estimate, rate, scale)
        for clean, estimate in zip(cleans, estimates)
    )
    table = store.index.loc[rows, ["clip_id", "speaker", "digit"]].reset_index(drop=True)
    table = table.assign(method=method.name, noise=kind, input_snr_db=float(snr_db))
    if recogniser is not None:
        heard = [y if whole else np.zeros_like(y) for y, whole in zip(estimates, finite)]
        table["recognised"] = recogniser.digits(heard)
    return pd.concat([table, pd.DataFrame(scores)], axis=1).assign(milliseconds=milliseconds)


def add_improvements(scores: pd.DataFrame) -> pd.DataFrame:
    """Add ``metric(estimate) - metric(noisy)`` per clip and condition.

    NaN where the metric is not defined for one of the two.

    Raises
    ------
    InputError
        A clip lacks its row for the method "noisy".
    """
    key = ["clip_id", "noise", "input_snr_db"]
    noisy = scores[scores["method"] == "noisy"].set_index(key)[list(IMPROVED)]
    before = scores[key].join(noisy.assign(there=True), on=key)
    if before["there"].isna().any():
        raise InputError("Improvements need a score of the method 'noisy' for every clip.")
    return scores.assign(
        **{name: scores[metric] - before[metric] for metric, name in IMPROVED.items()}
    )


def fold_methods(run: Run, fold: int) -> tuple[list[Method], ReferenceScale | None]:
    """All methods for the test speakers of a fold, and the reference's scale in that fold."""
    denoisers = {name: load_denoiser(run, name, fold) for name in MODELS}
    trained = [Method(name, denoiser) for name, denoiser in denoisers.items()]
    scales = [denoiser.scale for denoiser in denoisers.values() if denoiser.scale is not None]
    return standard_methods(run.config) + trained, scales[0] if scales else None


def _fold_key(run: Run, fold: int, rows: np.ndarray, choice: str) -> str:
    """Hash of all that the scores of a fold depend on: networks, settings, clips, code."""
    names = [model_name(method, fold) for method in [*MODELS, "recogniser"]]
    records = [run.path(f"models/{name}.json") for name in names]
    networks = [
        record.read_text(encoding="utf-8") if record.is_file() else "" for record in records
    ]
    settings = [run.config.to_dict()[part] for part in ("seed", "audio", "noise")]
    facts = [choice, networks, settings, list(metrics.METRICS), rows.tolist()]
    sources = ["baselines", "denoisers", "evaluation", "hearing", "metrics", "recognition"]
    return hash_of(facts, [*sources, "scoring"])


def _score_fold(run: Run, store: ClipStore, rows, fold: int, choice, recogniser) -> pd.DataFrame:
    (methods, scale), tables, title = choice(run, fold), [], f"fold {fold + 1}"
    options = {"scale": scale, "recogniser": recogniser(run, fold)}
    with tqdm(total=len(rows) * len(methods), desc=title, unit="clip", mininterval=2) as progress:
        for method in methods:
            if isinstance(method.denoise, Denoiser):  # the first call compiles: do not time it
                method.denoise(store.noisy(rows[0]), store.config.audio.sample_rate)
            tables.append(score_method(method, store, rows, progress=progress, **options))
    return pd.concat(tables, ignore_index=True).assign(fold=fold)


def evaluate_folds(
    run: Run,
    store: ClipStore,
    folds: pd.DataFrame,
    *,
    methods: Callable[[Run, int], tuple[list[Method], ReferenceScale | None]] = fold_methods,
    recogniser: Callable[[Run, int], Recogniser] = load_recogniser,
) -> pd.DataFrame:
    """Score every method on the test speakers of every fold: the score table of the report.

    `methods` gives the methods of a fold and the scale of the published figure in it,
    `recogniser` the digit recogniser that never heard its speakers.  Each fold is kept under
    ``scores/`` and taken from there when nothing that it depends on has changed, so an
    interrupted evaluation goes on after the last whole fold.
    """
    limit = -(-run.config.evaluation.max_clips // len(folds))
    tables = []
    for fold, speakers in folds.groupby("fold")["speaker"]:
        rows = store.rows_of(speakers, limit=limit)
        score = functools.partial(_score_fold, run, store, rows, fold, methods, recogniser)
        key = _fold_key(run, fold, rows, methods.__qualname__)
        tables.append(run.kept(f"scores/fold{fold}", key, score))
    return add_improvements(pd.concat(tables, ignore_index=True))


def words_heard(run: Run, store: ClipStore, scores: pd.DataFrame) -> pd.DataFrame:
    """The digit that the recogniser hears in each scored clip, clean speech among the methods.

    Returns
    -------
    pd.DataFrame
        clip_id, speaker, digit, fold, method, recognised; the method "clean" comes first.
    """
    columns = ["clip_id", "speaker", "digit", "fold", "method", "recognised"]
    tables = []
    for fold, table in scores.groupby("fold"):
        recogniser = load_recogniser(run, fold)
        rows = store.index.index[store.index["clip_id"].isin(table["clip_id"])]
        heard = recogniser.digits([store.clean(row) for row in rows])
        clean = store.index.loc[rows].assign(fold=fold, method="clean", recognised=heard)
        tables.append(clean[columns])
    return pd.concat([*tables, scores[columns]], ignore_index=True)


def spectrogram_figure(run: Run, store: ClipStore, folds: pd.DataFrame, *, limit: int = 2):
    """The published figure as it was computed: on the network's raw output.

    Returns
    -------
    pd.DataFrame
        One row per clip: speaker and the spectrogram SNR in dB of the noisy input, of the
        published variant's output and of an array of zeros.
    """
    rate, rows = run.config.audio.sample_rate, []
    for fold, speakers in folds.groupby("fold")["speaker"]:
        denoiser = load_denoiser(run, "reference as published", fold)
        for row in store.rows_of(speakers, limit=limit):
            noisy = store.noisy(row)
            target = denoiser.scale.z_score(reference_features(store.clean(row), rate))
            candidates = {
                "noisy input": denoiser.scale.inputs(reference_features(noisy, rate)),
                "zeros": np.zeros_like(target),
                "reference as published": denoiser.scale.z_score(denoiser.spectrogram(noisy)),
            }
            figures = {k: metrics.spectrogram_snr(target, v) for k, v in candidates.items()}
            rows.append({"speaker": store.index["speaker"].iat[row], **figures})
    return pd.DataFrame(rows)


def examples(run: Run, store: ClipStore, clips: list[pd.Series]) -> list[dict[str, np.ndarray]]:
    """Clean, noisy and denoised waveforms of scored clips, by the fold's own model.

    Parameters
    ----------
    clips : list of pd.Series
        Rows of the score table (`clip_id`, `fold`).
    """
    row_of = pd.Series(store.index.index, index=store.index["clip_id"])
    sounds = []
    for clip in clips:
        row, denoise = row_of[clip["clip_id"]], load_denoiser(run, "ours", clip["fold"])
        noisy = store.noisy(row)
        denoised = denoise(noisy, run.config.audio.sample_rate)
        sounds.append({"clean": store.clean(row), "noisy": noisy, "denoised": denoised})
    return sounds
