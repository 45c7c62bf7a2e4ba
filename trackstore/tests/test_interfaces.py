"""The classes do what the interfaces say, and have nothing public beside that."""

import pytest
from persistent import Persistent
from zope.interface.verify import verifyClass, verifyObject

from trackstore import Run, Track, TrackingStorage
from trackstore.interfaces import IRun, ITrack, ITrackingStorage, ITracks
from trackstore.tracks import Tracks

CLASSES = [(ITrackingStorage, TrackingStorage), (ITrack, Track), (ITracks, Tracks),
           (IRun, Run)]


@pytest.fixture
def tracks():
    tracks = TrackingStorage()
    tracks.saveUserTrack('loops', 0, 'ann', {'page': 'start'})
    return tracks


@pytest.mark.parametrize(('interface', 'cls'), CLASSES)
def test_the_class(interface, cls):
    assert verifyClass(interface, cls)


def test_the_objects(tracks):
    assert verifyObject(ITrackingStorage, tracks)
    assert verifyObject(ITrack, tracks['0000001'])
    assert verifyObject(ITracks, tracks.query())
    assert verifyObject(IRun, tracks.getRun('loops'))


@pytest.mark.parametrize(('interface', 'cls'), CLASSES)
def test_what_is_public_is_in_the_interface(interface, cls):
    of_bases = {*dir(Persistent), *dir(list)}
    public = {name for name in dir(cls) if not name.startswith('_')} - of_bases
    assert public - set(interface.names(all=True)) == set()
