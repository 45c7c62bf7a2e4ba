"""What the commands make of damaged bytes."""

import importlib
import json
import re
import sys

import pytest

import trackstore
from trackstore import merge
from trackstore.tests.commands import invoke, shell


@pytest.fixture
def store(tmp_path):
    path = tmp_path / 'visits.fs'
    with trackstore.open(path) as tracks:
        tracks.saveTracks(('a', 0, 'ann', {'n': n}, 1_795_219_200) for n in range(4))
    return path


def report(*arguments, code=0):
    result = invoke(*arguments, '--json')
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_verify_names_what_is_damaged(damaged):
    done = shell('verify', damaged)
    assert done.returncode == 1 and done.stderr == b''
    *problems, last = done.stdout.decode().splitlines()
    assert all(line.startswith('segment 1-5000, block ') for line in problems)
    assert last == '5,000 tracks, 1 problem'
    assert shell('verify', damaged, '--repair').stdout == done.stdout


def test_verify_repairs(damaged):
    with trackstore.open(damaged) as tracks:
        [(key, entry)] = tracks._directory.in_order()
        tracks._directory.replace([key], [entry._replace(low=-5.0)])
    result = invoke('verify', damaged)
    assert result.exit_code == 1
    assert 'segment 1-5000: its time span is not right' in result.stdout
    record = report('verify', damaged, '--repair', code=1)
    assert record['repaired'] == []    # it needs all blocks
    assert len(record['problems']) == 2


def test_verify_repairs_what_follows_from_tracks(store):
    with trackstore.open(store) as tracks:
        merge.seal(tracks)
        [(key, entry)] = tracks._directory.in_order()
        tracks._directory.replace([key], [entry._replace(low=-5.0)])
    before = store.read_bytes()
    assert invoke('verify', store).exit_code == 1
    assert store.read_bytes() == before
    result = invoke('verify', store, '--repair')
    assert result.exit_code == 0
    assert result.stdout == (
        'repaired: segment 1-4: its indexes, times and entry were made anew from 4 '
        'tracks\n4 tracks, 0 problems\n')
    assert report('verify', store, '--repair') == {
        'tracks': 4, 'problems': [], 'repaired': []}


@pytest.mark.parametrize('name', ['all.jsonl', 'all.csv'])
def test_an_export_that_leaves_out_what_is_damaged(damaged, tmp_path, name):
    target = tmp_path / name
    [problem] = shell('verify', damaged).stdout.decode().splitlines()[:-1]
    first, last = map(int, re.findall(r'tracks (\d+)-(\d+)', problem)[0])
    lost = last - first + 1
    result = invoke('export', damaged, target, '--skip-damaged')
    assert result.exit_code == 1
    assert result.stdout == f'{5_000 - lost:,} tracks in {target}\n'
    assert re.fullmatch(
        rf'left out: segment 1-5000, block \d: .* \({lost:,} tracks\)\n', result.stderr)
    record = report('export', damaged, target, '--skip-damaged', code=1)
    assert list(record['leftOut'].values()) == [lost]
    new = tmp_path / 'new.fs'
    assert invoke('import', target, new).exit_code == 0
    with trackstore.open(new) as tracks:
        numbers = [track.data['n'] for track in tracks.query()]
    assert numbers == [n for n in range(5_000) if not first <= n + 1 <= last]


def test_an_export_without_damage_leaves_nothing_out(store, tmp_path):
    one, two = tmp_path / 'one.jsonl', tmp_path / 'two.jsonl'
    assert invoke('export', store, one).exit_code == 0
    assert invoke('export', store, two, '--skip-damaged').exit_code == 0
    assert one.read_text() == two.read_text()
    result = invoke('export', store, two, '--skip-damaged', '--task', 'a')
    assert result.exit_code == 2 and 'takes no criteria' in result.stderr


def test_objects_of_a_class_that_is_not_here(store, tmp_path, monkeypatch):
    (tmp_path / 'shop_of_a_test.py').write_text('class Money:\n    pass\n')
    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path)
        money = importlib.import_module('shop_of_a_test').Money()
        with trackstore.open(store) as tracks:
            tracks.saveUserTrack('a', 0, 'ann', {'price': money})
        del sys.modules['shop_of_a_test']
    told = ('Error: a track has an object of a class that cannot be imported here: No '
            "module named 'shop_of_a_test'; PYTHONPATH may say where its module is\n")
    for command in ['query', 'export', 'compact']:
        result = invoke(command, store)
        assert result.exit_code == 2 and result.stderr.endswith(told), command
    result = invoke('export', store, tmp_path / 'all.jsonl', '--skip-damaged')
    assert result.exit_code == 1
    assert 'left out: track 0000005: No module named' in result.output
    again = tmp_path / 'again.fs'
    assert invoke('import', tmp_path / 'all.jsonl', again).exit_code == 0
    with trackstore.open(again) as tracks:
        assert tracks.count() == 4
