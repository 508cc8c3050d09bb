"""Files that are written whole or not at all."""

from __future__ import annotations

import os


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that appears under its name only when it is complete and on the disk.

    One that was there before is replaced.

    Parameters
    ----------
    path : str or path-like
    data : bytes

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left behind.
    """
    target = os.fspath(path)
    draft = f"{target}.{os.urandom(4).hex()}.tmp"  # in the same folder: a rename across file systems is a copy
    try:
        with open(draft, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        if os.path.exists(draft):
            os.remove(draft)
        raise
