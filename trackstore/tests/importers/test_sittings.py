"""Sittings: the runs of what a user did without a long pause."""

import random

import ZODB
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstore import TrackingStorage
from trackstore.importers import (
    import_source,
)
from trackstore.tests.importers.lines import NOON, expected_sittings, log_line, sittings


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
