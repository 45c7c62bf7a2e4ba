"""Imports: what a line becomes, and that each line is imported just once."""

import gzip
import io
import json
import os
import random
import subprocess
import tracemalloc
from collections import defaultdict
from datetime import datetime, timezone

import pytest
import transaction
import ZODB
from hypothesis import given, settings
from hypothesis import strategies as st
from ZODB.POSException import ConflictError

from trackstore import Track, TrackingStorage
from trackstore.exceptions import FormatError
from trackstore.importers import (
    Columns,
    SourceError,
    SourceMissing,
    Stream,
    import_source,
    save_history,
)
from trackstore.importers.accesslog import AccessLog, readable, unescaped
from trackstore.importers.source import Block, Source
from trackstore.importers.state import imports_of
from trackstore.importers.times import time_of, zone_of

NOON = int(datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp())


class Picky(Track):
    """A class that does not take every track."""

    def __init__(self, taskId, runId, userName, data=None):
        if 'wrong' in data:
            raise ValueError('this is wrong')
        super().__init__(taskId, runId, userName, data)


@pytest.fixture
def database():
    db = ZODB.DB(None)
    with db.transaction() as connection:
        connection.root()['tracks'] = TrackingStorage()
        connection.root()['picky'] = TrackingStorage(trackFactory=Picky)
    yield db
    db.close()


