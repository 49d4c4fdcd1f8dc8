"""Columns of extra data whose integers keep all digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_IN_A_FLOAT = 2**53
"""Integers up to this one are exact as float64."""


def exact_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of objects in the dtype of its values.

    Parameters
    ----------
    column : pandas.Series
        Values of any types. None and nan are missing.

    Returns
    -------
    pandas.Series
        Integers are int64 or uint64, ``Int64`` or ``UInt64`` where some are missing. Integers that fit none of these,
        and large ones among floats, stay objects.
    """
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == 'integer':
        return _integers(column)
    if kind == 'floating' or (kind == 'mixed-integer-float' and not _loses_digits(column)):
        return column.astype('float64')
    return column if kind == 'mixed-integer-float' else column.infer_objects()


def _integers(column: pd.Series[Any]) -> pd.Series[Any]:
    values = column.dropna()
    least, most = min(values), max(values)
    for name, low, high in (('int64', -(2**63), 2**63), ('uint64', 0, 2**64)):
        if low <= least and most < high:
            dtype: Any = name if len(values) == len(column) else nullable(name)
            return column.astype(dtype)
    return column


def nullable(dtype: Any) -> str:
    """Return the nullable dtype of integers, such as 'Int64' for int64."""
    return str(dtype).replace('int', 'Int').replace('uI', 'UI')


def _loses_digits(column: pd.Series[Any]) -> bool:
    return any(isinstance(value, int) and abs(value) > MOST_IN_A_FLOAT for value in column)
