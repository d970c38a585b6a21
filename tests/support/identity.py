"""An identity provider on loopback: real HTTP, real keys, really signed tokens."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "dyetrace"
MADE = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
WRITTEN = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


class Provider:
    """Serves its discovery document and its keys; counts who asks for them."""

    def __init__(self) -> None:
        self.keys, self.published = {}, []
        self.asked, self.is_down = 0, False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                content = provider.answer(self.path)
                self.send_response(503 if content is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, path):
        if self.is_down:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.asked += 1
        return {"keys": self.published}

    def make_key(self, kid, algorithm="ES256", *, publish=True, **fields):
        """Make a key, and let everybody see its public half."""
        private = MADE[algorithm]()
        self.keys[kid] = private, algorithm
        if publish:
            public = json.loads(WRITTEN[algorithm].to_jwk(private.public_key()))
            self.published.append(public | {"kid": kid, "use": "sig"} | fields)

    def token(self, kid="one", *, headers=None, **claims):
        """Sign a token; claims that are None are left out."""
        private, algorithm = self.keys[kid]
        told = self.claims(**claims)
        return jwt.encode(told, private, algorithm, headers={"kid": kid} | (headers or {}))

    def claims(self, **claims):
        now = time.time()
        told = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "u-17", "iat": now, "exp": now + 300,
            "dyetrace_role": "tenant", "dyetrace_tenant": "blue",
        } | claims  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
