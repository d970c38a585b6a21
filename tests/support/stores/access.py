"""The audit log only grows; tokens open the door to whom they were given, as long as they may."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import AuditLog, Database, TokenStore
from dyetrace.errors import TokenRefused, UnknownToken

ANN = Principal(name="ann", role=Role.TENANT, tenant="blue")
OPS = Principal(name="ops", role=Role.OPERATOR)


@pytest.fixture
def database(url):
    opened = Database(url)
    yield opened
    opened.close()


class AuditOnlyGrows:
    def test_lines_come_back_in_order_and_can_be_paged(self, database):
        log = AuditLog(database)
        log.write(ANN, "start", target="dst=10.0.0.2/32", outcome="refused: quota")
        log.write(OPS, "stop", target="0000000000000001", outcome="done")

        first, second = log.read()

        assert (first.principal, first.role, first.outcome) == (
            "blue/ann",
            Role.TENANT,
            "refused: quota",
        )
        assert (second.action, second.target) == ("stop", "0000000000000001")
        assert abs(second.at - datetime.now(UTC)) < timedelta(minutes=1)
        assert log.read(after=first.seq) == log.read(limit=2)[1:] == [second]
        assert log.read(principal="blue/ann") == log.read(action="start") == [first]

    def test_a_line_can_be_of_nobody_who_is_known(self, database):
        log = AuditLog(database)
        log.write(None, "refuse", target="GET /v1/traces", outcome="TOKEN_REFUSED")

        (line,) = log.read()
        assert (line.principal, line.role) == ("", None)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_log SET outcome = 'nothing'",
            "DELETE FROM audit_log",
            "DELETE FROM audit_log WHERE seq = 1",
            "TRUNCATE audit_log",
            "REPLACE INTO audit_log SELECT * FROM audit_log",
            "INSERT INTO audit_log SELECT * FROM audit_log",
        ],
    )
    def test_no_line_is_changed_or_removed_even_past_the_store(self, database, url, statement):
        log = AuditLog(database)
        log.write(ANN, "start", target="dst=10.0.0.2/32", outcome="done")
        written = log.read()
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(text(statement))

        engine.dispose()
        assert log.read() == written

    def test_a_number_is_never_given_twice(self, database):
        log = AuditLog(database)
        for _ in range(3):
            log.write(OPS, "stop", target="x", outcome="done")

        numbers = [entry.seq for entry in log.read()]

        assert numbers == sorted(set(numbers))


class TokensOpen:
    def test_a_token_says_whose_it_is(self, database):
        tokens = TokenStore(database)

        assert tokens.principal_of(tokens.issue(ANN)) == ANN
        assert tokens.principal_of(tokens.issue(OPS)) == OPS
        assert [token.principal for token in tokens.list()] == [ANN, OPS]

    def test_its_text_is_nowhere_in_the_database(self, database):
        issued = TokenStore(database).issue(ANN)
        secret = issued.split("_", 2)[2]

        with database.reading() as connection:
            kept = [str(row) for row in connection.execute(text("SELECT * FROM tokens"))]

        assert kept
        assert not any(secret in row for row in kept)

    @pytest.mark.parametrize(
        "change",
        [
            lambda _: "",
            lambda token: token[:-1],
            lambda token: token + "x",
            lambda token: token.replace("dye_", "dyx_"),
            lambda token: "dye_" + "0" * 16 + token[20:],
            lambda token: token[:20] + "_",
            lambda _: "dye_\0_\0",
            lambda _: "dye_ü_\ud800",
        ],
    )
    def test_a_wrong_token_is_refused_without_a_word_why(self, database, change):
        tokens = TokenStore(database)
        issued = tokens.issue(ANN)

        with pytest.raises(TokenRefused, match=r"^the token is not valid: ask"):
            tokens.principal_of(change(issued))

    def test_an_expired_token_is_refused(self, database):
        tokens = TokenStore(database)
        now = datetime.now(UTC)
        gone = tokens.issue(ANN, expires_at=now - timedelta(seconds=1))
        good = tokens.issue(OPS, expires_at=now + timedelta(minutes=5))

        assert tokens.principal_of(good) == OPS
        with pytest.raises(TokenRefused):
            tokens.principal_of(gone)

    def test_a_revoked_token_is_refused_and_stays_so(self, database):
        tokens = TokenStore(database)
        issued, other = tokens.issue(ANN), tokens.issue(OPS)
        (token_id,) = [token.id for token in tokens.list() if token.principal == ANN]

        tokens.revoke(token_id)
        first = tokens.list()
        tokens.revoke(token_id)

        assert tokens.list() == first  # when it was revoked first is what counts
        assert tokens.principal_of(other) == OPS
        with pytest.raises(TokenRefused):
            tokens.principal_of(issued)

    def test_a_token_that_is_not_there_cannot_be_revoked(self, database):
        with pytest.raises(UnknownToken, match="nope"):
            TokenStore(database).revoke("nope")
