"""Source files as they were published: plain in a folder, or as members of zip archives in it."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from pellucid.errors import DataError


@dataclass(frozen=True)
class Source:
    """One source file.

    Attributes:
        name: its path below the root, for messages; for a member of an archive `ARCHIVE!MEMBER`.
        parts: folders and file name below the root; a zip archive counts as the folder that it lies in.
        read: its bytes.
    """

    name: str
    parts: tuple[str, ...]
    read: Callable[[], bytes]

    @property
    def stem(self) -> str:
        """The file name without its last suffix."""
        return PurePosixPath(self.parts[-1]).stem

    def text(self) -> str:
        """The exact characters: line ends are kept as they are, so that offsets hold.

        Raises:
            DataError: not UTF-8; the message names the first byte that is wrong.
        """
        return decode(self.read(), self.name)


def decode(data: bytes, name: str) -> str:
    """Bytes of the source called `name` as UTF-8.

    Raises:
        DataError: not UTF-8, or a zero byte, which no text has; the message names the first byte that is wrong.
    """
    if (zero := data.find(b"\0")) >= 0:
        raise DataError(f"{name} is not text: byte {zero} is zero; give a text file, and convert it to UTF-8 if it is UTF-16.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; get the file again, or convert it to UTF-8."
        ) from None


def shown(cell: str) -> str:
    """A cell as a message may quote it: where cells are moved, it may be a sentence about a patient.

    >>> shown("tset"), shown("Small left effusion.")
    ("'tset'", 'several words')
    """
    return "several words" if any(sign.isspace() for sign in cell.strip()) else repr(cell)


@contextlib.contextmanager
def sources(root: Path) -> Iterator[list[Source]]:
    """All files below `root` and in the zip archives there, ordered by path; readable while the block lasts.

    Hidden files are passed over. A file that is there both plain and in an archive, under the same path, is listed once: plain.

    Args:
        root: a folder, or one zip archive.

    Raises:
        DataError: no such folder, or an archive that is none.
    """
    root = Path(root)
    if not root.exists():
        raise DataError(f"{root} does not exist; give the folder (or zip archive) that holds the published files.")
    plain = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
    base = root if root.is_dir() else root.parent
    found: dict[tuple[str, ...], Source] = {}
    with contextlib.ExitStack() as stack:
        for path in plain:
            if path.suffix.lower() != ".zip":
                parts = path.relative_to(base).parts
                found[parts] = Source("/".join(parts), parts, path.read_bytes)
        for path in plain:
            if path.suffix.lower() == ".zip":
                for source in _members(stack.enter_context(_archive(path)), path.relative_to(base)):
                    found.setdefault(source.parts, source)
        # Hidden files (.DS_Store, ._copies) are made by file managers, and are nobody's data.
        yield [found[parts] for parts in sorted(found) if not parts[-1].startswith(".")]


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is not a zip archive that can be read ({error}); get it again.") from error


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[Source]:
    for info in archive.infolist():
        if not info.is_dir():
            name = f"{path.as_posix()}!{info.filename}"
            yield Source(name, path.parts[:-1] + PurePosixPath(info.filename).parts, partial(_member, archive, info, name))


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise DataError(f"{name} cannot be read ({error}); get the archive again, or unpack it yourself.") from error


def only(candidates: Sequence[Source], what: str, remedy: str) -> Source:
    """The one source of a list.

    Raises:
        DataError: there is none, or more than one; says `what` was looked for and the `remedy`.
    """
    if len(candidates) != 1:
        names = ", ".join(source.name for source in candidates[:3]) or "none"
        raise DataError(f"Expected exactly one {what}, found {names}; {remedy}.")
    return candidates[0]
