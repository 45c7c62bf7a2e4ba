"""Restoring to a moment where the first backup after it is hurt."""

from pathlib import Path

import pytest
from persistent.TimeStamp import TimeStamp

import trackstore
from trackstore.backup import BackupError, backup
from trackstore.restoring import restore


class Backups:

    def __init__(self, folder):
        self.store, self.folder = folder / 'tracks.fs', folder / 'backups'
        self.again = folder / 'again.fs'
        self.parts = []

    def save(self):
        """Save a track, and return when that was."""
        with trackstore.open(self.store) as tracks:
            tracks.saveUserTrack('loops', 0, 'ann', {})
            tracks._p_jar.transaction_manager.commit()
            return TimeStamp(tracks._p_jar.db().storage.lastTransaction()).timeTime()

    def pack(self):
        with trackstore.open(self.store) as tracks:
            tracks._p_jar.db().pack()

    def back_up(self, full):
        self.parts.append(Path(backup(self.store, self.folder, full=full).path))

    def hurt(self, number):
        data = bytearray(self.parts[number].read_bytes())
        data[-30] ^= 0xFF
        self.parts[number].write_bytes(data)

    def tracks_at(self, moment):
        restored = restore(self.folder, self.again, moment, overwrite=True)
        assert restored.asOf == moment
        with trackstore.open(self.again) as tracks:
            assert tracks.verify() == []
            return len(tracks)


@pytest.fixture
def backups(tmp_path, clock):
    backups = Backups(tmp_path)
    backups.save()
    backups.back_up(full=True)
    return backups


def test_a_later_one_has_it_all(backups):
    moment = backups.save()
    backups.save()
    backups.back_up(full=True)
    backups.save()
    backups.back_up(full=False)
    backups.save()
    backups.back_up(full=True)
    assert backups.tracks_at(moment) == 2
    backups.hurt(1)
    assert backups.tracks_at(moment) == 2
    backups.parts[3].unlink()
    with pytest.raises(BackupError, match=backups.parts[1].name):
        backups.tracks_at(moment)


def test_a_pack_came_later(backups):
    moment = backups.save()
    backups.save()
    backups.back_up(full=False)
    backups.pack()
    backups.save()
    backups.back_up(full=False)
    assert backups.tracks_at(moment) == 2
    backups.hurt(1)
    with pytest.raises(BackupError, match=backups.parts[1].name):
        backups.tracks_at(moment)
