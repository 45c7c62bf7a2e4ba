"""Exports: what is written is read back as an equal store."""

import csv
import datetime
import gzip
import io
import json
import os
from decimal import Decimal
from uuid import UUID

import pytest
import transaction
import ZODB
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstore import Track, TrackingStorage
from trackstore.export import ExportError, export_tracks
from trackstore.export.exceptions import ValueProblem
from trackstore.export.values import cell_of, cell_value, json_of, original
from trackstore.importers import SourceError, import_source

text = st.text(st.characters(exclude_categories=[]), max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), text, st.binary(max_size=5),
    st.dates(), st.datetimes(), st.times(), st.timedeltas(), st.uuids(),
    st.decimals(allow_nan=False), st.complex_numbers(allow_nan=False),
    st.sampled_from(['5', '5.0', 'true', 'null', '"', '{"$date": 1}', '[]', ' 1', '-',
                     '1e5', 'NaN', '', 2 ** 10_500, -2 ** 10_500]))
hashable = st.one_of(text, st.integers(), st.tuples(st.integers()), st.dates())
values = st.recursive(scalars, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.tuples(inner, inner),
    st.dictionaries(st.one_of(text, st.just('$date'), hashable), inner, max_size=3),
    st.sets(hashable, max_size=3), st.frozensets(hashable, max_size=3)), max_leaves=6)
keys = st.one_of(st.none(), st.booleans(), st.integers(-2 ** 70, 2 ** 70), text,
                 st.floats(allow_nan=False), st.binary(max_size=4), st.dates(),
                 st.datetimes())


class Job(Track):
    """A class with metadata of its own."""

    metadata_attributes = (*Track.metadata_attributes, 'state', 'level', 'late')
    index_attributes = (*Track.index_attributes, 'level')
    state = 'new'
    level = 0

    @property
    def late(self):
        return self.timeStamp > 1


