"""Describes data frames, series and arrays for a model: shape, types, first rows, summary.

A library that is not loaded yet is never imported: no variable can come from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from nbchat._chat.keys import MASK, is_secret_name

from .kinds import is_of

_CELLS = 200_000  # the most cells of a frame or array that its summary looks at
_ROWS = 5
_COLUMNS = 40
_CELL_WIDTH = 60

TIMES = "\N{MULTIPLICATION SIGN}"


def is_table(value: object) -> bool:
    """Whether the value is a data frame, a series or an array of pandas, polars or numpy."""
    return _describer(value) is not None


def shape(value: Any) -> str:
    """Returns the size of a table, such as "100 by 3"; "" for a LazyFrame, which has none yet."""
    if is_of(value, "polars", "LazyFrame"):
        return ""
    return TIMES.join(f"{size:,}" for size in value.shape)


def describe_table(value: object) -> str:
    """Describes a table without changing it, a large one from a sample."""
    describer = _describer(value)
    assert describer is not None  # noqa: S101 - for the type checker: see is_table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return describer(value)


def _describer(value: object) -> Callable[[Any], str] | None:
    if is_of(value, "pandas", "DataFrame"):
        return _pandas
    if is_of(value, "pandas", "Series"):
        return _pandas_column
    if is_of(value, "polars", "DataFrame"):
        return _polars
    if is_of(value, "polars", "Series"):
        return _polars_column
    if is_of(value, "polars", "LazyFrame"):
        return _lazy
    return _array if is_of(value, "numpy", "ndarray") else None


def _counted(frame: Any) -> str:
    rows, columns = frame.shape
    return f"{rows:,} rows {TIMES} {columns:,} columns"


def _types(types: Iterable[tuple[object, object]], nulls: Iterable[int], more: int) -> str:
    lines = [
        f"  {name}: {dtype}" + (f", {missing:,} nulls" if missing else "")
        for (name, dtype), missing in zip(types, nulls, strict=True)
    ]
    return "\n".join([*lines, *([f"  … and {more:,} more columns"] if more > 0 else [])])


def _step(rows: int, columns: int) -> int:
    """Returns the number of rows from one sampled row to the next."""
    return max(1, rows * max(columns, 1) // _CELLS)


def _sampled(rows: int, step: int) -> str:
    return f" (from every {step:,}th row)" if step > 1 and rows else ""


def _written(head: str, types: str, rows: str, summary: str, sampled: str, first: int) -> str:
    parts = [
        head,
        f"Columns{sampled}:\n{types}",
        f"First {first} rows:\n{rows}" if first else "",
        f"Summary{sampled}:\n{summary}" if summary else "",
    ]
    return "\n\n".join(filter(None, parts))


# pandas


def _pandas(frame: Any) -> str:
    some = frame.iloc[:, :_COLUMNS]
    step = _step(*some.shape)
    sample = _without_secrets(some.iloc[::step])
    return _written(
        _counted(frame),
        _types(some.dtypes.items(), sample.isna().sum(), frame.shape[1] - _COLUMNS),
        _without_secrets(some.head(_ROWS)).to_string(max_colwidth=_CELL_WIDTH),
        _pandas_summary(sample),
        _sampled(len(frame), step),
        min(_ROWS, len(frame)),
    )


def _without_secrets(frame: Any) -> Any:
    hidden = {name: MASK for name in frame.columns if is_secret_name(str(name))}
    frame = frame.assign(**hidden) if hidden else frame
    if frame.index.dtype.kind in "iuf":
        return frame
    rows = frame.index.map(lambda label: is_secret_name(str(label)))
    if not rows.any():
        return frame
    frame = frame.astype(object)
    frame.iloc[rows] = MASK
    return frame


def _pandas_summary(sample: Any) -> str:
    if not len(sample):
        return ""
    # With "all", pandas looks for the most frequent value, which fails on lists in cells.
    for options in ({"include": "all"}, {}):
        with suppress(TypeError, ValueError):
            summary = sample.describe(**options)
            return str(summary.to_string(max_colwidth=_CELL_WIDTH, na_rep=""))
    return ""


def _pandas_column(column: Any) -> str:
    name = "values" if column.name is None else column.name
    return _pandas(column.to_frame(name=name))


# polars


def _polars(frame: Any) -> str:
    import polars

    some = frame[:, :_COLUMNS]
    hidden = [polars.lit(MASK).alias(name) for name in some.columns if is_secret_name(name)]
    step = _step(*some.shape)
    sample = some.gather_every(step).with_columns(hidden)
    nulls = sample.null_count().row(0) if sample.width else ()
    with polars.Config(
        tbl_cols=-1,
        tbl_rows=-1,
        tbl_width_chars=1000,
        fmt_str_lengths=_CELL_WIDTH,
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        rows = str(some.head(_ROWS).with_columns(hidden))
        summary = str(sample.describe()) if sample.width and sample.height else ""
    return _written(
        _counted(frame),
        _types(some.schema.items(), nulls, frame.width - _COLUMNS),
        rows,
        summary,
        _sampled(frame.height, step),
        min(_ROWS, frame.height),
    )


def _polars_column(column: Any) -> str:
    return _polars(column.to_frame())


def _lazy(frame: Any) -> str:
    schema = list(frame.collect_schema().items())
    types = _types(schema[:_COLUMNS], [0] * len(schema[:_COLUMNS]), len(schema) - _COLUMNS)
    return f"not collected\n\nColumns:\n{types}\n\nPlan:\n{frame.explain(optimized=False)}"


# numpy


def _array(array: Any) -> str:
    import numpy

    parts = [f"shape {array.shape}, dtype {array.dtype}"]
    if array.size and array.dtype.kind in "biufc":
        step = max(1, array.size // _CELLS)
        sample = array.flat[::step] if step > 1 else array
        sampled = f" (from every {step:,}th value)" if step > 1 else ""
        if array.dtype.kind != "c":
            known = sample[numpy.isfinite(sample)]
            if known.size:
                low, high, mean = known.min(), known.max(), known.mean()
                parts.append(f"range {low:.6g} to {high:.6g}, mean {mean:.6g}{sampled}")
        if missing := int(numpy.isnan(sample).sum()):
            parts.append(f"{missing:,} nan{sampled}")
    values = numpy.array2string(array, threshold=200, edgeitems=3)
    return "\n".join([*parts, "", values])
