"""What ZODB itself needs for a commit: nothing on it can be faster."""

from pathlib import Path

import transaction
from BTrees.LOBTree import LOBTree
from persistent import Persistent
from ZODB import DB
from ZODB.FileStorage import FileStorage

#: The names of the floors, and what they are.
TITLES = {
    'object': 'a ZODB commit of one small object',
    'bytes': 'one 150-byte bytes value added to an LOBTree and committed',
}


class Small(Persistent):

    value = 0


def change(floors, number):
    floors['object'].value = number


def add(floors, number):
    floors['bytes'][number] = number.to_bytes(150, 'big')


def floor_times(folder, count, clock):
    """Yield pairs of a floor's name and a list of ``count`` seconds."""
    for name, step in (('object', change), ('bytes', add)):
        db = DB(FileStorage(str(Path(folder) / f'{name}.fs')))
        connection = db.open()
        root = connection.root()
        root['object'], root['bytes'] = Small(), LOBTree()
        transaction.commit()
        times = []
        for number in range(1, count + 1):
            start = clock()
            step(root, number)
            transaction.commit()
            times.append(clock() - start)
        connection.close()
        db.close()
        yield name, times
