"""Signed tokens of an identity provider: who is let in as what, and who is not."""

import asyncio
import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from dyetrace.controller.oidc import Claims, KeySet, open_provider
from dyetrace.controller.principal import Principal, Role
from dyetrace.errors import (
    IdentityProviderUnreachable,
    InvalidRequest,
    NotPermitted,
    TokenRefused,
)
from support.api import an_api
from support.identity import AUDIENCE, Provider

BOB = Principal(name="oidc:u-17", role=Role.TENANT, tenant="blue")


@pytest.fixture
def provider():
    made = Provider()
    made.make_key("one")
    try:
        yield made
    finally:
        made.close()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def trusting(provider, **settings):
    return open_provider(provider.issuer, AUDIENCE, **settings)


def let_in(opened, *tokens):
    """Show tokens to one controller; give whose they are, or what refuses them."""

    async def main():
        found = []
        for token in tokens:
            try:
                found.append(await opened.principal_of(token() if callable(token) else token))
            except (TokenRefused, IdentityProviderUnreachable) as error:
                found.append(type(error))
        return found

    return asyncio.run(main())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_signed_token_says_who_asks(provider, algorithm):
    provider.make_key("two", algorithm)

    assert let_in(trusting(provider), provider.token("two")) == [BOB]


def test_the_claims_that_say_role_and_tenant_can_be_called_otherwise(provider):
    opened = trusting(provider, claims=Claims(role="groups", tenant="https://x.example/project"))
    tokens = [
        provider.token(
            dyetrace_role="operator",
            groups=["wiki", "tenant-reader"],
            **{"https://x.example/project": "red"},
        ),
        provider.token(groups="operator"),
    ]

    assert let_in(opened, *tokens) == [
        Principal(name="oidc:u-17", role=Role.TENANT_READER, tenant="red"),
        Principal(name="oidc:u-17", role=Role.OPERATOR),
    ]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_claims_that_are_not_for_us_are_refused(provider, claims):
    assert let_in(trusting(provider), provider.token(**claims)) == [TokenRefused]


@pytest.mark.parametrize(("claim", "from_now_s"), [("exp", -120), ("nbf", 3600), ("iat", 3600)])
def test_claims_that_are_not_for_now_are_refused(provider, claim, from_now_s):
    token = provider.token(**{claim: time.time() + from_now_s})
    assert let_in(trusting(provider), token) == [TokenRefused]


def test_clocks_may_differ_by_less_than_a_minute(provider):
    now = time.time()
    early = provider.token(nbf=now + 30, iat=now + 30)
    late = provider.token(exp=now - 30)

    assert let_in(trusting(provider), early, late) == [BOB, BOB]


def unsigned(provider):
    return jwt.encode(provider.claims(), None, "none", headers={"kid": "one"})


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed_with_the_public_key(provider):
    """The old trick: what everybody knows, used as if both sides shared it as a secret."""
    import hashlib
    import hmac

    pem = (
        provider.keys["one"][0]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    content = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(provider.claims())}"
    signature = hmac.digest(pem, content.encode(), hashlib.sha256)
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed_by_another(provider):
    stranger = Provider()
    stranger.make_key("one", publish=False)
    stranger.close()
    return jwt.encode(provider.claims(), stranger.keys["one"][0], "ES256", headers={"kid": "one"})


def changed(provider):
    head, _, signature = provider.token().split(".")
    return f"{head}.{encoded(provider.claims(dyetrace_role='admin'))}.{signature}"


def of_a_shared_secret(provider):
    secret = base64.urlsafe_b64encode(b"s" * 32).decode()
    provider.published.append({"kty": "oct", "kid": "s", "k": secret, "alg": "HS256"})
    return jwt.encode(provider.claims(), b"s" * 32, "HS256", headers={"kid": "s"})


def of_a_key_that_encrypts(provider):
    provider.make_key("enc", use="enc")
    return provider.token("enc")


def of_another_algorithm_than_its_key(provider):
    provider.make_key("rsa", "RS256")
    return provider.token("one", headers={"kid": "rsa"})


def of_a_small_key(provider):
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is it
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(made.public_key()))
    provider.published.append(public | {"kid": "small"})
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        return jwt.encode(provider.claims(), made, "RS256", headers={"kid": "small"})


@pytest.mark.parametrize(
    "forge",
    [
        *(unsigned, signed_with_the_public_key, signed_by_another, changed, of_a_shared_secret),
        *(of_a_key_that_encrypts, of_another_algorithm_than_its_key, of_a_small_key),
        lambda _: "a.b.c",
        lambda _: f"{encoded({'alg': 'ES256', 'kid': 7})}.e30.e30",
        lambda _: f"{encoded({'alg': ['ES256']})}.e30.e30",
    ],
)
def test_a_forged_token_is_refused(provider, forge):
    assert let_in(trusting(provider), lambda: forge(provider), provider.token()) == [
        TokenRefused,
        BOB,
    ]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"dyetrace_role": "root"}, "no role here"),
        ({"dyetrace_role": None}, "no role here"),
        ({"dyetrace_role": "agent"}, "no role here"),
        ({"dyetrace_role": ["tenant", "admin"]}, "no role here"),
        ({"dyetrace_role": {"tenant": 1}}, "no role here"),
        ({"dyetrace_tenant": None}, "no tenant here"),
        ({"dyetrace_tenant": ""}, "no tenant here"),
        ({"dyetrace_tenant": ["blue", "red"]}, "no tenant here"),
        ({"sub": "two\nlines"}, "subject"),
    ],
    ids=str,
)
def test_a_true_token_without_a_role_or_tenant_here_is_not_permitted(provider, claims, said):
    with pytest.raises(NotPermitted, match=said) as refused:
        let_in(trusting(provider), provider.token(**claims))
    assert not isinstance(refused.value, TokenRefused)


