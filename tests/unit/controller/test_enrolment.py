"""Who gets a certificate, for whom, and until when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from dyetrace.controller.authority import certificate_request, open_authority
from dyetrace.controller.enrolment import open_enrolment
from dyetrace.errors import CertificateRefused, InvalidRequest, TokenRefused
from dyetrace.wire.admission import JoinToken

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
REQUEST = certificate_request(KEY).decode()


@pytest.fixture
def enrolment(tmp_path):
    return open_enrolment(tmp_path / "gate")


def joined(enrolment, host="cn-1", *, token=None, request=REQUEST, now=NOW):
    token = token or enrolment.make_token(now=now)
    certified = enrolment.join(secret=token.secret, host=host, request_pem=request, now=now)
    return x509.load_pem_x509_certificate(certified.certificate_pem.encode())


def as_verified(certificate):
    """What TLS tells of a certificate it has verified."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {
        "serialNumber": f"{certificate.serial_number:X}",
        "subjectAltName": tuple(("URI", name.value) for name in names),
    }


def test_the_authority_is_founded_once_and_only_we_can_read_it(tmp_path):
    first = open_authority(tmp_path, now=NOW)
    assert open_authority(tmp_path, now=NOW).fingerprint == first.fingerprint
    assert [oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == ["0o600"]


def test_of_many_who_found_the_authority_at_once_all_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_authority(tmp_path, now=NOW).fingerprint, range(8)))
    assert len(set(found)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["authority.pem"]


def test_half_an_authority_is_not_taken_for_one(tmp_path):
    open_authority(tmp_path, now=NOW)
    file = tmp_path / "authority.pem"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(CertificateRefused, match="restore it"):
        open_authority(tmp_path, now=NOW)


def test_a_subject_that_a_request_claims_is_not_believed(enrolment):
    claimed = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cn-2")])
    names = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier("dyetrace://agent/cn-2"), x509.DNSName("cn-2")]
    )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(claimed)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256())
    )
    given = joined(enrolment, "cn-1", request=request.public_bytes(Encoding.PEM).decode())

    assert given.subject.rfc4514_string() == "CN=cn-1"
    assert as_verified(given)["subjectAltName"] == (("URI", "dyetrace://agent/cn-1"),)
    assert not given.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert enrolment.bearer(as_verified(given), now=NOW).host == "cn-1"


def test_a_join_token_is_good_for_one_of_many_who_use_it_at_once(enrolment):
    token = enrolment.make_token(now=NOW)

    def attempt(number):
        try:
            return joined(enrolment, f"cn-{number}", token=token)
        except TokenRefused:
            return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))
    assert len([each for each in outcomes if each is not None]) == 1
    assert len(enrolment.register.holding(NOW.timestamp())) == 1


def test_a_join_token_for_several_is_good_for_as_many_who_use_it_at_once(enrolment):
    token = enrolment.make_token(now=NOW, uses=3)

    def join(number):
        try:
            return joined(enrolment, f"cn-{number}", token=token)
        except TokenRefused:
            return None

    with ThreadPoolExecutor(8) as pool:
        certificates = list(pool.map(join, range(8)))
    assert len([one for one in certificates if one is not None]) == 3


@pytest.mark.parametrize("wrong", [{"uses": 0}, {"uses": 2, "host": "cn-1"}])
def test_a_join_token_for_no_host_or_for_one_several_times_is_refused(enrolment, wrong):
    with pytest.raises(InvalidRequest):
        enrolment.make_token(now=NOW, **wrong)


def test_an_expired_or_unknown_join_token_is_refused(enrolment):
    token = enrolment.make_token(now=NOW, lifetime=timedelta(minutes=5))
    with pytest.raises(TokenRefused):
        joined(enrolment, token=token, now=NOW + timedelta(minutes=5))
    with pytest.raises(TokenRefused):
        joined(enrolment, token=token)  # it was used up by that
    with pytest.raises(TokenRefused):
        joined(enrolment, token=JoinToken(secret="a" * 43, fingerprint="0" * 64))


def test_a_join_token_is_kept_as_a_digest_only(enrolment, tmp_path):
    token = enrolment.make_token(now=NOW)
    for file in (tmp_path / "gate").rglob("*"):
        assert token.secret not in file.name
        assert not file.is_file() or token.secret.encode() not in file.read_bytes()


