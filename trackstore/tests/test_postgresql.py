"""PostgreSQL: what ``docs/postgresql.rst`` says, tried as it is written there."""

import subprocess
import sys
import threading
from collections import Counter

import pytest
import transaction
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.exceptions import OpenError
from trackstore.opening import database
from trackstore.tests.replicas import SHOWN
from trackstore.tests.servers import HOST, need
from trackstore.tests.waiting import LONG, wait_until

PASSWORD = 'SeSaMe'  # in no text that anybody sees

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)

sys.meta_path.insert(0, Block())
"""

WANTED = (
    "is no URI of a PostgreSQL database; wanted is "
    "postgres://USER:PASSWORD@HOST:PORT/DATABASE with all of these and without spaces "
    "and / ? # [ ] ' \\ in them; what this cannot say, zconfig:///FILE can")


@pytest.fixture(scope='module')
def server(places):
    """The server of all tests, with a role that needs a password."""
    server = places.postgresql
    server.execute(f"CREATE ROLE careful LOGIN PASSWORD '{PASSWORD}'")
    server.execute('CREATE DATABASE careful OWNER careful')
    access = server.folder / 'pg_hba.conf'
    access.write_text(f'host all careful {HOST}/32 scram-sha-256\n'
                      + access.read_text())
    server.execute('SELECT pg_reload_conf()')
    return server


# what cannot be opened

def refusal(uri, **options):
    """Return why a URI cannot be opened, without what is new in every run."""
    with pytest.raises(OpenError) as caught, trackstore.open(uri, **options):
        pass
    error = caught.value
    while error is not None:
        assert PASSWORD not in str(error)
        error = error.__cause__ or error.__context__
    return str(caught.value)


def test_a_uri_of_postgresql_opens(server):
    uri = f'://careful:{PASSWORD}@{HOST}:{server.port}/careful?connect_timeout=60'
    with trackstore.open('postgres' + uri) as tracks:
        tracks.saveUserTrack('loops', 0, 'ann', {})
    with trackstore.open('PostgreSQL' + uri) as tracks:
        assert len(tracks) == 1


@pytest.mark.parametrize('uri, why', [
    ('careful:x{password}@{host}/careful',
     'connection to server at "127.0.0.1", port {port} failed: FATAL: password '
     'authentication failed for user "careful"'),
    ('careful:@:x{password}%@{host}/careful',
     'connection to server at "127.0.0.1", port {port} failed: FATAL: password '
     'authentication failed for user "careful"'),
    ('careful:{password}@{host}/elsewhere',
     'connection to server at "127.0.0.1", port {port} failed: FATAL: database '
     '"elsewhere" does not exist'),
    ('careful:{password}@{host}/postgres',
     'permission denied for schema public'),
    ('careful:{password}@127.0.0.1:1/careful',
     'connection to server at "127.0.0.1", port 1 failed: Connection refused Is the '
     'server running on that host and accepting TCP/IP connections?'),
    ('careful:{password}@{host}/careful?keep_histori=no',
     'Unrecognized database keyword(s): keep_histori'),
    ('careful:{password}@{host}/careful?keep_history=perhaps',
     "not a valid boolean value: 'perhaps'"),
    ('careful:{password}@{host}/careful?driver=psycopg',
     "the driver 'psycopg' is not there; pip install 'trackstore[postgres]' brings "
     "psycopg2"),
])
def test_what_cannot_be_opened(server, uri, why):
    uri = uri.format(password=PASSWORD, host=f'{HOST}:{server.port}')
    shown = f'postgres://careful:***@{uri.rpartition("@")[2]}'
    assert refusal(f'postgres://{uri}') == (
        f'where: {shown!r} cannot be opened: {why.format(port=server.port)}')


@pytest.mark.parametrize('uri', [
    'careful:{}@127.0.0.1/careful', 'careful@127.0.0.1:1/careful',
    'careful:{}@127.0.0.1:1/', 'careful:{}@127.0.0.1:x/careful',
    'careful:/{}@127.0.0.1:1/careful', 'careful:?{}@127.0.0.1:1/careful',
    'careful:#{}@127.0.0.1:1/careful', "careful:'{}@127.0.0.1:1/careful",
    'careful:\\{}@127.0.0.1:1/careful', 'careful:[{}@127.0.0.1:1/careful',
    'careful: {}@127.0.0.1:1/careful', 'careful@here:{}@127.0.0.1/careful'])
def test_a_uri_that_does_not_say_all(uri):
    need('zodburi')
    message = refusal('postgresql://' + uri.format(PASSWORD))
    assert message.startswith("where: 'postgresql://careful")
    assert message.endswith(WANTED)


@pytest.mark.parametrize('made, kept', [('with', True), ('without', False)])
def test_a_database_of_the_other_kind(server, made, kept):
    name = server.new_database()
    with trackstore.open(server.uri(name, keep_history=kept)):
        pass
    assert refusal(server.uri(name, keep_history=not kept)).endswith(
        f'cannot be opened: Schema mismatch: the database was made {made} history; '
        f'allowed is keep_history={str(kept).lower()}')
    with trackstore.open(server.uri(name, keep_history=kept)) as tracks:
        assert len(tracks) == 0


def test_an_empty_database_for_reading_only(server):
    uri = server.uri(server.new_database()) + '&read_only=true'
    shown = uri.replace(':none@', ':***@')
    assert refusal(uri) == (
        f'where: there is no database at {shown!r} yet, and it is opened for reading '
        f'only')


def test_what_is_under_another_name(server):
    uri = f'postgres://careful:{PASSWORD}@{HOST}:{server.port}/careful'
    assert refusal(uri, name='visits', create=False) == (
        f"name: the root of postgres://careful:***@{HOST}:{server.port}/careful has "
        f"nothing under 'visits'; wanted is a TrackingStorage; the root has 'tracks'")


def test_the_command_says_it_in_a_sentence(server):
    def output(uri):
        result = CliRunner().invoke(command, ['count', uri])
        assert (result.exit_code, result.stdout) == (2, '')
        return result.stderr
    assert output(f'postgres://careful:no{PASSWORD}@{HOST}:{server.port}/careful') == (
        f"Error: 'postgres://careful:***@{HOST}:{server.port}/careful' cannot be "
        f'opened: connection to server at "{HOST}", port {server.port} failed: FATAL: '
        f'password authentication failed for user "careful"\n')
    assert output(f'postgres://careful:{PASSWORD}@{HOST}/careful') == (
        f"Error: 'postgres://careful:***@{HOST}/careful' {WANTED}\n")


@pytest.mark.parametrize('package, why', [
    ('relstorage', "it needs RelStorage: pip install 'trackstore[postgres]'"),
    ('psycopg2', "the driver 'psycopg2' is not there; pip install "
                 "'trackstore[postgres]' brings psycopg2")])
def test_a_package_that_is_missing(package, why, tmp_path):
    need('relstorage')
    (tmp_path / 'tracks.conf').write_text((SHOWN / 'tracks.conf').read_text().replace(
        'replica-conf', '# replica-conf'))
    done = subprocess.run([sys.executable, '-c', BLOCK + """