def same(one, other):
    """Tell whether two values are equal, types and all."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(map(repr, one)) == list(map(repr, other)) and all(
            map(same, one.values(), other.values()))
    if isinstance(one, (set, frozenset)):
        return one == other
    return repr(one) == repr(other) if isinstance(one, float) else one == other


@given(values)
def test_every_value_comes_back(value):
    line = json_of(value)
    assert '\n' not in line
    assert same(original(json.loads(line)), value)


@given(scalars)
def test_every_cell_comes_back(value):
    cell = cell_of(value)
    assert cell
    line = io.StringIO()
    csv.writer(line, lineterminator='\n').writerow([cell])
    assert line.getvalue().count('\n') == 1
    assert same(cell_value(cell), value)


@pytest.mark.parametrize(('value', 'cell'), [
    ('plain text', 'plain text'), ('5', '"5"'), (5, '5'), ('', '""'), (None, 'null'),
    ('two\nlines', '"two\\nlines"'), ('café', 'café'), ([1, 'a'], '[1, "a"]'),
    (datetime.date(2026, 11, 21), '{"$date": "2026-11-21"}'),
    ('true story', 'true story'),
])
def test_cells_are_readable(value, cell):
    assert cell_of(value) == cell


@pytest.mark.parametrize(('written', 'message'), [
    ({'$nothing': 1}, "'$nothing' is no known kind of value; known are "),
    ({'$date': 'soon'}, "'soon' is no date: "),
    ({'$bytes': 5}, '5 is no bytes: '),
])
def test_what_is_no_value(written, message):
    with pytest.raises(ValueProblem) as caught:
        original(written)
    assert message in str(caught.value)


def new_storage(factory=Track):
    db = ZODB.DB(None)
    connection = db.open()
    tracks = connection.root()['tracks'] = TrackingStorage(trackFactory=factory)
    transaction.commit()
    return tracks


@pytest.fixture
def tracks():
    tracks = new_storage()
    yield tracks
    close(tracks)


def close(tracks):
    transaction.abort()
    tracks._p_jar.close()
    tracks._p_jar.db().close()


def copied(tracks, path, **options):
    """Return a new storage with what an export of the tracks has."""
    result = new_storage(tracks.trackFactory)
    export_tracks(tracks, path, **options)
    report = import_source(result, path)
    assert report.bad == [] and report.problem is None
    return result


def described(tracks, runs=True):
    return [(track.name, repr(track.taskId), track.runId, repr(track.userName),
             repr(track.timeStamp)) for track in tracks.values()], runs and [
        (run.id, run.start, run.end, run.finished, repr(run.taskId))
        for run in [*tracks.runs.values(), *tracks.finishedRuns.values()]
    ], runs and repr(tracks.currentRuns)


records = st.lists(st.tuples(
    keys, keys, st.dictionaries(st.one_of(text, st.integers()), values, max_size=3),
    st.one_of(st.integers(-2 ** 53, 2 ** 53), st.floats(-1e9, 1e9))), max_size=8)


@pytest.mark.parametrize('name', ['a.jsonl', 'a.jsonl.gz', 'a.csv'])
@given(records=records)
@settings(max_examples=25, deadline=None)
def test_a_store_comes_back(tmp_path_factory, name, records):
    tracks = new_storage()
    tracks.saveTracks((task, 0, user, data, time) for task, user, data, time in records)
    transaction.commit()
    path = tmp_path_factory.mktemp('export') / name
    lines = name.startswith('a.jsonl')
    copy = copied(tracks, path)
    if lines or sorted(tracks.runs) == list(
            dict.fromkeys(track.runId for track in tracks.values())):
        assert described(copy, lines) == described(tracks, lines)
    for one, other in zip(tracks.values(), copy.values(), strict=True):
        mine, theirs = dict(one.data), dict(other.data)
        if not lines:
            mine, theirs = ({key: data[key] for key in sorted(data, key=repr)}
                            for data in (mine, theirs))
        assert same(mine, theirs)
    close(tracks)
    close(copy)


def test_runs_of_every_kind_come_back(tracks, tmp_path):
    for task in ('a', 'b', 'c', 'd', 'e'):
        tracks.startRun(task, timeStamp=100)
        tracks.saveUserTrack(task, 0, 'ann', {}, timeStamp=150)
    tracks.stopRun('a', timeStamp=200)
    tracks.stopRun('b', finish=False, timeStamp=200)
    tracks.stopRun('e', finish=False, timeStamp=150)
    tracks.startRun('c', timeStamp=300)
    tracks.startRun(timeStamp=400)
    tracks.getRun('d').finished = True
    tracks.saveUserTrack(None, 0, 'ann', {}, timeStamp=500)
    copy = copied(tracks, tmp_path / 'a.jsonl')
    assert described(copy) == described(tracks)
    assert copy.verify() == []
    close(copy)


def test_current_runs_stay_where_others_come_in(tracks, tmp_path):
    for task in 'abc':
        tracks.saveUserTrack(task, 0, 'ann', {}, timeStamp=5)
    tracks.stopRun('a', timeStamp=9)
    other = new_storage()
    for task in 'ab':
        other.saveUserTrack(task, 0, 'ben', {}, timeStamp=100)
    transaction.commit()
    export_tracks(tracks, tmp_path / 'a.jsonl')
    assert import_source(other, tmp_path / 'a.jsonl').tracks == 3
    assert dict(other.currentRuns) == {'a': 1, 'b': 2, 'c': 5}
    assert [repr(other.getRun(runId=number)) for number in (3, 4, 5)] == [
        '<Run 3, 1970-01-01 00:00, 1970-01-01 00:00, True>',
        '<Run 4, 1970-01-01 00:00, 1970-01-01 00:00, False>',
        '<Run 5, 1970-01-01 00:00, 1970-01-01 00:00, False>']
    assert other.verify() == []
    close(other)


def test_metadata_of_a_class_come_back(tmp_path):
    tracks = new_storage(Job)
    for number in range(3):
        tracks.saveUserTrack('job', 0, 'ann', {'n': number}, timeStamp=number)
    tracks['0000002'].state = 'done'
    copy = copied(tracks, tmp_path / 'a.jsonl')
    assert [track.metadata for track in copy.values()] == [
        track.metadata for track in tracks.values()]
    assert [(track.state, track.late) for track in copy.values()] == [
        ('new', False), ('done', False), ('new', True)]
    close(copy)
    close(tracks)


def test_a_part_of_a_store(tracks, tmp_path):
    tracks.saveTracks([(task, 0, 'ann', {}, 5) for task in 'abcab'])
    copy = copied(tracks, tmp_path / 'a.jsonl', taskId=['b', 'c'])
    assert [track.taskId for track in copy.values()] == ['b', 'c', 'b']
    assert len(copy.runs) == 2
    close(copy)


def test_progress_and_targets(tracks, tmp_path):
    tracks.saveTracks([('a', 0, 'ann', {}, 5)] * 2_500)
    calls = []
    buffer = io.BytesIO()
    count = export_tracks(tracks, buffer, progress=lambda *done: calls.append(done))
    assert count == 2_500
    assert calls == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]
    assert export_tracks(tracks, tmp_path / 'a.jsonl.gz') == 2_500
    assert gzip.decompress((tmp_path / 'a.jsonl.gz').read_bytes()) == buffer.getvalue()
    assert buffer.getvalue().startswith(b'{"trackstore": "export", "version": 1}\n')


def test_a_failed_export_leaves_what_was_there(tracks, tmp_path):
    tracks.saveTracks([('a', 0, 'ann', {'it': n}, n) for n in range(3_000)])
    tracks.saveUserTrack('a', 0, 'ann', {'wrong': Ellipsis})
    target = tmp_path / 'a.jsonl'
    target.write_text('as it was')
    target.chmod(0o640)
    for path in (target, tmp_path / 'new.jsonl.gz'):
        with pytest.raises(ExportError):
            export_tracks(tracks, path)
    assert target.read_text() == 'as it was'
    assert list(tmp_path.iterdir()) == [target]
    link = tmp_path / 'link.jsonl'
    link.symlink_to(target)
    assert export_tracks(tracks, link, taskId='none') == 0
    assert link.is_symlink() and '"version"' in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640
    assert export_tracks(tracks, '/dev/null', taskId='none') == 0
    assert not os.path.isfile('/dev/null')


def test_what_cannot_be_exported(tracks, tmp_path):
    tracks.saveUserTrack('a', 0, 'ann', {'fine': 1})
    tracks.saveUserTrack('a', 0, 'ann', {'wrong': Ellipsis})
    for name in ('a.jsonl', 'a.csv'):
        with pytest.raises(ExportError, match="track '0000002': Ellipsis is of a class "
                                              'that cannot be exported'):
            export_tracks(tracks, tmp_path / name)
    with pytest.raises(ExportError, match="format: 'xml' is no format; allowed are "
                                          'jsonl, csv'):
        export_tracks(tracks, tmp_path / 'a', format='xml')
    with pytest.raises(ExportError, match='the ending of .*a.xml.gz says no format'):
        export_tracks(tracks, tmp_path / 'a.xml.gz')
    with pytest.raises(ExportError, match='nowhere/a.csv cannot be written: No such'):
        export_tracks(tracks, tmp_path / 'nowhere' / 'a.csv')


@pytest.mark.parametrize(('line', 'reason'), [
    ('{"taskId": "a"}', "it has no 'runId'; a track has taskId, runId, userName, "
                        'timeStamp and data'),
    ('{"run": "x", "start": 1}', "its run is 'x'; a number is expected"),
    ('{"run": 1, "start": "x"}', "start: 'x' is no time stamp; allowed are"),
    ('{"taskId": [], "runId": 1, "userName": "a", "timeStamp": 1, "data": {}}',
     'taskId: [] is no valid key; allowed are'),
    ('{"taskId": "a", "runId": 1, "userName": "a", "timeStamp": 1, "data": []}',
     'its data are no object in {}'),
])
def test_bad_lines_of_an_export(tracks, tmp_path, line, reason):
    path = tmp_path / 'a.jsonl'
    path.write_text('{"trackstore": "export", "version": 1}\n' + line + '\n')
    report = import_source(tracks, path)
    assert report.bad[0].reason.startswith(reason)
    assert len(tracks) == 0


@pytest.mark.parametrize(('more', 'reason'), [
    ([1], "its 'more' is no object in {}"),
    ('abc', "its 'more' is no object in {}"),
    ({'$date': 'soon'}, "'soon' is no date: "),
    ({'update': 1}, 'update: cannot be set to 1; it is an attribute of the class'),
    ({'_number': 5}, "its 'more' has '_number'; further metadata are expected"),
    ({'_v_any': 5}, "its 'more' has '_v_any'; further metadata are expected"),
    ({'runId': 99}, "its 'more' has 'runId'; further metadata are expected"),
    ({'state': 'done', 'data': 3}, "its 'more' has 'data'; further metadata are ex"),
    ({'level': [1]}, 'level: [1] is no valid key; allowed are'),
    ({'$map': [[1, 2]]}, 'attribute name must be string'),
])
def test_further_metadata_that_are_none(tmp_path, more, reason):
    tracks = new_storage(Job)
    lines = [{'trackstore': 'export', 'version': 1}, {'run': 1, 'start': 1},
             *({'taskId': n, 'runId': 1, 'userName': 'a', 'timeStamp': n, 'data': {},
                'more': more if n == 2 else {'state': 'done'}} for n in (1, 2, 3))]
    path = tmp_path / 'a.jsonl'
    path.write_text('\n'.join(map(json.dumps, lines)))
    report = import_source(tracks, path)
    assert report.bad[0].number == 4 and report.bad[0].reason.startswith(reason)
    assert (report.tracks, report.rejected) == (2, 1)
    assert [(track.taskId, track.state) for track in tracks.values()] == [
        (1, 'done'), (3, 'done')]
    assert import_source(tracks, path).lines == 0
    close(tracks)


def test_an_export_of_a_later_release(tracks, tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('{"trackstore": "export", "version": 2}\n')
    with pytest.raises(SourceError, match='is an export of version 2; this release '
                                          'reads version 1'):
        import_source(tracks, path)


def test_kinds_that_are_named():
    assert json_of({'a': (1, Decimal('2.50'), UUID(int=1))}) == (
        '{"a": {"$tuple": [1, {"$decimal": "2.50"}, '
        '{"$uuid": "00000000-0000-0000-0000-000000000001"}]}}')
