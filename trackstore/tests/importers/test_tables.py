"""JSON lines and CSV: records, columns and times."""

import json

import pytest

from trackstore.importers import (
    Columns,
    SourceError,
    import_source,
)
from trackstore.importers.times import time_of, zone_of
from trackstore.tests.importers.lines import NOON, contents


def test_json_lines(make, tracks):
    lines = [{'what': 'read', 'who': 5, 'at': '2026-11-21T13:00:00+01:00', 'n': [1]},
             {'what': 'read', 'who': None, 'at': NOON, 'sitting': 'x'},
             {'what': 'read', 'who': 'ann', 'at': str(NOON + 0.5), 'sitting': 'x'}]
    text = '\ufeff' + '\n'.join(map(json.dumps, lines)) + '\n[1]\n{"a"\n{"at": 1}\n'
    columns = Columns(task='what', user='who', time='at', run='sitting')
    report = import_source(tracks, make('a.jsonl', text), columns=columns)
    assert contents(tracks) == [('read', 5, NOON, {'n': [1]}), ('read', None, NOON, {}),
                                ('read', 'ann', NOON + 0.5, {})]
    assert [track.runId for track in tracks.values()][1:] == [1, 1]
    assert [bad[:2] for bad in report.bad] == [
        (4, 'it is JSON, but no object in {}'),
        (5, "it is no JSON: Expecting ':' delimiter at character 5"),
        (6, "it has no 'what' (the task)")]


def test_names_within_objects(make, tracks):
    lines = [{'at': {'time': 1, 'zone': 'x'}, 'what': {'kind': {'name': 'a'}}},
             {'at.time': 2, 'at': {'time': 3}, 'what': {'kind.name': 'b'}},
             {'at': {'time': 4}, 'what': {'kind': {'name': 'c'}}, 'who': {'id': 'ann'}},
             {'at': {'time': 5}, 'what': {'kind': ['name']}, 'name': 'd'},
             {'at': {}, 'what': {'kind': {'name': 'e'}}}]
    text = '\n'.join(map(json.dumps, lines))
    columns = Columns(task='what.kind.name', user='who.id', time='at.time')
    report = import_source(tracks, make('a.jsonl', text), columns=columns)
    assert contents(tracks) == [
        ('a', None, 1, {'at': {'zone': 'x'}, 'what': {'kind': {}}}),
        ('b', None, 2, {'at': {'time': 3}, 'what': {}}),
        ('c', 'ann', 4, {'at': {}, 'what': {'kind': {}}, 'who': {}})]
    assert [bad[:2] for bad in report.bad] == [
        (4, "it has no 'what.kind.name' (the task)"),
        (5, "it has no 'at.time' (the time)")]


def test_names_within_objects_are_told(make, tracks):
    path = make('a.jsonl', '{"what": {"id": 1}, "at.z": {"time": 1}}')
    with pytest.raises(SourceError, match="its columns are 'what', 'what.id', "
                                          "'at.z'$"):
        import_source(tracks, path, columns=Columns(task='what.name'))


def test_a_table_has_no_objects(make, tracks):
    path = make('a.csv', 'task.name,user,time\na,u,1\n')
    import_source(tracks, path, columns=Columns(task='task.name'))
    assert contents(tracks) == [('a', 'u', 1, {})]


@pytest.mark.parametrize(('record', 'reason'), [
    ({'task': [], 'user': 'a', 'time': 1},
     'its task is a list; a text, a number, true, false or null is expected'),
    ({'task': 1, 'user': float('nan'), 'time': 1},
     'its user is NaN; a text or a number is expected'),
    ({'task': 1, 'user': 'a'}, "it has no 'time' (the time)"),
    ({'task': 1, 'user': 'a', 'time': 1_795_291_800_000},
     'its time 1795291800000 is outside of the years 1 to 9999; if it is not in '
     'seconds, name the unit (--time-unit ms)'),
])
def test_records_that_are_none(make, tracks, record, reason):
    good = {'task': 1, 'user': 'a', 'time': 1}
    text = '\n'.join(map(json.dumps, [good, record]))
    assert import_source(tracks, make('a.jsonl', text)).bad[0].reason == reason


def test_milliseconds_and_zones(make, tracks):
    text = f'task;user;time\na;u;{NOON * 1000 + 250}\nb;u;2026-11-21 13:00\n'
    columns = Columns(unit='ms', zone=zone_of('Europe/Berlin'))
    import_source(tracks, make('a.csv', text), columns=columns)
    assert [track.timeStamp for track in tracks.values()] == [NOON + 0.25, NOON]


@pytest.mark.parametrize('size', [1, 2, 10_000])
def test_csv(make, tracks, size):
    text = ('\ufefftask,user,time,count,price,zip,note\r\n'
            'a,007,1,5,2.50,01234,"two\r\nlines, ""quoted"""\r\n'
            'b,ann,2,,,,\r\n'
            'c,ann,3,too,few\r\n'
            'd,ann,4,"never ends,,,\r\n'
            'e,ann,5,-1,1e5,,x\r\n')
    report = import_source(tracks, make('a.csv', text), size=size)
    assert contents(tracks) == [
        ('a', '007', 1, {'count': 5, 'price': 2.5, 'zip': '01234',
                         'note': 'two\r\nlines, "quoted"'}),
        ('b', 'ann', 2, {}),
        ('e', 'ann', 5, {'count': -1, 'price': '1e5', 'note': 'x'})]
    assert [bad[:2] for bad in report.bad] == [
        (5, 'it has 5 cells, the header has 7'), (6, 'a quoted field does not end')]
    assert import_source(tracks, make('a.csv', text)).lines == 0


def test_rejected_rows_of_csv_keep_their_header(make, tracks, tmp_path):
    rejects = tmp_path / 'bad.csv'
    import_source(tracks, make('a.csv', 'task,user,time\na,b,1\nc\n'), rejects=rejects)
    assert rejects.read_text() == 'task,user,time\nc\n'


@pytest.mark.parametrize(('text', 'first', 'last'), [
    ('2026-11-21', NOON - 43_200, NOON + 43_200 - 1e-6),
    ('2026-11', 1793491200, 1796083200 - 1e-6),
    ('2026-11-21T12:00', NOON, NOON),
    ('20261121T120000Z', NOON, NOON),
    ('2026-11-21 14:30:00.25+02:30', NOON + 0.25, NOON + 0.25),
    (str(NOON), NOON, NOON),
    ('-1.5', -1.5, -1.5),
])
def test_times(text, first, last):
    assert (time_of(text), time_of(text, end=True)) == (first, last)


@pytest.mark.parametrize('value', ['', 'now', '2026-13-01', '2026-11-21T25:00', True,
                                   None, float('inf'), 10**400, '2026-11-21T12:00:61'])
def test_what_is_no_time(value):
    with pytest.raises(ValueError, match='is no time; allowed are seconds since'):
        time_of(value)