import trackstore
for uri in sys.argv[2:]:
    try:
        with trackstore.open(uri):
            pass
    except trackstore.exceptions.OpenError as error:
        print(error)
""", package, 'postgres://a:b@127.0.0.1:1/c', f'zconfig://{tmp_path}/tracks.conf'],
        capture_output=True, text=True, timeout=LONG)
    assert done.stdout.splitlines() == [
        f"where: 'postgres://a:***@127.0.0.1:1/c' cannot be opened: {why}",
        f"where: 'zconfig://{tmp_path}/tracks.conf' cannot be opened: {why}"], done


# passwords

@pytest.mark.parametrize('dsn', [
    r"password='p@ss/?#%:\'\\ $$x'", "password='$(TRACKS_PASSWORD)'",
    'passfile={folder}/pgpass'])
def test_a_password_with_anything_in_it(server, dsn, tmp_path, monkeypatch):
    password = r"p@ss/?#%:'\ $x"
    quoted = password.replace("'", "''")
    server.execute(f"ALTER ROLE careful PASSWORD '{quoted}'")
    escaped = password.replace('\\', r'\\').replace("'", r"\'")
    monkeypatch.setenv('TRACKS_PASSWORD', escaped)
    line = password.replace('\\', r'\\').replace(':', r'\:')
    (tmp_path / 'pgpass').write_text(f'*:*:*:careful:{line}\n')
    (tmp_path / 'pgpass').chmod(0o600)
    (tmp_path / 'tracks.conf').write_text(f'''
%import relstorage
<relstorage>
  <postgresql>
    dsn dbname=careful user=careful host={HOST} port={server.port} {
        dsn.format(folder=tmp_path)}
  </postgresql>
</relstorage>
''')
    try:
        with trackstore.open(f'zconfig://{tmp_path}/tracks.conf') as tracks:
            assert len(tracks) >= 0
    finally:
        server.execute(f"ALTER ROLE careful PASSWORD '{PASSWORD}'")


# a server that is lost

class Client:
    """Commits batches in a thread of its own, whatever happens to the server."""

    SIZE = 20

    def __init__(self, uri):
        self.uri = uri
        self.committed, self.unknown = [], []
        self.errors = Counter()
        self.failure = None
        self.progress = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def work(self):
        try:
            with trackstore.open(self.uri) as tracks:
                manager = tracks._p_jar.transaction_manager
                for batch in range(1_000_000):
                    if self._stop.is_set():
                        break
                    self.attempt(tracks, manager, batch)
                manager.abort()
        except BaseException as error:
            self.failure = error

    def attempt(self, tracks, manager, batch):
        doing = 'begin'
        try:
            manager.begin()
            doing = 'save'
            tracks.saveTracks(('loops', 0, 'ann', {'batch': batch, 'n': n})
                              for n in range(self.SIZE))
            doing = 'commit'
            manager.commit()
        except need('psycopg2').OperationalError as error:
            self.errors[doing, str(error)] += 1
            if doing == 'commit':
                self.unknown.append(batch)
            self.abort(manager)
        else:
            with self.progress:
                self.committed.append(batch)
                self.progress.notify()

    def abort(self, manager):
        try:
            manager.abort()
        except need('psycopg2').OperationalError:
            self._stop.wait(0.05)  # the server is not there yet

    def wait(self, count):
        """Wait until so many more batches are committed."""
        wanted = len(self.committed) + count
        with self.progress:
            assert self.progress.wait_for(
                lambda: self.failure or len(self.committed) >= wanted,
                LONG), self.errors
        assert self.failure is None


@pytest.mark.parametrize('keep_history', [True, False])
def test_a_server_that_is_lost_and_comes_back(server, keep_history):
    """The client goes on by itself; what was committed is there, and once."""
    uri = server.uri(server.new_database(), keep_history)
    with Client(uri) as client:
        for _ in range(3):
            client.wait(5)
            server.stop('immediate')
            server.start()
        client.wait(5)
    assert client.failure is None
    assert client.errors
    for doing, why in client.errors:
        assert doing in ('begin', 'save', 'commit')
        assert 'connection' in why or 'database system' in why, why
    with trackstore.open(uri) as tracks:
        found = Counter(track.data['batch'] for track in tracks.values())
        places = {(track.data['batch'], track.data['n']) for track in tracks.values()}
        assert len(places) == len(tracks)
        assert [batch for batch in client.committed if found[batch] != 20] == []
        for batch in client.unknown:
            assert found[batch] in (0, 20)
        assert set(found) <= {*client.committed, *client.unknown}
        assert tracks.verify() == []
        tracks.compact()


def test_a_database_closes_after_a_connection_that_could_not_be_opened(server):
    """It does although upkeep began to open one while the server was away."""
    uri = server.uri(server.new_database())
    with trackstore.open(uri) as tracks:
        tracks.saveUserTrack('loops', 0, 'ann', {})
        tracks._p_jar.transaction_manager.commit()
        server.stop('immediate')
        try:
            with pytest.raises(need('psycopg2').OperationalError):
                tracks.compact()
        finally:
            server.start()
    assert tracks._p_jar.opened is None


def test_connections(server):
    """Each thread has one for reading and one for writing, and the store one each."""
    name = server.new_database()
    uri = server.uri(name)
    with trackstore.open(uri) as tracks:
        tracks.startRun('loops')
    db = database(uri)
    count = 4
    barrier = threading.Barrier(count)

    def work():
        connection = db.open(transaction.TransactionManager())
        for _ in range(5):
            barrier.wait()
            connection.root()['tracks'].saveTracks(
                ('loops', 0, 'ann', {}) for _ in range(1000))
            connection.transaction_manager.commit()
        barrier.wait()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: open_as_expected(server, name, count))
    finally:
        db.close()


def open_as_expected(server, name, count):
    """Tell how many connections there are; one that is closed goes a bit later."""
    now = dict(server.execute(
        f"SELECT application_name, count(*) FROM pg_stat_activity "
        f"WHERE datname = '{name}' GROUP BY 1"))
    return set(now) == {'RS: Load', 'RS: Store'} and (
        count <= now['RS: Load'] <= count + 2 and 1 <= now['RS: Store'] <= count + 1)
