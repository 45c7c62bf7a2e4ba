"""Disks that are full: one that is, and files that may not grow.

Both have a folder ``path``, the number ``errno`` of the error that they bring
about, and two methods: after ``fill(room)`` a file can grow by about ``room``
bytes and no more, after ``free()`` there is space again.
"""

import errno
import os
import resource
import signal
import subprocess

#: What a small disk holds, and in what pieces.
BYTES, PIECE = 8 * 2 ** 20, 4096


class LimitedFiles:
    """Files may not grow longer than the longest of them: RLIMIT_FSIZE.

    That is for the whole process, so a test is to be over soon.
    """

    errno = errno.EFBIG

    def __init__(self, path):
        self.path = str(path)
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(self, room=0):
        longest = max(entry.stat().st_size for entry in os.scandir(self.path))
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (longest + room, self.before[1]))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)

    def close(self):
        self.free()
        signal.signal(signal.SIGXFSZ, self.signal)


class SmallDisk:
    """A file system in memory of a few megabytes; mounting it takes a root."""

    errno = errno.ENOSPC

    def __init__(self, path):
        self.path = str(path)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", self.path],
            capture_output=True, text=True)
        if done.returncode:
            raise PermissionError(done.stderr.strip())
        self.filler = os.path.join(self.path, "filler")

    def fill(self, room=0):
        with open(self.filler, "ab", buffering=0) as file:
            try:
                while file.write(bytes(PIECE)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            file.truncate(max(0, file.tell() - room))

    def free(self):
        if os.path.exists(self.filler):
            os.remove(self.filler)

    def close(self):
        subprocess.run(["umount", self.path], check=True, capture_output=True)
