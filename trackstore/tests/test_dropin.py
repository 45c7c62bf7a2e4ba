"""The interface that ``TrackingStorage`` shares with ``cybertools.tracking``.

Code that was written for ``cybertools.tracking.btree`` has to run with nothing
but its import changed: these are the calls of its documentation, with the
answers that it gives.
"""

import inspect

import pytest
import transaction

from trackstore import TrackingStorage
from trackstore.tests.test_doctests import root_of, run_examples

CALLS = r"""
>>> from trackstore import TrackingStorage

>>> tracks = TrackingStorage()
>>> tracks.saveUserTrack('a001', 0, 'u1', {'somekey': 'somevalue'})
'0000001'
>>> t1 = tracks.getUserTracks('a001', 0, 'u1')
>>> len(t1)
1
>>> t1[0].data
{'somekey': 'somevalue'}
>>> tracks.getUserNames('a001')
['u1']
>>> tracks.getUserNames('a002')
[]
>>> [str(id) for id in tracks.getTaskIds()]
['a001']

>>> tracks.query(taskId='a001')  # doctest: +ELLIPSIS
[<Track ['a001', 1, 'u1', '...-...-... ...:...']: {'somekey': 'somevalue'}>]

>>> tracks.saveUserTrack('a002', 0, 'u1', {'somekey': 'anothervalue'})
'0000002'
>>> result = tracks.query(userName='u1')
>>> len(result)
2

>>> result = tracks.query(taskId=('a001', 'a002'))
>>> len(result)
2

>>> tracks.saveUserTrack('a001', 0, 'u1', {'somekey': 'newvalue'})
'0000003'
>>> t2 = tracks.getUserTracks('a001', 0, 'u1')
>>> [t.data for t in t2]
[{'somekey': 'somevalue'}, {'somekey': 'newvalue'}]

>>> tracks.getLastUserTrack('a001', 0, 'u1')  # doctest: +ELLIPSIS
<Track ['a001', 1, 'u1', ...]: {'somekey': 'newvalue'}>

>>> tracks.saveUserTrack('a001', 0, 'u1', {'somekey': 'newvalue2'}, update=True)
'0000003'
>>> t3 = tracks.getUserTracks('a001', 0, 'u1')
>>> [t.data for t in t3]
[{'somekey': 'somevalue'}, {'somekey': 'newvalue2'}]

>>> tracks.saveUserTrack('a001', 0, 'u2', {'somekey': 'user2'}, update=True)
'0000004'
>>> t4 = tracks.getUserTracks('a001', 0, 'u2')
>>> [t.data for t in t4]
[{'somekey': 'user2'}]

>>> tracks.reindexTracks()

>>> tracks.startRun('a001')
3
>>> tracks.saveUserTrack('a001', 0, 'u1', {'k1': 'value1'})
'0000005'
>>> tracks.getLastUserTrack('a001', 0, 'u1')  # doctest: +ELLIPSIS
<Track ['a001', 3, 'u1', ...]: {'k1': 'value1'}>

>>> tracks.getLastUserTrack('a001', 1, 'u1')  # doctest: +ELLIPSIS
<Track ['a001', 1, 'u1', ...]: {'somekey': 'newvalue2'}>

>>> tracks.getRun(runId=3)  # doctest: +ELLIPSIS
<Run 3, ..., ..., False>
>>> tracks.getRun(taskId='a001')  # doctest: +ELLIPSIS
<Run 3, ..., ..., False>

>>> tracks.stopRun('a001')
3
>>> tracks.getRun(runId=3)  # doctest: +ELLIPSIS
<Run 3, ..., ..., True>
>>> tracks.getRun(runId=3).finished
True
>>> tracks.getRun('a001') is None
True

>>> tracks.getRun(runId=2)  # doctest: +ELLIPSIS
<Run 2, ..., ..., False>
>>> tracks.stopRun('a001', 2)
2
>>> tracks.getRun(runId=2)  # doctest: +ELLIPSIS
<Run 2, ..., ..., True>
"""


def test_the_documented_calls(tmp_path):
    run_examples(CALLS, {}, tmp_path / 'dropin')


def test_the_documented_calls_in_a_database(tmp_path, places):
    calls = CALLS.replace(
        'tracks = TrackingStorage()',
        "tracks = root['tracks'] = TrackingStorage(); transaction.commit()")
    assert calls != CALLS
    with root_of('FileStorage', tmp_path, places) as root:
        run_examples(calls, {'root': root, 'transaction': transaction},
                     tmp_path / 'dropin')


@pytest.mark.parametrize(('name', 'arguments'), [
    ('saveUserTrack',
     'taskId runId userName data update=False timeStamp=None overwrite=False'),
    ('getUserTracks', 'taskId runId userName'),
    ('getLastUserTrack', 'taskId runId userName'),
    ('getUserNames', 'taskId'),
    ('getTaskIds', ''),
    ('startRun', 'taskId=None'),
    ('stopRun', 'taskId=None runId=0 finish=True'),
    ('getRun', 'taskId=None runId=0'),
    ('query', ''),
    ('updateTrack', 'track data overwrite=False'),
    ('setTrackData', 'track data'),
    ('removeTrack', 'track'),
    ('indexTrack', 'trackNum track idx=None'),
    ('idFromNum', 'num'),
    ('reindexTracks', ''),
    ('setupIndexes', ''),
])
def test_arguments_keep_their_names_order_and_defaults(name, arguments):
    parameters = [
        parameter for parameter in
        inspect.signature(getattr(TrackingStorage(), name)).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    shown = [parameter.name if parameter.default is parameter.empty
             else f'{parameter.name}={parameter.default!r}'
             for parameter in parameters]
    wanted = arguments.split()
    assert shown[:len(wanted)] == wanted
    # what this library adds may be left out
    assert all('=' in parameter for parameter in shown[len(wanted):])