def test_expired_tokens_are_not_kept(enrolment, tmp_path):
    enrolment.make_token(now=NOW, lifetime=timedelta(minutes=5))
    kept = enrolment.make_token(now=NOW, lifetime=timedelta(minutes=50))
    enrolment.make_token(now=NOW + timedelta(minutes=5))
    assert len(list((tmp_path / "gate" / "join-tokens").glob("[0-9a-f]*"))) == 2
    assert joined(enrolment, token=kept)


def test_a_token_for_one_host_is_not_for_another(enrolment):
    with pytest.raises(CertificateRefused, match="for host cn-1, not for cn-2"):
        joined(enrolment, "cn-2", token=enrolment.make_token(now=NOW, host="cn-1"))


def test_nobody_takes_a_joined_hosts_name_by_a_token_that_does_not_name_it(enrolment):
    first = joined(enrolment, "cn-1")
    with pytest.raises(CertificateRefused, match="has joined already"):
        joined(enrolment, "cn-1")
    second = joined(enrolment, "cn-1", token=enrolment.make_token(now=NOW, host="cn-1"))

    assert enrolment.bearer(as_verified(second), now=NOW).host == "cn-1"
    with pytest.raises(CertificateRefused, match="revoked"):
        enrolment.bearer(as_verified(first), now=NOW)


@pytest.mark.parametrize("host", ["", "../cn-1", "a/b", "cn 1", "x" * 65, "\n", ".hidden"])
def test_what_cannot_be_a_hosts_name_is_refused_and_costs_no_token(enrolment, host):
    token = enrolment.make_token(now=NOW)
    with pytest.raises(CertificateRefused, match="cannot be a host's name"):
        joined(enrolment, host, token=token)
    assert joined(enrolment, "cn-1", token=token)


@pytest.mark.parametrize("request_pem", ["", "garbage", "-----BEGIN CERTIFICATE REQUEST-----"])
def test_what_is_no_request_is_refused(enrolment, request_pem):
    with pytest.raises(CertificateRefused):
        joined(enrolment, request=request_pem)


def test_a_key_of_another_kind_is_refused(enrolment):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    with pytest.raises(CertificateRefused, match="not an elliptic curve's"):
        joined(enrolment, request=pem)


def test_a_certificate_ends_and_a_renewal_is_due_at_two_thirds_of_its_life(enrolment):
    entry = enrolment.bearer(as_verified(joined(enrolment)), now=NOW)

    assert enrolment.renew_in_s(entry, NOW) == pytest.approx(16 * 3600)
    with pytest.raises(CertificateRefused):
        enrolment.register.add_renewed(
            entry, of=entry.serial, now=(NOW + timedelta(hours=24)).timestamp()
        )
    assert enrolment.register.holding((NOW + timedelta(hours=24)).timestamp()) == []


@pytest.mark.parametrize("by", ["host", "first serial", "last serial"])
def test_revoking_a_certificate_revokes_what_it_was_renewed_to(enrolment, by):
    first = enrolment.bearer(as_verified(joined(enrolment)), now=NOW)
    other = enrolment.bearer(as_verified(joined(enrolment, "cn-2")), now=NOW)
    _, last = enrolment.renew(first, request_pem=REQUEST, now=NOW)
    name = {"host": "cn-1", "first serial": first.serial, "last serial": last.serial}[by]

    assert set(enrolment.register.revoke(name)) == {first.serial, last.serial}
    assert enrolment.register.holding(NOW.timestamp()) == [other]
    with pytest.raises(CertificateRefused, match="does not hold any more"):
        enrolment.renew(last, request_pem=REQUEST, now=NOW)


def test_a_certificate_that_the_register_does_not_know_is_refused(enrolment):
    signed = enrolment.authority.certify_agent(REQUEST.encode(), host="cn-1", now=NOW)
    with pytest.raises(CertificateRefused, match="revoked or unknown"):
        enrolment.bearer(as_verified(x509.load_pem_x509_certificate(signed)), now=NOW)


@pytest.mark.parametrize("text", ["", "x", "dyetrace-join.short.00", "dyetrace-join." + "a" * 43])
def test_what_is_no_join_token_is_refused_with_what_to_do(text):
    with pytest.raises(ValueError, match="gate token"):
        JoinToken.parse(text)