@pytest.fixture
def tracks(database):
    connection = database.open()
    yield connection.root()['tracks']
    transaction.abort()
    connection.close()


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a file and returns its path."""
    def write(name, content):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith('.gz') else data)
        return path
    return write


def log_line(user='ann', path='/', time=NOON, agent='Browser'):
    stamp = datetime.fromtimestamp(time, timezone.utc).strftime('%d/%b/%Y:%H:%M:%S')
    return (f'10.0.0.1 - {user} [{stamp} +0000] "GET {path} HTTP/1.1" 200 17 "-" '
            f'"{agent}"\n')


def contents(tracks):
    return [(track.taskId, track.userName, track.timeStamp, dict(track.data))
            for track in tracks.values()]


def tasks(tracks):
    return [track.taskId for track in tracks.values()]


# access logs

def parsed(line):
    rows, bad, used = AccessLog().rows(Block(1, 0, 0, [line]))
    assert used == 1
    return rows[0][:5] if rows else bad[0][1]


START = b'10.0.0.1 - - [21/Nov/2026:13:00:00 +0100] '
END = b' 200 17 "-" "-"'


@pytest.mark.parametrize(('line', 'task', 'user', 'data'), [
    (START + b'"GET / HTTP/1.0" 200 17', '/', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET /a?b=c?d HTTP/1.1" 304 - "http://x/" "Me/1"', '/a', '10.0.0.1',
     {'method': 'GET', 'status': 304, 'query': 'b=c?d', 'referrer': 'http://x/',
      'agent': 'Me/1'}),
    (START + b'"POST /a HTTP/2.0" 499 0 "-" "-" "10.0.0.9" 0.003\r', '/a', '10.0.0.1',
     {'method': 'POST', 'status': 499, 'bytes': 0}),
    (b'2001:db8::1 - Ann Lee [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1"' + END,
     '/', 'Ann Lee', {'method': 'GET', 'status': 200, 'bytes': 17}),
    (b'www.example.com:443 fe80::1%eth0 - "" [21/Nov/2026:12:00:00 -0000] '
     b'"GET / HTTP/1.1"' + END,
     '/', 'fe80::1%eth0', {'method': 'GET', 'status': 200, 'bytes': 17,
                           'host': 'www.example.com:443'}),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "say \\"hi\\" \\\\ \\xc3\\xa9\\t"', '/',
     '10.0.0.1', {'method': 'GET', 'status': 200, 'bytes': 17,
                  'agent': 'say "hi" \\ é\t'}),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "caf\xe9"', '/', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17, 'agent': 'café'}),
    (START + b'"GET /caf%C3%A9/%2F?q=%20 HTTP/1.1"' + END, '/café/%2F', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17, 'query': 'q=%20'}),
    (START + b'"GET /two words HTTP/1.1"' + END, '/two words', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET /"quoted" HTTP/1.1"' + END, '/"quoted"', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET http://x.org/a?b HTTP/1.1"' + END, '/a', '10.0.0.1',
     {'method': 'GET', 'request': 'GET http://x.org/a?b HTTP/1.1', 'status': 200,
      'bytes': 17, 'query': 'b'}),
    (START + b'"OPTIONS * HTTP/1.0"' + END, '*', '10.0.0.1',
     {'method': 'OPTIONS', 'status': 200, 'bytes': 17}),
    (START + b'"CONNECT x.org:443 HTTP/1.1"' + END, 'x.org:443', '10.0.0.1',
     {'method': 'CONNECT', 'status': 200, 'bytes': 17}),
    (START + b'"-" 408 -', '-', '10.0.0.1', {'status': 408}),
    (START + b'"\\x16\\x03\\x01" 400 17', '-', '10.0.0.1',
     {'request': '\x16\x03\x01', 'status': 400, 'bytes': 17}),
])
def test_a_line_of_an_access_log(line, task, user, data):
    assert parsed(line) == (task, None, user, data, NOON)


@pytest.mark.parametrize(('line', 'reason'), [
    (b'garbage', 'it does not begin with a client, two names and a [time]'),
    (START + b'"GET / HTTP/1.1', 'the request in quotes is missing or does not end'),
    (START + b'"GET / HTTP/1.1" 20',
     'a status and a number of bytes do not follow the request'),
    (START + b'"GET / HTTP/1.1" 200 12345678901234567890123456 "-" "-"',
     'its number of bytes has more than 18 digits'),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "cut o',
     'it does not end with a referrer and an agent in quotes'),
    (b'x - - [31/Feb/2026:12:00:00 +0000] "GET / HTTP/1.1"' + END,
     "its time '31/Feb/2026:12:00:00 +0000' is no time like "
     "17/May/2015:10:05:03 +0000"),
])
def test_a_bad_line_has_a_reason(line, reason):
    assert parsed(line) == reason


@given(st.lists(st.one_of(
    st.binary(max_size=80).filter(lambda line: b'\n' not in line),
    st.tuples(st.sampled_from([START, b'', b'x - - ']),
              st.binary(max_size=60).filter(lambda line: b'\n' not in line),
              st.sampled_from([END, b'" 200 1', b'']).map(bytes)).map(b''.join))))
def test_no_line_is_lost_and_none_raises(lines):
    rows, bad, used = AccessLog().rows(Block(1, 0, 0, lines))
    blank = sum(not line.strip() for line in lines)
    assert used == len(lines)
    assert blank <= len(lines) - len(rows) - len(bad) <= blank
    for task, _, user, data, time, _ in rows:
        json.dumps([task, user, data, time]).encode()


def escaped(text):
    return ''.join(
        '\\"' if char == '"' else '\\\\' if char == '\\'
        else char if ' ' <= char <= '~'
        else ''.join(f'\\x{byte:02x}' for byte in char.encode()) for char in text)


@given(st.text(st.characters(exclude_categories=['Cs']), min_size=1)
       .filter(lambda text: text != '-'))
def test_what_a_server_escapes_comes_back(text):
    line = START + f'"GET / HTTP/1.1" 200 1 "-" "{escaped(text)}"'.encode()
    assert parsed(line)[3]['agent'] == text
    assert unescaped(escaped(text)) == text


@given(st.text(st.characters(categories=['L', 'N'])))
def test_a_path_is_readable_and_unambiguous(text):
    quoted = ''.join(f'%{byte:02X}' for byte in text.encode())
    assert readable(f'/{quoted}') == f'/{text}'


@pytest.mark.parametrize(('path', 'text'), [
    ('/a%2eb%2Fc%3f%25%0a', '/a.b%2Fc%3F%25%0A'),
    ('/%E9%41', '/%E9%41'),
    ('/100%', '/100%'),
    ('/%C2%85', '/%C2%85'),
])
def test_what_would_change_a_path_stays(path, text):
    assert readable(path) == text


# files

@given(st.binary(min_size=1, max_size=300).filter(lambda data: b'\0' not in data),
       st.integers(1, 40), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_blocks_hold_every_line_once(tmp_path_factory, data, block, longest):
    if data.startswith((b'BZh', b'PK', b'\x1f\x8b', b'\xfd7zXZ', b'\x28\xb5\x2f\xfd')):
        return
    path = tmp_path_factory.mktemp('blocks') / 'file'
    path.write_bytes(data)
    with Source(path, block=block, max_line=longest) as source:
        blocks = list(source.blocks())
        lines = [line for each in blocks for line in each.lines]
        expected = data.split(b'\n')
        if not expected[-1]:
            del expected[-1]
        assert lines == [line[:longest] for line in expected]
        assert blocks[-1].end == len(data)
        assert [each.number for each in blocks] == [
            1 + sum(len(other.lines) for other in blocks[:n])
            for n in range(len(blocks))]
        for each in blocks:
            again = next(source.blocks(each.start, each.number))
            assert again.lines[:1] == each.lines[:1]
            if each.long_end is not None:
                assert data[:each.end].endswith(each.long_end)


def test_a_line_without_end_takes_no_memory(make, tracks):
    path = make('long.log.gz', b'x' * 60_000_000 + b'\n' + log_line().encode())
    tracemalloc.start()
    try:
        report = import_source(tracks, path, format='access')
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (report.tracks, report.rejected) == (1, 1)
    assert report.bad[0][:2] == (1, 'it is longer than 131,072 bytes')
    assert peak < 20_000_000


@pytest.mark.parametrize(('name', 'content', 'message'), [
    ('picture.png', b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR',
     'is binary (it has zero bytes); a text with lines is expected'),
    ('binary.gz', b'\0\1\2\3', 'is binary (it has zero bytes)'),
    ('log.bz2', b'BZh91AY', 'is compressed with bzip2; plain text and gzip are read'),
    ('letter.txt', b'Dear Ann\nhow are you?\n',
     "is not recognised (it begins with 'Dear Ann'); name one of access, csv, git, "
     "jsonl with --format"),
    ('table.csv', b'when,what\n1,2\n',
     "which column of {} is the task? Its columns are 'when', 'what'; name one with "
     "--task"),
    ('two.csv', b'task,task\n', "has two columns 'task'"),
])
def test_what_is_no_source(make, tracks, name, content, message):
    path = make(name, content)
    with pytest.raises(SourceError) as caught:
        import_source(tracks, path)
    assert message.format(path) in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(tracks) == 0


def test_what_is_no_file(tmp_path, tracks):
    with pytest.raises(SourceMissing, match='there is no file .*nowhere.log'):
        import_source(tracks, tmp_path / 'nowhere.log')
    with pytest.raises(FileNotFoundError):
        import_source(tracks, tmp_path / 'nowhere.log')
    with pytest.raises(SourceError, match='is a directory, and no git checkout'):
        import_source(tracks, tmp_path)


@pytest.mark.parametrize(('options', 'message'), [
    ({'format': 'xml'}, "format: 'xml' is no format; allowed are access, csv"),
    ({'size': 0}, 'size: 0 is no number above 0'),
    ({'idle': float('nan')}, 'idle: nan is no number above 0'),
    ({'idle': '30'}, "idle: '30' is no number above 0"),
])
def test_options_that_are_none(make, tracks, options, message):
    with pytest.raises(SourceError, match=message):
        import_source(tracks, make('a.log', LINES[0]), **options)


def test_columns_that_are_none():
    with pytest.raises(SourceError, match="unit: 'h' is no unit of time; allowed are"):
        Columns(unit='h')
    with pytest.raises(SourceError, match="task: '-' is not allowed; tracks need a"):
        Columns(task='-')


def test_columns_that_do_not_fit(make, tracks):
    columns = Columns(task='page', unit='ms')
    with pytest.raises(SourceError, match='^--task, --time-unit: .*a.log has no col'):
        import_source(tracks, make('a.log', LINES[0]), columns=columns)
    with pytest.raises(SourceError, match=r'is the task\? Its columns are none$'):
        import_source(tracks, make('a.jsonl', '{}\n'))


def test_a_storage_outside_of_a_database(make):
    with pytest.raises(SourceError, match='the storage is not in a database yet'):
        import_source(TrackingStorage(), make('a.log', log_line()))


def test_a_damaged_file_gives_what_it_has(make, tracks, tmp_path):
    random.seed(1)
    text = ''.join(log_line(path=f'/{random.random()}') for _ in range(20_000))
    whole = gzip.compress(text.encode())
    cut = tmp_path / 'cut.log.gz'
    cut.write_bytes(whole[:len(whole) // 2])
    report = import_source(tracks, cut)
    assert report.problem.startswith('is damaged: ')
    assert 5_000 < report.tracks < 15_000
    cut.write_bytes(whole)
    report = import_source(tracks, cut)
    assert report.problem is None
    assert len(tracks) == len(set(tasks(tracks))) == 20_000


# each line once

LINES = [log_line(path=f'/{n}', time=NOON + n) for n in range(40)]


def test_the_same_file_twice_and_grown(make, tracks):
    path = make('access.log', ''.join(LINES[:10]))
    assert import_source(tracks, path).tracks == 10
    again = import_source(tracks, path)
    assert (again.tracks, again.lines, again.earlier) == (0, 0, 10)
    path = make('access.log', ''.join(LINES))
    assert import_source(tracks, path).tracks == 30
    assert tasks(tracks) == [f'/{n}' for n in range(40)]


def test_a_rotated_file_is_known_by_its_content(make, tracks):
    import_source(tracks, make('access.log', ''.join(LINES[:20])))
    rotated = make('access.log.1.gz', ''.join(LINES[:30]))
    assert import_source(tracks, rotated).tracks == 10
    assert import_source(tracks, make('access.log', ''.join(LINES[30:]))).tracks == 10
    assert tasks(tracks) == [f'/{n}' for n in range(40)]


def test_several_files_with_the_same_beginning(make, tracks):
    header = 'task,user,time,' + ','.join(f'a_long_name_{n}' for n in range(200))
    for name in 'abc':
        rows = ''.join(f'{name}{n},ann,{n}{"," * 200}\n' for n in range(5))
        import_source(tracks, make(f'{name}.csv', f'{header}\n{rows}'))
    assert tasks(tracks) == [f'{name}{n}' for name in 'abc' for n in range(5)]


def test_a_table_without_rows(make, tracks):
    header = 'task,user,time\n'
    import_source(tracks, make('a.csv', f'{header}a,b,1\n'))
    for name in ('empty.csv', 'empty.csv', 'other.csv'):
        report = import_source(tracks, make(name, header))
        assert (report.lines, report.tracks, report.bad) == (0, 0, [])
    assert import_source(tracks, make('other.csv', f'{header}c,d,2\n')).tracks == 1


def test_a_file_that_was_changed_is_refused(make, tracks):
    path = make('access.log', ''.join(LINES))
    import_source(tracks, path)
    for text in (''.join(LINES)[:-300], ''.join(LINES[:-2] + LINES[:2])):
        path = make('access.log', text)
        with pytest.raises(SourceError, match='of which 40 lines have been imported'):
            import_source(tracks, path)
    assert len(tracks) == 40
    assert import_source(tracks, path, again=True).tracks == 40
    assert import_source(tracks, path).tracks == 0


@pytest.mark.parametrize('cut', range(1, len(LINES[2])))
def test_a_line_that_was_not_complete(make, tracks, cut):
    text = ''.join(LINES[:2])
    import_source(tracks, make('a.log', text + LINES[2][:cut]))
    report = import_source(tracks, make('a.log', text + ''.join(LINES[2:4])))
    assert contents(tracks) == [
        (f'/{n}', 'ann', NOON + n, {'method': 'GET', 'status': 200, 'bytes': 17,
                                    'agent': 'Browser'}) for n in range(4)]
    assert report.rejected == 0


def test_an_empty_file_has_nothing(make, tracks):
    for name in ('empty.log', 'empty.log.gz'):
        report = import_source(tracks, make(name, ''))
        assert (report.format, report.lines, report.tracks) == (None, 0, 0)


@pytest.mark.parametrize('good', [0, 1])
def test_of_bad_lines_only_nothing_is_remembered(make, tracks, good):
    path = make('a.jsonl', '{"task": 1, "user": 2, "time": "soon"}\n' * 10
                + '{"task": 1, "user": 2, "time": 3}\n' * good)
    report = import_source(tracks, path, size=3)
    assert (report.rejected, report.tracks, report.failed) == (10, good, not good)
    assert len(tracks.runs) == good
    again = import_source(tracks, path, size=3)
    assert again.earlier == (11 if good else 0)
    if good:
        [state] = imports_of(tracks).sources.values()
        assert (state.rejected, state.tracks) == (10, 1)


def test_a_stream_is_not_remembered(tracks):
    text = ''.join(LINES).encode()
    for times in (1, 2):
        report = import_source(tracks, Stream(io.BytesIO(text)), size=7)
        assert (report.source, report.tracks) == ('standard input', 40)
        assert len(tracks) == 40 * times
        assert not imports_of(tracks).sources


@pytest.mark.parametrize('broken', [1, 2, 3, 4])
def test_an_interrupted_import_goes_on(make, tracks, broken):
    lines = [log_line(user=f'u{n % 7}', path=f'/{n}', time=NOON + 200 * n)
             for n in range(3_000)]
    path = make('access.log', ''.join(lines))
    calls = 0

    def interrupt(done, total, report):
        nonlocal calls
        calls += 1
        assert 0 < done <= total
        if calls == broken:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(tracks, path, size=500, progress=interrupt)
    saved = len(tracks)
    assert 0 < saved < 3_000
    assert import_source(tracks, path, size=500).tracks == 3_000 - saved
    assert tasks(tracks) == [f'/{n}' for n in range(3_000)]
    assert sittings(tracks) == expected_sittings(lines)


def test_a_collision_is_tried_again(make, tracks, monkeypatch):
    save, calls = TrackingStorage.saveTracks, []

    def collide(self, records):
        calls.append(1)
        if len(calls) < 3:
            raise ConflictError
        return save(self, records)

    monkeypatch.setattr(TrackingStorage, 'saveTracks', collide)
    assert import_source(tracks, make('a.log', ''.join(LINES))).tracks == 40
    assert len(tracks) == 40
    assert len(tracks.runs) == 1


def test_two_imports_of_a_file_at_once(make, tracks, database):
    path = make('a.log', ''.join(LINES))
    other = database.open(transaction.TransactionManager())

    def meanwhile(done, total, report):
        import_source(other.root()['tracks'], path, size=7)

    with pytest.raises(SourceError, match='is being imported by another process'):
        import_source(tracks, path, size=10, progress=meanwhile)
    transaction.abort()
    assert sorted(tasks(tracks)) == sorted(f'/{n}' for n in range(40))
    other.close()


def test_the_state_of_a_newer_release(make, tracks):
    path = make('a.log', ''.join(LINES))
    import_source(tracks, path)
    imports_of(tracks).version = 2
    with pytest.raises(FormatError, match='imports has version 2; this release reads'):
        import_source(tracks, path)


def test_each_storage_has_its_own_imports(make, tracks, database):
    path = make('a.log', ''.join(LINES))
    import_source(tracks, path)
    assert import_source(tracks._p_jar.root()['picky'], path).tracks == 40


def test_bad_lines_are_kept(make, tracks, tmp_path):
    rejects = tmp_path / 'bad.log'
    path = make('a.log', LINES[0] + 'garbage \xe9\n\n' + LINES[1] + 'more')
    report = import_source(tracks, path, rejects=rejects)
    assert [bad[:2] for bad in report.bad] == [
        (2, 'it does not begin with a client, two names and a [time]'),
        (5, 'it does not begin with a client, two names and a [time]')]
    assert rejects.read_bytes().decode() == 'garbage \xe9\nmore\n'
    with pytest.raises(SourceError, match='cannot be kept in the source itself'):
        import_source(tracks, path, rejects=path)


@pytest.mark.parametrize('first', ['', 'garbage\n'])
def test_a_rejected_line_that_is_completed_is_taken_back(make, tracks, tmp_path, first):
    rejects = tmp_path / 'bad.log'
    text = LINES[0] + first + LINES[1]
    import_source(tracks, make('a.log', text[:-30]), rejects=rejects)
    assert rejects.read_text() == first + LINES[1][:-30] + '\n'
    import_source(tracks, make('a.log', text + 'more\n'), rejects=rejects)
    assert rejects.read_text() == first + 'more\n'
    assert len(tracks) == 2


def test_what_the_storage_refuses_is_a_bad_line(make, tracks):
    picky = tracks._p_jar.root()['picky']
    lines = [json.dumps({'task': n, 'user': 'ann', 'time': n,
                         **({'wrong': 1} if n % 10 == 3 else {})}) for n in range(50)]
    report = import_source(picky, make('a.jsonl', '\n'.join(lines)))
    assert [bad[:2] for bad in report.bad] == [
        (n + 1, 'this is wrong') for n in range(3, 50, 10)]
    assert tasks(picky) == [n for n in range(50) if n % 10 != 3]


# sittings

def sittings(tracks):
    """Return for each user the sets of times that share a run."""
    found = defaultdict(set)
    for track in tracks.values():
        found[track.userName, track.runId].add(track.timeStamp)
    assert len({run for _, run in found}) == len(found)
    for (_, number), times in found.items():
        run = tracks.getRun(runId=number)
        assert (run.start, run.end) == (min(times), max(times))
    return sorted((user, sorted(times)) for (user, _), times in found.items())


def expected_sittings(lines, idle=1800):
    times = defaultdict(list)
    for line in lines:
        _, _, user, _, time = parsed(line.strip().encode())
        times[user].append(time)
    found = []
    for user, each in times.items():
        each.sort()
        part = []
        for time in each:
            if part and time - part[-1] > idle:
                found.append((user, sorted(set(part))))
                part = []
            part.append(time)
        found.append((user, sorted(set(part))))
    return sorted(found)


@given(st.lists(st.tuples(st.sampled_from('abc'), st.integers(0, 4_000)), min_size=1),
       st.integers(1, 10), st.data())
@settings(max_examples=40, deadline=None)
def test_sittings_in_order_over_files_and_batches(tmp_path_factory, steps, size, data):
    time, lines = NOON, []
    for user, step in steps:
        time += step
        lines.append(log_line(user=user, time=time, path=f'/{len(lines)}'))
    folder = tmp_path_factory.mktemp('sittings')
    cut = data.draw(st.integers(0, len(lines)))
    db = ZODB.DB(None)
    with db.transaction() as connection:
        tracks = connection.root()['tracks'] = TrackingStorage()
        transaction_manager = connection.transaction_manager
        transaction_manager.commit()
        for name, part in (('one.log', lines[:cut]), ('two.log', lines[cut:])):
            if part:
                (folder / name).write_text(''.join(part))
                import_source(tracks, folder / name, size=size)
        assert sittings(tracks) == expected_sittings(lines)
    db.close()


def test_late_lines_go_where_their_time_puts_them(make, tracks):
    lines = [log_line(time=NOON + 40 * n, user=f'u{n % 5}') for n in range(900)]
    random.seed(2)
    mixed = sorted(lines, key=lambda line: lines.index(line) + random.random() * 60)
    import_source(tracks, make('a.log', ''.join(mixed)))
    assert sittings(tracks) == expected_sittings(lines)


def test_a_late_line_of_the_next_import_moves_the_start(make, tracks):
    lines = [log_line(time=NOON + 600), log_line(time=NOON)]
    import_source(tracks, make('a.log', lines[0]))
    import_source(tracks, make('a.log', ''.join(lines)))
    assert sittings(tracks) == [('ann', [NOON, NOON + 600])]


def test_sittings_of_another_length(make, tracks):
    lines = [log_line(time=NOON + 100 * n) for n in range(3)]
    import_source(tracks, make('a.log', ''.join(lines)), idle=99)
    assert [len(times) for _, times in sittings(tracks)] == [1, 1, 1]
    lines += [log_line(time=NOON + 100 * n) for n in range(3, 6)]
    import_source(tracks, make('a.log', ''.join(lines)), idle=100)
    assert [len(times) for _, times in sittings(tracks)] == [1, 1, 4]


def test_logs_of_several_servers_share_sittings(make, tracks):
    lines = [log_line(user=f'u{n % 3}', time=NOON + 500 * n) for n in range(60)]
    for name in 'abc':
        import_source(tracks, make(f'{name}.log', ''.join(lines['abc'.index(name)::7])))
    for name in 'abc':
        import_source(tracks, make(f'{name}.log', ''.join(
            lines['abc'.index(name)::7] + [log_line(user='u0', time=NOON + 10 ** 6)])))
    for run in [*tracks.runs.values(), *tracks.finishedRuns.values()]:
        assert run.end == max(
            track.timeStamp for track in tracks.query(runId=run.id))


def test_sittings_that_are_over_are_finished(make, tracks):
    lines = [log_line(time=NOON), log_line(time=NOON + 86_400)]
    import_source(tracks, make('a.log', ''.join(lines)))
    assert [run.end for run in tracks.finishedRuns.values()] == [NOON]
    assert [run.end for run in tracks.runs.values()] == [NOON + 86_400]


def test_whoever_is_idle_at_the_end_has_finished(make, tracks):
    lines = [log_line('ann', time=NOON), log_line('ben', time=NOON),
             log_line('ann', time=NOON + 60), log_line('ben', time=NOON + 1_861)]
    import_source(tracks, make('a.log', ''.join(lines)))
    assert [run.end for run in tracks.finishedRuns.values()] == [NOON + 60, NOON]
    lines += [log_line('ann', time=NOON + 1_000), log_line('cleo', time=NOON + 1_900)]
    import_source(tracks, make('a.log', ''.join(lines)))
    assert [run.end for run in tracks.finishedRuns.values()] == [NOON + 1_000, NOON]
    assert sittings(tracks)[0] == ('ann', [NOON, NOON + 60, NOON + 1_000])


def test_a_run_is_not_finished_before_what_another_source_has(make, tracks):
    lines = [log_line('ann', time=NOON)]
    import_source(tracks, make('a.log', ''.join(lines)))
    import_source(tracks, make('b.log', log_line('ann', '/b', NOON + 1_000)))
    lines.append(log_line('ben', time=NOON + 4_000))
    import_source(tracks, make('a.log', ''.join(lines)))
    assert [run.end for run in tracks.finishedRuns.values()] == [NOON + 1_000]


# tables and objects

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
                                   None, float('inf'), '2026-11-21T12:00:61'])
def test_what_is_no_time(value):
    with pytest.raises(ValueError, match='is no time; allowed are seconds since'):
        time_of(value)


# git

def git(folder, *arguments, when=NOON, author='Ada Löv'):
    environment = {
        **os.environ, 'GIT_AUTHOR_NAME': author, 'GIT_AUTHOR_EMAIL': 'a@example.com',
        'GIT_COMMITTER_NAME': author, 'GIT_COMMITTER_EMAIL': 'a@example.com',
        'GIT_AUTHOR_DATE': f'{when} +0000', 'GIT_COMMITTER_DATE': f'{when} +0000',
        'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull}
    return subprocess.run(['git', '-C', folder, *arguments], check=True, text=True,
                          env=environment, capture_output=True).stdout.strip()


def commit(folder, name, content, message='a change', **who):
    path = folder / name
    path.write_bytes(content)
    git(folder, 'add', '-A', **who)
    git(folder, 'commit', '-qm', message, **who)
    return git(folder, 'rev-parse', 'HEAD')


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / 'checkout'
    folder.mkdir()
    git(folder, 'init', '-q', '-b', 'main')
    return folder


def test_a_history(tracks, checkout):
    first = commit(checkout, 'tab\tü "x"\n', b'1\n2\n', 'one\n\nand more')
    second = commit(checkout, 'picture', b'\0\1', when=NOON + 31 * 86_400,
                    author='Bob')
    assert import_source(tracks, checkout).tracks == 2
    assert contents(tracks) == [
        ('tab\tü "x"\n', 'Ada Löv', NOON,
         {'commit': first, 'subject': 'one', 'added': 2, 'removed': 0}),
        ('picture', 'Bob', NOON + 31 * 86_400,
         {'commit': second, 'subject': 'a change'})]
    assert [(run.id, run.start) for run in tracks.runs.values()] == [
        (1, NOON), (2, NOON + 31 * 86_400)]


def test_a_history_that_grows_branches_and_is_rewritten(tracks, checkout):
    commit(checkout, 'a', b'1\n')
    import_source(tracks, checkout)
    git(checkout, 'checkout', '-qb', 'side')
    commit(checkout, 'b', b'1\n', when=NOON - 10 ** 7)
    git(checkout, 'checkout', '-q', 'main')
    commit(checkout, 'c', b'1\n')
    assert import_source(tracks, checkout).tracks == 1
    git(checkout, 'merge', '-q', 'side', '-m', 'together')
    assert import_source(tracks, checkout).tracks == 1
    assert import_source(tracks, checkout).lines == 0
    git(checkout, 'reset', '-q', '--hard', 'HEAD~1')
    commit(checkout, 'd', b'1\n')
    git(checkout, 'reflog', 'expire', '--expire=now', '--all')
    git(checkout, 'gc', '-q', '--prune=now')
    report = import_source(tracks, checkout)
    assert (report.tracks, tasks(tracks)) == (1, ['a', 'c', 'b', 'd'])


def test_an_interrupted_history_goes_on(tracks, checkout):
    for n in range(6):
        commit(checkout, f'f{n}', b'1\n')

    def interrupt(done, total, report):
        assert (done, total) == (2, 6)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(tracks, checkout, size=2, progress=interrupt)
    assert len(tracks) == 2
    report = import_source(tracks, checkout, size=2)
    assert (report.tracks, report.earlier) == (4, 2)
    assert tasks(tracks) == [f'f{n}' for n in range(6)]


@pytest.mark.parametrize('name', ['history.jsonl', 'history.jsonl.gz'])
def test_a_saved_history_is_the_same(tracks, checkout, tmp_path, name):
    commit(checkout, 'ü', b'1\n')
    commit(checkout, 'b', b'\0')
    assert save_history(checkout, tmp_path / name) == 2
    before = (tmp_path / name).read_bytes()
    assert import_source(tracks, tmp_path / name).tracks == 2
    commit(checkout, 'c', b'1\n')
    report = import_source(tracks, checkout)
    assert (report.tracks, report.earlier) == (1, 2)
    other = tracks._p_jar.root()['picky']
    import_source(other, checkout)
    assert contents(other) == contents(tracks)
    git(checkout, 'reset', '-q', '--hard', 'HEAD~1')
    save_history(checkout, tmp_path / name)
    assert (tmp_path / name).read_bytes() == before


def test_bad_lines_of_a_saved_history(make, tracks):
    good = {'commit': 'ab' * 20, 'time': NOON, 'author': 'Ann', 'subject': 'x',
            'files': [['f', 1, 2]]}
    lines = [{'trackstore': 'git history', 'version': 1, 'head': 'ab'}, good,
             {**good, 'commit': 'xx'}, {**good, 'commit': 'cd' * 20, 'time': 10 ** 18},
             {**good, 'files': [[1, 2, 3]]}]
    report = import_source(tracks, make('h.jsonl', '\n'.join(map(json.dumps, lines))))
    assert report.tracks == 1
    assert [bad[:2] for bad in report.bad] == [
        (3, 'it is no commit of a saved history'),
        (4, 'the time of commit cdcdcdcdcdcd is outside of the calendar: '
            '1000000000000000000'),
        (5, 'a text or a number of its commit is of another type')]


def test_what_is_no_history(tracks, checkout, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match='has no history that git can read: '):
        import_source(tracks, checkout)
    (checkout / 'part').mkdir()
    with pytest.raises(SourceError, match='the checkout around it is .*checkout$'):
        import_source(tracks, checkout / 'part')
    (tmp_path / 'plain').mkdir()
    with pytest.raises(SourceError, match='has no history that git can read: not a'):
        import_source(tracks, tmp_path / 'plain', format='git')
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SourceError, match='git is not installed'):
        import_source(tracks, checkout)
