"""From the caller's raw table to the float32 matrix of students and named teachers."""

from ._columns import read_table
from ._table_encoder import TableEncoder

__all__ = ["TableEncoder", "read_table"]
