"""A standby that follows a PostgreSQL server of the tests."""

from trackstore.tests.servers import HOST, PostgreSQL


class Standby(PostgreSQL):
    """A copy of a server, which follows it until it is promoted."""

    def __init__(self, folder, primary, name):
        self.primary = primary
        self.name = name
        super().__init__(folder, primary.settings)

    def fill(self):
        self.own()
        self.run(
            'pg_basebackup', '-R', '--checkpoint=fast', '-D', self.folder, '-d',
            f'host={HOST} port={self.primary.port} user=postgres '
            f'application_name={self.name}')

    def promote(self):
        """Make it a primary."""
        self._control('promote')
