"""A PostgreSQL server and its standby, set up as ``docs/postgresql.rst`` says."""

from pathlib import Path

from trackstore.tests.servers import HOST, PostgreSQL
from trackstore.tests.waiting import LONG, wait_until

#: The files that the page shows.
SHOWN = Path(__file__).parents[2] / 'docs' / 'postgresql'


class Standby(PostgreSQL):
    """A copy of a server, made by a script, that follows it until promoted."""

    def __init__(self, folder, script):
        self.script = script
        super().__init__(folder)

    def fill(self):
        self.give(self.folder, 0o700)
        self.run('/bin/sh', '-ec', self.script,
                 env=self.environment(DATA=str(self.folder)))

    def promote(self):
        self.run('pg_ctl', '-w', '-t', LONG, '-D', self.folder, 'promote')


class Deployment:
    """A primary and a standby: ``db1`` and ``db2`` of the page.

    The folder ``application`` is in place of ``/etc/trackstore`` on the machine of
    the application, and ``server`` on those of the servers.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.primary = PostgreSQL(self.folder / 'db1')
        self.standby = None
        self._number = 1

    def start(self):
        for name in ('application', 'server'):
            (self.folder / name).mkdir()
            self.write('pgpass', name).chmod(0o600)
        self.primary.give(self.folder / 'server' / 'pgpass', 0o600)
        access = self.primary.folder / 'pg_hba.conf'
        access.write_text(self.text('pg_hba.conf') + access.read_text())
        self.primary.start()
        self.sql('setup.sql', self.primary)
        self.follow()

    def follow(self):
        """Make a standby of the primary if it has none."""
        if self.standby is not None:
            return
        self._number += 1
        self.standby = Standby(self.folder / f'db{self._number}',
                               self.text('standby.sh', 'server'))
        self.standby.start()
        self.sql('standby.sql', self.standby)

    def take_over(self):
        """Put the standby in the place of the primary, which is gone."""
        self.standby.promote()
        self.primary, self.standby = self.standby, None

    def stop(self):
        for server in (self.standby, self.primary):
            if server is not None:
                server.stop('immediate')

    def text(self, name, machine='application'):
        """Return what the page shows, with the servers and folders that we have."""
        text = (SHOWN / name).read_text('utf-8')
        for host, server in (('db1', self.primary), ('db2', self.standby)):
            if server is not None:
                host = f'{host}.example.org'
                text = text.replace(f'{host}:5432', f'{HOST}:{server.port}').replace(
                    f'{host} port=5432', f'{HOST} port={server.port}').replace(
                    f'-h {host}', f'-h {HOST} -p {server.port}')
        return text.replace('/etc/trackstore', str(self.folder / machine)).replace(
            '10.0.0.0/24', f'{HOST}/32')

    def write(self, name, machine='application'):
        """Write what the page shows to a file; return its path."""
        path = self.folder / machine / name
        path.write_text(self.text(name, machine))
        return path

    def uri(self, name, keep_history):
        """Return the URI of a configuration for the database of that kind."""
        self.write('replicas')
        text = self.text(name)
        if keep_history:
            text = text.replace('keep-history false', 'keep-history true').replace(
                'dbname=lessons', 'dbname=kept')
        path = self.folder / 'application' / f'{keep_history}-{name}'
        path.write_text(text)
        return f'zconfig://{path}'

    def sql(self, name, server):
        """Run what the page shows, as the superuser."""
        for statement in filter(str.strip, self.text(name).split(';')):
            server.execute(statement)

    def synchronous(self):
        """Let commits wait for the standby."""
        self.sql('synchronous.sql', self.primary)
        wait_until(lambda: self.primary.execute(
            'SELECT sync_state FROM pg_stat_replication') == [('quorum',)])

    def caught_up(self):
        """Wait until the standby has all that the primary has."""
        [[end]] = self.primary.execute('SELECT pg_current_wal_lsn()')
        wait_until(lambda: self.standby.execute(
            f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == [(True,)])
