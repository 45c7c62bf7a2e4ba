"""What the commands print, and what a user does with it."""

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trackstore
from trackstore.cli.histogram import picture
from trackstore.cli.output import shown, size
from trackstore.tests.commands import (
    COMMANDS,
    invoke,
    lines,
    objects,
)


@pytest.mark.parametrize(('options', 'ids'), [
    (['--task', 'a'], [1]),
    (['--task', '5'], [2, 3]),
    (['--task', 'a', '--task', 'é*'], [1, 4]),
    (['--user', 'b*'], [2, 3]),
    (['--user', 'None'], [4]),
    (['--run', '2', '--run', '3'], [2, 3]),
    (['--from', '2026-11-21', '--to', '2026-11-21'], [1, 2, 4]),
    (['--from', '20261122'], [3]),
    (['--to', '20261121'], [1, 2, 4]),
    (['--from', '2026', '--to', '2026'], [1, 2, 3, 4]),
    (['--from', '2027'], []),
    (['--to', '2026-11'], [1, 2, 3, 4]),
    (['--from', '2026-11-21T01:00', '--zone', 'Europe/Berlin'], [1, 2, 3, 4]),
    (['--from', '2026-11-21T01:01', '--zone', 'Europe/Berlin'], [2, 3]),
    (['--to', '1795219200'], [1]),
    (['--where', 'userName=ann'], [1]),
    (['--limit', '1'], [1]),
    (['--reverse', '--limit', '2'], [4, 3]),
    (['--after', '0000002'], [3, 4]),
])
def test_the_options_of_query(store, options, ids):
    found = objects('query', store, *options)
    assert [int(track['id']) for track in found] == ids
    assert [line.split()[0] for line in lines('query', store, *options)][1:] == [
        f'{number:07}' for number in ids]


def test_what_could_command_a_terminal_is_shown(store):
    output = '\n'.join(lines('query', store) + lines('top', store, 'task'))
    assert 'é\\x1b[31m\\n[b]' in output and '{"x": "[red]"}' in output
    assert '\x1b' not in output


def test_data_that_json_does_not_know(store):
    with trackstore.open(store) as tracks:
        tracks.saveUserTrack('odd', 0, 'ann', {'it': ...}, timeStamp=1)
    assert lines('query', store, '--task', 'odd')[1].endswith("{'it': Ellipsis}")
    result = invoke('query', store, '--json')
    assert result.exit_code == 2
    assert "Error: track '0000005': Ellipsis is of a class that" in result.stderr


@given(st.text(st.characters(exclude_categories=[])))
def test_shown_text_is_printable(text):
    assert not set(shown(text)) & {'\x1b', '\r', '\n', '\x7f', '\x9b', '\u202e'}
    shown(text).encode()


def test_top_and_count_of_all(store):
    assert lines('count', store) == ['4']
    assert objects('count', store) == [{'tracks': 4}]
    assert objects('top', store, 'user', '--limit', 1) == [
        {'userName': 'ben', 'tracks': 2, 'first': 1795222800, 'last': 1795305600}]
    assert [row['taskId'] for row in objects('top', store, 'task')] == [
        5, '5', 'a', 'é\x1b[31m\n[b]']
    assert [row['runId'] for row in objects('top', store, 'run')] == [1, 2, 3, 4]


def test_runs_of_each_kind(store):
    assert [run['runId'] for run in objects('runs', store)] == [1, 2, 3, 4]
    assert objects('runs', store, '--finished') == [
        {'runId': 1, 'taskId': 'a', 'start': 1795219200, 'end': 1795219260,
         'finished': True, 'tracks': 1}]
    assert [run['runId'] for run in objects(
        'runs', store, '--open', '--reverse', '--limit', 2)] == [4, 3]
    result = invoke('runs', store, '--limit', 1)
    assert result.stderr == '1 of 4 runs; for more: --limit\n'


def test_histograms(store):
    assert lines('histogram', store, '--by', 'day') == [
        f'2026-11-21 Sat  3  {"█" * 60}', f'2026-11-22 Sun  1  {"█" * 20}']
    hours = objects('histogram', store)
    assert [bucket['tracks'] for bucket in hours] == [2, 1, *[0] * 22, 1]
    assert hours[0] == {'start': 1795219200, 'end': 1795222800, 'tracks': 2}
    assert invoke('histogram', store, '--task', 'x').stderr == 'there are no tracks\n'


def test_a_picture():
    assert picture([('a', 0), ('b', 1), ('c', 1000)], 40) == [
        'a      0', 'b      1  ▏', 'c  1,000  ' + '█' * 30]
    assert picture([('a', 1), ('b', 3)], 12, blocks=False) == [
        'a  1  ###', 'b  3  ########']
    assert picture([], 80) == []


