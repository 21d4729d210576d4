"""Describes data frames, series and arrays for a model: shape, types, first rows, summary.

A library that is not loaded yet is never imported: no variable can come from it. A part that fails
costs that part only, because columns may hold anything.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nbchat._chat.keys import MASK

from .brief import are_pairs, brief, is_hidden
from .kinds import is_a, is_of, is_table, module_of, name_of

_CELLS = 200_000  # the most cells of a frame or array that its summary looks at
_ROWS = 5
_COLUMNS = 40
_CELL_WIDTH = 60
_VALUES = 50  # the most values of an array that are shown
# Kinds of numpy types that hold no secret: truth values, fractions and times. Integers may.
_HARMLESS = "bfcMm"
# What these libraries show of their own values in a cell is short and has no names in it.
_SCALARS = {"pandas", "numpy", "datetime", "decimal", "fractions", "uuid", "pathlib"}

TIMES = "\N{MULTIPLICATION SIGN}"


def shape(value: Any) -> str:
    """Returns the size of a table, such as "100 by 3"; "" for a LazyFrame, which has none yet."""
    if is_of(value, "polars", "LazyFrame"):
        return ""
    return TIMES.join(f"{size:,}" for size in getattr(value, "shape", None) or (len(value),))


def column_names(value: Any) -> Iterable[Any]:
    """Returns the names of a table's columns; none of what has no columns."""
    if is_of(value, "pyarrow", "Table", "RecordBatch"):
        return list(value.schema.names)
    if is_of(value, "numpy", "ndarray"):
        return value.dtype.names or ()
    names: Iterable[Any] = getattr(value, "columns", ())
    return names


def describe_table(value: Any) -> str:
    """Describes a table without changing it, a large one from a sample."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library, name, describe in _DESCRIBERS:
            if is_of(value, library, name):
                return describe(value)
        return _array(value)


def _counted(frame: Any) -> str:
    rows, columns = frame.shape
    return f"{rows:,} rows {TIMES} {columns:,} columns"


def _part(describe: Callable[[], str]) -> str:
    """Returns a part of a description; the kind of its error if it fails."""
    try:
        return describe()
    except Exception as error:
        return f"(This part can't be described: {name_of(type(error))}.)"


def _types(types: Iterable[tuple[object, object]], nulls: Sequence[object], more: int) -> str:
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
    first = _without_secrets(some.head(_ROWS))
    columns = list(zip(map(_cell, first.columns), some.dtypes, strict=True))
    nulls = [_nulls(sample.iloc[:, n]) for n in range(sample.shape[1])]
    return _written(
        _counted(frame),
        _part(lambda: _types(columns, nulls, frame.shape[1] - _COLUMNS)),
        _part(lambda: _shown(first).to_string(max_colwidth=_CELL_WIDTH)),
        _part(lambda: _pandas_summary(sample)),
        _sampled(len(frame), step),
        min(_ROWS, len(frame)),
    )


def _without_secrets(frame: Any) -> Any:
    """Returns a copy of a frame in which cells and labels that have a secret's name are masked."""
    frame = frame.copy(deep=False)
    rows = [n for n, label in enumerate(_names(frame.index)) if is_hidden(label)]
    if frame.shape[1] == 2 and frame.dtypes.iloc[0].kind not in "biufcMm":  # names and values
        rows += [n for n, cell in enumerate(frame.iloc[:, 0]) if is_hidden(cell)]
    columns = {n for n, label in enumerate(frame.columns) if is_hidden(label)}
    for n in range(frame.shape[1]):
        if frame.dtypes.iloc[n].kind in _HARMLESS:
            continue
        if n in columns:
            frame.isetitem(n, [MASK] * len(frame))
        elif rows and (n > 0 or frame.shape[1] != 2 or any(map(is_hidden, frame.index))):
            cells = frame.iloc[:, n].astype(object).copy()
            cells.iloc[rows] = MASK
            frame.isetitem(n, cells)
    frame.index, frame.columns = (
        _without_secret_labels(frame.index),
        _without_secret_labels(frame.columns),
    )
    return frame


def _names(index: Any) -> Iterable[object]:
    """Returns the labels of an index if they can be names."""
    return index if index.nlevels > 1 or index.dtype.kind not in "biufcMm" else ()


