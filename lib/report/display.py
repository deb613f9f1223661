"""Notebook output: figures, tables, audio players and sentences with numbers.

Each output carries ``metadata.report = {"kind", "id", "caption", ...}`` for `lib.report.markdown`
and also renders in Jupyter.  Captions are Markdown; table cells and labels are plain text.
"""

from __future__ import annotations

import base64
import html
import io
import logging
import re
import warnings

import numpy as np
import pandas as pd
import soundfile
from IPython.display import display

from lib.errors import InputError
from lib.figures import style
from lib.figures.thumbnails import thumbnail
from lib.report.letters import make_drawable
from lib.report.tables import table_html
from lib.text import escape, fill
from lib.workspace.folder import Run

__all__ = ["start", "figure", "table", "players", "say"]

LOUDNESS_DBFS = -23.0  # RMS at which clips are played, if their peaks allow it
PEAK_DBFS = -1.0
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz

_state: dict = {"run": None, "players": True}


def start(run: Run, *, players: bool = True) -> None:
    """Set the current run, quiet the libraries and apply the style of the figures.

    Without `players`, a line of text replaces each audio player.
    """
    _state.update(run=run, players=bool(players))
    for library in ("absl", "tensorflow"):  # a filter, because TensorFlow resets its level
        logging.getLogger(library).addFilter(lambda record: record.levelno >= logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    style.apply()


def _check(identifier: str, prefix: str, **texts: str) -> None:
    """Raise InputError unless the identifier is well formed and no text is empty."""
    if not re.fullmatch(rf"{prefix}-[a-z0-9]+(-[a-z0-9]+)*", identifier):
        raise InputError(f"An identifier must look like '{prefix}-some-words', got {identifier!r}.")
    for name, text in texts.items():
        if not str(text).strip():
            raise InputError(f"{identifier}: {name} is empty; describe what is shown.")


def _show(data: dict, report: dict, **metadata) -> None:
    display(data, metadata={"report": report, **metadata}, raw=True)


def _show_prose(text: str, kind: str) -> None:
    _show({"text/markdown": text, "text/plain": text}, {"kind": kind})


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def figure(fig, identifier: str, *, caption: str, alt: str, **values) -> None:
    """Show a Matplotlib figure with its caption, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    identifier : str
        ``"fig-..."``, unique in the report; prose refers to it as ``@fig-...``.
    caption, alt : str
        The message in Markdown, and a plain-text alternative to the figure; not empty.
    **values
        Values of the caption's ``{name}`` fields, as in `say`; without any, it is used as it is.
    """
    import matplotlib.pyplot as plt

    _check(identifier, "fig", caption=caption, alt=alt)
    caption = fill(caption, values) if values else caption
    svg, png = io.BytesIO(), io.BytesIO()
    options = {"bbox_inches": "tight", "pad_inches": 0.04}
    words = make_drawable(fig)
    fig.savefig(svg, format="svg", dpi=200, metadata={"Date": None}, **options)
    fig.set_layout_engine("none")  # the layout is final
    fig.savefig(png, format="png", dpi=160, metadata={"Software": None}, **options)
    plt.close(fig)
    source = svg.getvalue().decode("utf-8")
    width_in = float(source.partition(' width="')[2].partition('pt"')[0]) / 72
    report = {"kind": "figure", "id": identifier, "caption": caption, "alt": alt}
    _show(
        {"image/svg+xml": source, "image/png": _base64(png.getvalue()), "text/plain": alt},
        report | {"width_in": round(width_in, 2), "words": list(words)},
        **{"image/png": {"width": round(width_in * 96), "alt": alt}},
    )
    _show({"text/markdown": f"*Figure.* {caption}", "text/plain": caption}, {"kind": "caption"})


def table(
    df: pd.DataFrame,
    identifier: str,
    *,
    caption: str,
    formats: dict | None = None,
    headers: dict | None = None,
) -> None:
    """Show a table with its caption; a named index becomes the first columns.

    Missing values are dashes, numbers right-aligned, and a first column of text is a row header.

    Parameters
    ----------
    df : pd.DataFrame
    identifier : str
        ``"tbl-..."``, unique in the report; prose refers to it as ``@tbl-...``.
    caption : str
        Markdown, not empty.
    formats : dict, optional
        Column -> ``"{:.1f}"`` or a callable; other floats get two decimals.
    headers : dict, optional
        Column -> heading; other columns show their name, with spaces in place of underscores.
    """
    _check(identifier, "tbl", caption=caption)
    formats, headers = formats or {}, headers or {}
    if any(name is not None for name in df.index.names):
        df = df.reset_index()
    unknown = [str(c) for c in [*formats, *headers] if c not in df.columns]
    if unknown:
        raise InputError(
            f"{identifier}: no column {', '.join(unknown)}; columns: {', '.join(map(str, df))}."
        )
    shown = table_html(df, caption=caption, formats=formats, headers=headers)
    _show(
        {"text/html": shown, "text/plain": df.to_string()},
        {"kind": "table", "id": identifier, "caption": caption},
    )


def players(sounds: list[tuple[str, np.ndarray, int]], *, title: str) -> None:
    """Show a labelled group of audio players, all at the same loudness, with small spectrograms.

    `sounds` are (label, y [shape=(n,)], sample_rate); all are scaled to the same RMS, at most
    -23 dBFS, so that no peak exceeds -1 dBFS.  `title`, plain text, describes the group.
    """
    if not sounds:
        raise InputError(f"players {title!r}: got no sounds, expected at least one.")
    labels = [str(label) for label, _, _ in sounds]
    levelled = _same_loudness([y for _, y, _ in sounds])
    pictures = [_base64(thumbnail(y)) for y in levelled]
    summary = f"{title} ({'; '.join(labels)})"
    report = {"kind": "players", "title": title, "labels": labels, "summary": summary}
    report |= {"pictures": pictures, "to_hear": _how_to_hear()}
    if not _state["players"]:
        line = f"**Audio.** {escape(summary)}: rendered without players. {report['to_hear']}"
        _show({"text/markdown": line, "text/plain": line}, report)
        return
    rows = [
        '<div class="player" style="display: flex; align-items: center; gap: 1em">'
        f'<span style="min-width: 9em">{html.escape(label)}</span>'
        f'<img src="data:image/png;base64,{picture}" width="110" height="56" '
        'alt="Spectrogram.">'
        f'<audio controls preload="metadata" aria-label="{html.escape(f"{title}: {label}")}" '
        f'src="{_audio_uri(y, rate)}"></audio></div>\n'
        for label, y, picture, (_, _, rate) in zip(labels, levelled, pictures, sounds)
    ]
    head = f'<div class="players" role="group" aria-label="{html.escape(title)}">\n'
    group = "".join([head, *rows, "</div>"])
    _show({"text/html": group, "text/plain": f"[audio: {summary}]"}, report)
    _show_prose(f"**Audio.** {escape(title)}.", "caption")


def _how_to_hear() -> str:
    run = _state["run"]
    command = "make report" if run is None else f"make report CORPUS={run.corpus}"
    if run is not None and run.data_dir:
        command += " DATA_DIR=..."
    return f"To hear the audio, run `{command}`."


def _same_loudness(sounds: list[np.ndarray]) -> list[np.ndarray]:
    """Scale all clips to one RMS, with no peak above `PEAK_DBFS`; silence is unchanged."""
    arrays = [np.nan_to_num(np.asarray(y, dtype=np.float64).ravel()) for y in sounds]
    rms = [float(np.sqrt(np.mean(y**2))) if y.size else 0.0 for y in arrays]
    room = [
        10 ** (PEAK_DBFS / 20) * level / np.abs(y).max() for y, level in zip(arrays, rms) if level
    ]
    target = min([10 ** (LOUDNESS_DBFS / 20), *room])
    return [y * (target / level) if level else y for y, level in zip(arrays, rms)]


def _audio_uri(y: np.ndarray, sample_rate: int) -> str:
    """Return `y` as a data URI: MP3 (a tenth of the size), or WAV at rates MP3 does not support."""
    buffer = io.BytesIO()
    if sample_rate in MP3_RATES:
        kind = "mpeg"
        soundfile.write(buffer, y, sample_rate, format="MP3", compression_level=0.2)
    else:
        kind = "wav"
        soundfile.write(buffer, y, sample_rate, format="WAV", subtype="PCM_16")
    return f"data:audio/{kind};base64,{_base64(buffer.getvalue())}"


def say(text: str, /, **values) -> None:
    """Show Markdown prose whose ``{name:.1f}`` fields are filled from `values`.

    Numbers get a typographic minus, missing values a dash; strings are shown verbatim, never as
    markup.

    Examples
    --------
    >>> say("Our model gains **{gain:.1f} dB** over {n} clips.", gain=11.4, n=300)
    """
    _show_prose(fill(text, values), "say")
