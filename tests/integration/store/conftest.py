"""Databases of both kinds: files of SQLite, and a real PostgreSQL server."""

import pytest

from support.postgres import PostgresServer


@pytest.fixture(scope="session")
def server():
    started = PostgresServer()
    yield started
    started.remove()


@pytest.fixture
def postgres_url(server):
    made = server.new_database()
    yield made
    server.drop_database(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request, tmp_path):
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tasks.db'}"
    return request.getfixturevalue("postgres_url")
