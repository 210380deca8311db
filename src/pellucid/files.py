"""Whole files or none: how anything is written to disk.

Every writer of this library goes through :func:`replacing` or :func:`replacing_directory`: the content is written beside its
final name, flushed to the disk, then renamed. A reader therefore never meets a partial file, whenever a process is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pellucid.errors import DataError, StorageError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; when the block ends well, it becomes `path`.

    Raises:
        StorageError: the file system refuses the write (full disk, no permission).
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with _explained(path):
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; when the block ends well, it takes the place of `path`, old content and all.

    Raises:
        StorageError: the file system refuses the write (full disk, no permission).
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        with _explained(path):
            yield temporary
            for file in temporary.rglob("*"):
                file.chmod((0o777 if file.is_dir() else 0o666) & ~_umask())  # some libraries write for the owner only
                _flush(file)
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                # A rename cannot replace a filled folder: the old one steps aside first, and is removed last.
                aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
                path.rename(aside / path.name)
                temporary.rename(path)
                shutil.rmtree(aside, ignore_errors=True)
            else:
                temporary.rename(path)
            _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Raises:
        StorageError: the file system refuses.
    """
    with _explained(path):
        Path(path).mkdir(parents=True, exist_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def finite(value: Any) -> Any:
    """The same as JSON holds it: None for what is no finite number, and lists for tuples, however deep."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all; numbers are finite (:func:`finite`)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is missing, cannot be read, is not UTF-8 or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check the path or make the file with the command that writes it.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is not a JSON file ({error}); make it again with the command that writes it.") from None


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts, each framed by its length, as 64 hexadecimal characters."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of keys."""
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False))


def digest_folder(path: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return digest(*(part for file in files for part in (file.relative_to(path).as_posix(), digest(file.read_bytes()))))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # By number, as some libraries put a whole sentence where the system's words belong.
        reason = os.strerror(error.errno) if error.errno else str(error)
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = "a part of its path that should be a folder is a file"
        raise StorageError(
            f"Cannot write {path}: {reason}; free space or choose another folder, then run the same command again "
            "(finished work is kept)."
        ) from error
