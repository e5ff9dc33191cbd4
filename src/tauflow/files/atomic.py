"""Write a file whole or not at all, whatever happens in between: a crash, `kill -9`, a full disk.

The bytes go to a temporary file in the same folder, and take the old file's place in one step that the
operating system guarantees to be indivisible:

    write .tauflow-<random>.tmp  ->  fsync(file)  ->  rename over the target  ->  fsync(folder)

Before the rename the old file is there, after it the new one; never a mixture, never neither. The first
fsync keeps a power cut from leaving a renamed but empty file, the second makes the rename itself last.

A killed writer leaves its temporary file behind; the next save in that folder removes it. A writer holds a
lock (flock) on its temporary file as long as it lives, so a file that can be locked has no living writer:
that holds across containers and machines, where a process number says nothing.

For POSIX systems (Linux, macOS). Source: Pillai et al., "All file systems are not created equal", OSDI 2014.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from pathlib import Path

CANNOT_FSYNC_A_FOLDER = {errno.EINVAL, errno.ENOTSUP}  # some network file systems; the rename holds there too


def write_bytes_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at `path` by `data`, or raise an OSError and leave the old file as it was.

    The new file gets the mode that the umask gives to any new file. A symbolic link stays a link: the file
    it points to is replaced. A hard link is cut: other names keep the old bytes. The folder must exist.
    If only the last step fails, the flush of the folder, the new file is there but a power cut may undo it.

    >>> tauflow.files.write_bytes_atomically("notes.txt", b"whole or not at all")
    >>> with open("notes.txt") as file:
    ...     file.read()
    'whole or not at all'
    """
    target = Path(os.path.realpath(path))
    try:
        _refuse_unless_regular(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _remove_orphans(target.parent)
            _replace(target, data)
            _fsync_folder(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _explained(error, target, len(data)) from error


def _replace(target: Path, data: bytes) -> None:
    temporary, file = _create_locked(target.parent)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
        os.replace(temporary, target)
    except BaseException:  # KeyboardInterrupt too: leave no half-written file behind
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)  # gives up the lock, so not before the file has its own name


def _create_locked(folder: Path) -> tuple[Path, int]:
    """A new temporary file, open for writing and locked against `_remove_orphans` of other writers."""
    while True:
        temporary = folder / f".tauflow-{secrets.token_hex(8)}.tmp"
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask takes its part
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another writer took it for an orphan between these two lines
            os.close(file)
            continue
        except OSError:  # a file system without locks: then nobody can lock, and nobody will remove it
            pass
        if os.fstat(file).st_nlink > 0:
            return temporary, file
        os.close(file)  # removed as an orphan just before we locked it


def _remove_orphans(folder: Path) -> None:
    """Remove temporary files whose writer is dead. What can't be opened, locked or removed is left alone."""
    for orphan in folder.glob(".tauflow-*.tmp"):
        try:
            file = os.open(orphan, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            orphan.unlink()
        except OSError:
            continue
        finally:
            os.close(file)


def _refuse_unless_regular(target: Path) -> None:
    """A rename would turn /dev/null into a file, and can't replace a folder."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file but a device, pipe or socket")


def _fsync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in CANNOT_FSYNC_A_FOLDER:
            raise


def _explained(error: OSError, target: Path, size: int) -> OSError:
    """The same error, of the same class, with what was tried and what to do about it."""
    advice = {
        errno.ENOSPC: "free some space",
        errno.EDQUOT: "free some of your quota",
        errno.EFBIG: "raise the file size limit (ulimit -f)",
        errno.EACCES: "choose a folder that you may write to",
        errno.EPERM: "choose a folder that you may write to",
        errno.EROFS: "choose a folder that you may write to",
        errno.ENOENT: f"make the folder {target.parent} first",
        errno.EISDIR: "give the name of a file",
    }.get(error.errno or 0, "try another folder")
    reason = error.strerror or str(error)
    return OSError(error.errno, f"{reason}: could not save {size:,} bytes; {advice}", str(target))
