"""Hurt headers of objects in a file, which the ZODB takes for something else."""

import struct

import pytest
from click.testing import CliRunner
from ZODB.FileStorage.format import DATA_HDR, DATA_HDR_LEN

import trackstore
from trackstore.cli.command import command
from trackstore.exceptions import DamagedError


def of_other(**hurt):
    """Return a function that changes parts of a header."""
    names = ['oid', 'tid', 'back', 'transaction', 'version', 'length']

    def change(header):
        parts = dict(zip(names, struct.unpack(DATA_HDR, header), strict=True))
        return struct.pack(DATA_HDR, *(parts | hurt).values())
    return change


HURT = {
    'a version': of_other(version=7),
    'longer than any memory': of_other(length=2 ** 62),
    'longer than the file': of_other(length=10 ** 8),
    'nothing, and before all': of_other(length=0),
    'noise': lambda header: b'\xe7' * len(header),
}


@pytest.fixture(params=HURT)
def store(request, tmp_path):
    """A store in which the header of a block is hurt."""
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path) as tracks:
        tracks.saveTracks((task, 0, 'ann', {'n': n}, n)
                          for n, task in enumerate(['a', 'b'] * 2_000))
        tracks._p_jar.transaction_manager.commit()
        block = tracks._directory.in_order()[0][1].segment.blocks[1]
        place = tracks._p_jar.db().storage._lookup_pos(block._p_oid)
    data = bytearray(path.read_bytes())
    data[place:place + DATA_HDR_LEN] = HURT[request.param](
        bytes(data[place:place + DATA_HDR_LEN]))
    path.write_bytes(data)
    return path


def test_the_error_says_what_is_hurt(store):
    with trackstore.open(store, readOnly=True) as tracks:
        assert len(tracks) == 4_000
        with pytest.raises(DamagedError) as caught:
            tracks['0001025']
        assert caught.value.where == 'segment 1-4000, block 1'
        assert (caught.value.first, caught.value.last) == (1025, 2048)
        assert tracks['0001024'].data == {'n': 1023}
        assert tracks['0002049'].data == {'n': 2048}
        problems = tracks.verify()
    assert problems
    assert all('segment 1-4000, block 1' in problem for problem in problems)


def test_the_commands_say_it_in_a_sentence(store, tmp_path):
    for words, status in ((['verify'], 1), (['verify', '--repair'], 1),
                          (['export', '--skip-damaged'], 1), (['export'], 2),
                          (['pack'], 2), (['copy', tmp_path / 'copy.fs'], None)):
        words = [words[0], store, *words[1:]]
        result = CliRunner().invoke(command, [str(word) for word in words])
        assert isinstance(result.exception, SystemExit), (words, result.exception)
        assert 'Traceback' not in result.output
        assert 'goes on where it ended' not in result.output
        if status is not None:
            assert result.exit_code == status, (words, result.output)
        else:
            assert result.exit_code in (1, 2)
