"""Each line is imported just once, whatever happens to its file."""

import io
import json

import pytest
import transaction
from ZODB.POSException import ConflictError

import trackstore
from trackstore import TrackingStorage
from trackstore.exceptions import DamagedError, FormatError
from trackstore.importers import (
    SourceError,
    Stream,
    import_source,
)
from trackstore.importers.state import imports_of
from trackstore.tests.hurting import Hurt, place_of
from trackstore.tests.importers.lines import (
    LINES,
    NOON,
    contents,
    expected_sittings,
    log_line,
    sittings,
    tasks,
)


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


@pytest.mark.parametrize('wrong', [[], [{'task': 'a', 'user': 'b', 'time': 1e300}]])
def test_damage_of_the_store_is_no_bad_line(make, tmp_path, wrong):
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path) as tracks:
        for number in range(600):
            tracks.startRun(f'task {number}', timeStamp=0)
        tracks._runs.seal()
        tracks._p_jar.transaction_manager.commit()
        oid = tracks._runs.current.branch(3)._p_oid
    lines = wrong + [
        {'task': f'task {n}', 'user': 'ann', 'time': n} for n in range(600)]
    source = make('a.jsonl', '\n'.join(map(json.dumps, lines)))
    with Hurt(path, path.read_bytes(), place_of(path, oid) - 20) as tracks:
        with pytest.raises(DamagedError, match='the current runs, branch 0.3: '):
            import_source(tracks, source)
        assert len(tracks) == 0 and not tracks.repair().problems
        report = import_source(tracks, source)
        assert (report.tracks, report.rejected) == (600, len(wrong))