def _without_secret_labels(index: Any) -> Any:
    """Masks the labels of a level that has the name of a secret, as after `set_index`."""
    hidden = [is_hidden(name) for name in index.names]
    if not any(hidden):
        return index
    import pandas

    levels = [
        [MASK] * len(index) if is_secret else index.get_level_values(n)
        for n, is_secret in enumerate(hidden)
    ]
    if len(levels) == 1:
        return pandas.Index(levels[0], name=index.name)
    return pandas.MultiIndex.from_arrays(levels, names=index.names)


def _nulls(column: Any) -> int:
    try:
        return int(column.isna().sum())
    except Exception:  # a type of another library that does not know
        return 0


def _shown(frame: Any) -> Any:
    """Returns a small frame with the cells and labels that its text shows."""
    frame = frame.copy(deep=False)
    for n in range(frame.shape[1]):
        if frame.dtypes.iloc[n].kind not in "biufcMm":
            frame.isetitem(n, [_cell(cell) for cell in frame.iloc[:, n]])
    for axis in ("index", "columns"):
        labels = getattr(frame, axis)
        if labels.nlevels == 1 and labels.dtype == object:
            setattr(frame, axis, labels.map(_cell))
    return frame


def _cell(value: object) -> object:
    """Returns a value as a cell shows it: texts and numbers as they are, others as a brief repr."""
    if is_of(value, "numpy", "ndarray"):
        value = value.ravel()[:_VALUES].tolist()  # type: ignore[attr-defined]
    if is_a(value, str, int, float, complex, type(None)):
        return value
    library = module_of(type(value)).partition(".")[0]
    if library in _SCALARS and not (is_table(value) or is_of(value, "numpy", "void")):
        return value
    try:
        return brief(value)
    except Exception as error:
        return f"<{name_of(type(value))}: its repr raises {name_of(type(error))}>"


def _pandas_summary(sample: Any) -> str:
    if not len(sample) or not sample.shape[1]:
        return ""
    try:
        return _summary_text(sample.describe(include="all"))
    except Exception:  # pandas looks for the most frequent value, which fails on lists in cells
        return _summary_by_columns(sample)


def _summary_by_columns(sample: Any) -> str:
    import pandas

    parts, left_out = [], []
    for n, label in enumerate(sample.columns):
        try:
            parts.append(sample.iloc[:, [n]].describe(include="all"))
        except Exception:
            left_out.append(str(_cell(label)))
    note = f"(No summary of {', '.join(left_out)}.)"
    if not parts:
        return note
    rows = ["count", "unique", "top", "freq", "mean", "std", "min", "25%", "50%", "75%", "max"]
    summary = pandas.concat(parts, axis=1)
    return f"{_summary_text(summary.reindex([n for n in rows if n in summary.index]))}\n{note}"


def _summary_text(summary: Any) -> str:
    return str(_shown(summary).to_string(max_colwidth=_CELL_WIDTH, na_rep=""))


def _pandas_column(column: Any) -> str:
    name = "values" if column.name is None else column.name
    return _pandas(column.to_frame(name=name))


def _pandas_index(index: Any) -> str:
    if index.nlevels > 1:
        return _pandas(index.to_frame(index=False, allow_duplicates=True))
    return _pandas_column(index.to_series(index=range(len(index))))


# polars


