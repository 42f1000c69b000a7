"""Private PostgreSQL: one cluster, one database, one role which may create databases (the tests do), one that reads."""

import pwd
import re
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from tools.errors import ToolError
from tools.local.instance import DATABASE, READER, USER
from tools.local.logs import open_log
from tools.local.ports import LOOPBACK, Transport
from tools.local.process import Daemon, base_environment
from tools.local.servers.service import Service, program

SUPERUSER = "postgres"
# Passwords on TCP. On the socket, whoever runs the server, or root, is the superuser.
HBA = f"""\
local all {SUPERUSER} peer map=owner
host  all all         {LOOPBACK}/32 scram-sha-256
"""


class Postgres(Service):
    name = "postgres"
    title = "PostgreSQL"
    system_user = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: ends sessions, then writes a checkpoint (manual, section 19.5)

    def ports(self) -> list[tuple[int, str, Transport]]:
        return [(self.instance.postgres_port, "POSTGRES_PORT", "tcp")]

    @property
    def cluster(self) -> Path:
        return self.directory / "data"

    @property
    def socket_dir(self) -> Path:
        return self.directory / "run"

    def prepare(self) -> None:
        for folder in (self.directory, self.cluster, self.socket_dir):
            self.make_directory(folder)
        if not (self.cluster / "PG_VERSION").exists():
            self._initialize()
        self.write(self.cluster / "pg_hba.conf", HBA)
        names = {self.run_as() or pwd.getpwuid(self.cluster.stat().st_uid).pw_name, "root"}
        self.write(self.cluster / "pg_ident.conf", "".join(f'owner "{name}" {SUPERUSER}\n' for name in sorted(names)))

    def daemon(self) -> Daemon:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.instance.postgres_port),
            "unix_socket_directories": str(self.socket_dir),
            "password_encryption": "scram-sha-256",
            "max_connections": "200",
            "timezone": "UTC",
        }
        if not self.instance.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Daemon(
            command=[self._program("postgres"), "-D", str(self.cluster), *options],
            pid_file=self.instance.state_dir / "postgres.pid",
            log_file=self.log_file,
            directory=self.directory,
            user=self.run_as(),
        )

    def answers(self) -> bool:
        try:
            with self._superuser():
                return True
        except psycopg.Error:
            return False

    def finish(self) -> None:
        """Makes role and database, and sets the role's password to the one in the environment."""
        role, database = sql.Identifier(USER), sql.Identifier(DATABASE)
        with self._superuser() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [USER]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
            password = sql.Literal(self.instance.postgres_password)
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
            self._make_reader(connection)

    def _make_reader(self, connection: psycopg.Connection) -> None:
        """As docker/postgres/reader.sh does. A reader neither writes nor keeps the server busy."""
        if self.instance.postgres_reader_password is None:
            return
        reader = sql.Identifier(READER)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 10").format(reader))
        password = sql.Literal(self.instance.postgres_reader_password)
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(reader, password))
        connection.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(reader))
        connection.execute(sql.SQL("ALTER ROLE {} SET statement_timeout = '10s'").format(reader))

    def _superuser(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_dir),
            port=self.instance.postgres_port,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _initialize(self) -> None:
        user = self.run_as()
        command = [self._program("initdb"), "-D", str(self.cluster), "-U", SUPERUSER]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=reject"]
        if not self.instance.durable:
            command.append("--no-sync")
        with open_log(self.log_file) as log:
            done = subprocess.run(
                command,
                cwd=self.directory,
                env=base_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        if done.returncode:
            raise ToolError(f"PostgreSQL's initdb failed (log: {self.log_file})")

    def _program(self, name: str) -> str:
        """From the version that made the cluster, else the newest installed: Debian keeps them off the PATH."""
        version_file = self.cluster / "PG_VERSION"
        made_by = version_file.read_text().strip() if version_file.exists() else None
        homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
        fitting = [home for home in homes if made_by in (None, home.parent.name) and (home / name).exists()]
        if fitting:
            return str(fitting[0] / name)
        if homes and made_by:
            raise ToolError(
                f"PostgreSQL {made_by} made {self.cluster} but is not installed; install postgresql-{made_by}, "
                "or remove that directory to begin with an empty database"
            )
        return program(name)


def _version(home: Path) -> int:
    digits = re.match(r"\d+", home.parent.name)
    return int(digits.group()) if digits else 0
