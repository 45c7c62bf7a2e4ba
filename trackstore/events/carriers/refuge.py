"""Dead letters that cannot be saved at present: a file in the folder of the queue."""

import fcntl
import logging
import os
from contextlib import contextmanager

from trackstore.events.carriers.records import json_of_event, line_of, value_of
from trackstore.events.letters import letter_from
from trackstore.export.values import json_of

ENDING = '.letters'

log = logging.getLogger(__name__)


class Refuge:
    """The file of the dead letters of a backend, shared by all its processes."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name + ENDING)

    def add(self, letters):
        """Write letters; an OSError where that is not possible."""
        lines = b''.join(
            line_of(0, b'{"letter": %b, "event": %b}' % (
                json_of(letter.told()).encode(), json_of_event(letter.event)))
            for letter in letters)
        with self._locked(os.O_APPEND) as file:
            size = os.fstat(file).st_size
            try:
                view = memoryview(lines)
                while view:
                    view = view[os.write(file, view):]
            except OSError:
                os.ftruncate(file, size)
                raise

    def empty(self, save):
        """Give all letters to ``save(letters)``, and keep them if that fails."""
        if not os.path.exists(self.path):
            return
        with self._locked(0) as file:
            letters = []
            with open(file, 'rb', closefd=False) as lines:
                for line in lines:
                    value = value_of(line)
                    if value is None:
                        log.error('%s: a dead letter is damaged, and is lost: %.200r',
                                  self.path, line)
                        continue
                    whole = value[1]
                    letters.append(letter_from(
                        whole['letter'], whole['event']['event'],
                        whole['event']['id']))
            if letters:
                save(letters)
            os.ftruncate(file, 0)

    @contextmanager
    def _locked(self, flag):
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | flag, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)    # a child may have it open, too
            os.close(file)