def _polars(frame: Any) -> str:
    import polars

    some = frame[:, :_COLUMNS]
    step = _step(*some.shape)
    sample = _polars_without_secrets(some.gather_every(step))
    first = _polars_without_secrets(some.head(_ROWS))
    hidden = {name for name in some.columns if sample.schema[name] != some.schema[name]}
    types = [(name, "hidden" if name in hidden else dtype) for name, dtype in some.schema.items()]
    nulls = sample.null_count().row(0) if sample.width else ()
    plain = sample.select(name for name in sample.columns if not _is_nested(sample.schema[name]))
    with polars.Config(
        tbl_cols=-1,
        tbl_rows=-1,
        tbl_width_chars=1000,
        fmt_str_lengths=_CELL_WIDTH,
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        rows = _part(lambda: str(_polars_shown(first)))
        summary = _part(lambda: str(plain.describe()) if plain.width and plain.height else "")
    return _written(
        _counted(frame),
        _types(types, nulls, frame.width - _COLUMNS),
        rows,
        summary,
        _sampled(frame.height, step),
        min(_ROWS, frame.height),
    )


def _polars_without_secrets(frame: Any) -> Any:
    import polars

    for name, dtype in frame.schema.items():
        if is_hidden(name) and not (
            dtype.is_float() or dtype.is_temporal() or dtype.is_(polars.Boolean)
        ):
            frame = frame.with_columns(polars.lit(MASK).alias(name))
    if frame.width == 2 and frame.dtypes[0] == polars.String:  # names and values
        names, values = frame.get_columns()
        hidden = [is_hidden(name) for name in names]
        if any(hidden):
            cells = [
                MASK if is_secret else str(_cell(value))
                for is_secret, value in zip(hidden, values, strict=True)
            ]
            frame = frame.with_columns(polars.Series(values.name, cells))
    return frame


def _is_nested(dtype: Any) -> bool:
    import polars

    return bool(dtype.is_nested() or dtype == polars.Object)


def _polars_shown(frame: Any) -> Any:
    import polars

    return frame.with_columns(
        polars.Series(name, [str(_cell(cell)) for cell in frame[name].to_list()], polars.String)
        for name, dtype in frame.schema.items()
        if _is_nested(dtype)
    )


def _polars_column(column: Any) -> str:
    return _polars(column.to_frame())


def _lazy(frame: Any) -> str:
    schema = list(frame.collect_schema().items())
    types = _types(schema[:_COLUMNS], [0] * len(schema[:_COLUMNS]), len(schema) - _COLUMNS)
    return f"not collected\n\nColumns:\n{types}\n\nPlan:\n{frame.explain(optimized=False)}"


# Arrow


def _arrow(table: Any) -> str:
    names, columns = table.schema.names[:_COLUMNS], table.columns[:_COLUMNS]
    nulls = [column.null_count for column in columns]

    def rows() -> str:
        first = [column.slice(0, _ROWS).to_pylist() for column in columns]
        return "\n".join(
            ", ".join(
                f"{name}: {MASK if is_hidden(name, cell) else _cell(cell)}"
                for name, cell in zip(names, row, strict=True)
            )
            for row in zip(*first, strict=True)
        )

    types = zip(names, (column.type for column in columns), strict=True)
    return _written(
        _counted(table),
        _types(types, nulls, table.num_columns - _COLUMNS),
        _part(rows),
        "",
        "",
        min(_ROWS, table.num_rows),
    )


def _arrow_column(column: Any) -> str:
    first = column.slice(0, _VALUES).to_pylist()
    return f"{len(column):,} values, {column.type}, {column.null_count:,} nulls\n\n{brief(first)}"


# numpy


def _records(array: Any) -> str:
    rows = [brief(row) for row in array.ravel()[:_ROWS]]
    fields = [(name, array.dtype[name]) for name in array.dtype.names]
    return _written(
        f"shape {array.shape}",
        _types(fields, [0] * len(fields), 0),
        "\n".join(rows),
        "",
        "",
        len(rows),
    )


def _array(array: Any) -> str:
    import numpy

    if array.dtype.names:
        return _records(array)
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
    if array.dtype.kind in "OUS" and array.shape[1:] == (2,) and are_pairs(array[:1].tolist()):
        return "\n".join([*parts, "", brief(array[: _VALUES + 1].tolist())])
    values = numpy.array2string(array, threshold=200, edgeitems=3, formatter={"object": brief})
    return "\n".join([*parts, "", values])


_DESCRIBERS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("pandas", "DataFrame", _pandas),
    ("pandas", "Series", _pandas_column),
    ("pandas", "Index", _pandas_index),
    ("polars", "DataFrame", _polars),
    ("polars", "Series", _polars_column),
    ("polars", "LazyFrame", _lazy),
    ("pyarrow", "Table", _arrow),
    ("pyarrow", "RecordBatch", _arrow),
    ("pyarrow", "Array", _arrow_column),
    ("pyarrow", "ChunkedArray", _arrow_column),
)
