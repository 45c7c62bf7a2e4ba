"""Sources: files and what they are read as, and what is none."""

import gzip
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstore import TrackingStorage
from trackstore.importers import (
    Columns,
    SourceError,
    SourceMissing,
    import_source,
)
from trackstore.importers.source import Source
from trackstore.tests.importers.lines import (
    LINES,
    log_line,
    tasks,
)


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