def test_sizes():
    assert [size(count) for count in (1, 999, 1000, 2_500_000, 10 ** 13)] == [
        '1 byte', '999 bytes', '1.0 kB', '2.5 MB', '10,000.0 GB']


# importing and exporting

def test_an_import_as_json(store, log):
    [report] = objects('import', log, store)
    assert {name: report[name] for name in ('lines', 'tracks', 'rejected', 'bad')} == {
        'lines': 3_000, 'tracks': 3_000, 'rejected': 0, 'bad': []}
    [report] = objects('import', log, store)
    assert (report['lines'], report['earlier']) == (0, 3_000)
    assert objects('count', store) == [{'tracks': 3_004}]
    [report] = objects('import', log, store, '--again')
    assert report['tracks'] == 3_000


def test_an_import_with_columns_and_rejects(tmp_path):
    table, store = tmp_path / 'table.txt', tmp_path / 'new.fs'
    rejects = tmp_path / 'bad.csv'
    table.write_text('what;who;at;sitting\na;ann;1795219200000;x\nb\n')
    output = lines('import', table, store, '--format', 'csv', '--task', 'what',
                   '--user', 'who', '--time', 'at', '--time-unit', 'ms', '--run',
                   'sitting', '--rejects', rejects)
    assert output[:2] == [f'{table} (csv)', '3 lines read, 1 track saved, 1 bad']
    assert output[-2:] == ['line 3: it has 1 cells, the header has 4', '    b']
    assert rejects.read_text() == 'what;who;at;sitting\nb\n'
    assert objects('query', store) == [
        {'id': '0000001', 'taskId': 'a', 'runId': 1, 'userName': 'ann',
         'timeStamp': 1795219200, 'data': {}}]


def test_several_sources_are_taken_in_the_order_of_their_age(tmp_path, log):
    later = tmp_path / 'a.log'
    later.write_text(log.read_text().replace('21/Nov', '22/Nov'))
    os.utime(log, (1, 1))
    reports = objects('import', later, log, tmp_path / 'new.fs')
    assert [report['source'] for report in reports] == [str(log), str(later)]


def test_an_import_that_the_user_stops(tmp_path, log, monkeypatch):
    from trackstore.importers import load
    add = load.Report.add

    def stop(self, *args):
        add(self, *args)
        if self.lines > 1_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(load.Report, 'add', stop)
        result = invoke('import', log, tmp_path / 'new.fs', '--batch', 400)
    assert result.exit_code == 130
    saved = objects('count', tmp_path / 'new.fs')[0]['tracks']
    assert 0 < saved < 3_000
    assert result.stderr.startswith('Error: interrupted; ')
    assert objects('import', log, tmp_path / 'new.fs')[0]['tracks'] == 3_000 - saved


def test_a_damaged_source(tmp_path, log):
    damaged = tmp_path / 'access.log.gz'
    damaged.write_bytes(gzip.compress(log.read_bytes())[:-3000])
    result = invoke('import', damaged, tmp_path / 'new.fs')
    assert result.exit_code == 1
    assert 'what could be read was imported' in result.stderr


def test_out_and_in_again(store, tmp_path):
    for name in ('a.jsonl', 'a.csv.gz'):
        copy = tmp_path / f'{name}.fs'
        assert lines('export', store, tmp_path / name) == [
            f'4 tracks in {tmp_path / name}']
        lines('import', tmp_path / name, copy)
        assert objects('query', copy) == objects('query', store)
    assert lines('export', store) == (tmp_path / 'a.jsonl').read_text().splitlines()


# upkeep

def test_upkeep(store):
    with trackstore.open(store) as tracks:
        for number in range(100):
            tracks.saveUserTrack('b', 0, 'ann', {'n': number})
    assert objects('info', store)[0]['tracks'] == 104
    assert objects('compact', store)[0]['segments'] == 1
    [packed] = objects('pack', store)
    assert packed['bytes'] <= packed['bytesBefore']
    assert objects('info', store)[0]['bytes'] == packed['bytes']
    assert objects('verify', store) == [{'tracks': 104, 'problems': []}]


def test_verify_finds_what_is_wrong(store, monkeypatch):
    monkeypatch.setattr(trackstore.TrackingStorage, 'verify',
                        lambda self, progress=None: ['index taskId lacks 0000001'])
    result = invoke('verify', store)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ['index taskId lacks 0000001',
                                          '4 tracks, 1 problem']


def test_every_command_explains_itself():
    for name in ('import', *COMMANDS):
        output = '\n'.join(lines(name, '--help'))
        assert '--json' in output and 'STORE' in output