def test_a_new_key_is_noticed_but_made_up_ones_do_not_make_us_ask_each_time(provider):
    opened, clock = trusting(provider), Clock()
    opened.keys.now = clock
    first = provider.token()
    provider.make_key("new", publish=False)

    assert let_in(opened, first, *(provider.token("new") for _ in range(20))) == [
        BOB,
        *[TokenRefused] * 20,
    ]
    assert provider.asked == 1
    provider.make_key("new", "RS256")
    clock.now_s += 11

    assert let_in(opened, provider.token("new"), first) == [BOB, BOB]
    assert provider.asked == 2


def test_a_key_that_is_withdrawn_is_refused_once_the_keys_are_fetched_anew(provider):
    opened, clock = trusting(provider), Clock()
    opened.keys.now = clock
    token = provider.token()
    assert let_in(opened, token) == [BOB]
    provider.published.clear()

    clock.now_s += 301

    assert let_in(opened, token) == [TokenRefused]


def test_an_absent_provider_is_told_and_its_last_keys_are_good_for_a_day(provider):
    opened, clock = trusting(provider), Clock()
    opened.keys.now = clock
    provider.is_down = True
    assert let_in(opened, provider.token()) == [IdentityProviderUnreachable]
    provider.is_down = False
    clock.now_s += 11
    assert let_in(opened, provider.token()) == [BOB]

    provider.is_down = True
    clock.now_s += 23 * 3600
    provider.make_key("new")
    assert let_in(opened, provider.token(), provider.token("new")) == [
        BOB,
        IdentityProviderUnreachable,
    ]
    clock.now_s += 2 * 3600
    assert let_in(opened, provider.token()) == [IdentityProviderUnreachable]


def test_all_who_come_at_once_wait_for_one_fetch(provider):
    opened = trusting(provider)

    async def main():
        return await asyncio.gather(*(opened.principal_of(provider.token()) for _ in range(30)))

    assert asyncio.run(main()) == [BOB] * 30
    assert provider.asked == 1


def test_keys_can_be_a_file_or_a_url_of_their_own(provider, tmp_path):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": provider.published}))
    for jwks in (str(file), f"{provider.issuer}/keys"):
        assert let_in(trusting(provider, jwks=jwks), provider.token()) == [BOB]
    file.write_text("[]")
    assert let_in(trusting(provider, jwks=str(file)), provider.token()) == [
        IdentityProviderUnreachable
    ]


def test_a_provider_that_tells_of_another_issuer_is_not_believed(provider):
    opened = open_provider(f"{provider.issuer}/", AUDIENCE)

    assert let_in(opened, provider.token()) == [IdentityProviderUnreachable]


def test_keys_that_others_could_change_on_their_way_are_not_fetched():
    for issuer, jwks in [
        ("http://login.example", None),
        ("ftp://127.0.0.1", None),
        ("https://login.example", "http://login.example/keys"),
    ]:
        with pytest.raises(InvalidRequest, match="https"):
            open_provider(issuer, AUDIENCE, jwks=jwks)


def test_the_api_lets_both_kinds_of_tokens_in_and_says_where_keys_cannot_be_had(provider, tmp_path):
    async def main():
        async with an_api(tmp_path, identity_provider=trusting(provider)) as api:
            api.tokens["bob"] = provider.token()
            provider.is_down = True
            waiting = await api.ask("GET", "/v1/traces", as_="bob")
            ours = await api.ask("GET", "/v1/traces", as_="operator")
            return waiting, ours

    waiting, ours = asyncio.run(main())
    assert (waiting.status_code, waiting.json()["code"]) == (503, "IDENTITY_PROVIDER_UNREACHABLE")
    assert waiting.headers["retry-after"] == "10"
    assert provider.issuer not in waiting.text
    assert ours.status_code == 200


def test_a_tenant_of_the_identity_provider_sees_what_its_tenant_sees(provider, tmp_path):
    async def main():
        async with an_api(tmp_path, identity_provider=trusting(provider)) as api:
            mine = (await api.add(as_="blue", filter={"dst_port": 80})).json()["id"]
            await api.add(as_="red", filter={"dst_port": 80})
            api.tokens["bob"] = provider.token()
            listed = await api.ask("GET", "/v1/traces", as_="bob")
            refused = await api.ask("GET", "/metrics", as_="bob")
            return mine, listed, refused

    mine, listed, refused = asyncio.run(main())
    assert [task["id"] for task in listed.json()["items"]] == [mine]
    assert refused.status_code == 403


def test_keys_are_fetched_in_a_thread_that_nothing_else_waits_for():
    """While the provider hangs, the loop and the threads of everybody else go on."""

    async def main():
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang():
            asyncio.run_coroutine_threadsafe(gone.wait(), loop).result()
            raise OSError("gone")

        keys = KeySet(fetch=hang)
        waiting = [asyncio.create_task(keys.key(str(n))) for n in range(50)]
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: "not held up") == "not held up"
        gone.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(one) for one in asyncio.run(main())} == {IdentityProviderUnreachable}
