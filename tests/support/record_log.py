"""A lab cloud whose agents write into a record log, analyzers of it, and `up` that asks them."""

import json
import os
import signal
import subprocess
from contextlib import ExitStack

from dyetrace.inventory.clouds import load_cloud
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.namespaces import prefix_of
from support.diagnosis import eventually
from support.harmed import Harmed
from support.nats_servers import NatsServer, free_port
from support.service import DYETRACE, Service

PARTITIONS = 4


class Analyzer:
    """`dyetrace analyzer` as a process; it can be killed and started again with what it kept."""

    def __init__(self, folder, *arguments):
        self.folder, self._arguments = folder, arguments
        self.process = None

    def start(self):
        state = ("--state", str(self.folder / "analyzer"))
        command = [*DYETRACE, "analyzer", "--partitions", str(PARTITIONS), *state]
        log = self.folder / "analyzer.log"
        with log.open("wb") as file:
            self.process = subprocess.Popen([*command, *self._arguments], stdout=file, stderr=file)
        eventually(
            lambda: b"reading" in log.read_bytes(), within_s=120, what="the analyzer to read"
        )

    def end(self, number=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)


class Logged:
    """All of it."""

    def __init__(self, name, folder, *engine):
        with ExitStack() as stack:
            self.stack = stack
            self._begin(name, folder, engine)
            self.stack = stack.pop_all()

    def _begin(self, name, folder, engine):
        self.server = NatsServer()
        self.stack.callback(self.server.remove)
        self.server.start()
        log = f"east={self.server.url}"
        settings = {"DYETRACE_AGENT_LOG": log, "DYETRACE_AGENT_LOG_PARTITIONS": str(PARTITIONS)}
        os.environ.update(settings)
        try:
            cloud = Cloud.up("three-hosts", name=name)
        finally:
            for each in settings:
                del os.environ[each]
        self.stack.callback(cloud.down)
        self.analyzer = Analyzer(folder, "--region", log, *engine)
        self.stack.callback(self.analyzer.end)
        self.analyzer.start()
        service = Service(cloud, folder, "--log", log, "--log-partitions", str(PARTITIONS))
        self.stack.callback(service.close)
        service.start()
        self.harmed = Harmed(cloud, service)
        self.stack.callback(self.harmed.stack.close)


def inventory_of(cloud):
    """Write a lab cloud's names as an inventory; JSON is YAML, too."""
    networks = cloud.description.networks

    def network_of(nic):
        return next(
            f"{network.tenant}-{network.name}"
            for network in networks
            if network.tenant == nic.tenant and nic.addresses[0] in network.prefixes[0]
        )

    nics = [nic for nic in load_cloud(cloud.name).nics.values() if nic.tenant]
    return json.dumps(
        {
            "version": 1,
            "tenants": [{"name": name} for name in sorted({each.tenant for each in networks})],
            "networks": [
                {
                    "name": f"{each.tenant}-{each.name}",
                    "tenant": each.tenant,
                    "vni": each.vni,
                    "prefixes": [str(prefix) for prefix in each.prefixes],
                }
                for each in networks
            ],
            "vms": [
                {
                    "id": nic.vm,
                    "tenant": nic.tenant,
                    "nics": [
                        {
                            "id": nic.id,
                            "mac": nic.mac,
                            "addresses": [str(address) for address in nic.addresses],
                            "network": network_of(nic),
                        }
                    ],
                }
                for nic in nics
            ],
        }
    )


class JoinedToLog:
    """Two regions with a guarded server each, and agents that have joined and write into one."""

    def __init__(self, name, folder, *, region_of):
        self.folder, self._region_of = folder, region_of
        with ExitStack() as stack:
            self.stack = stack
            self._begin(name)
            self.stack = stack.pop_all()

    def _begin(self, name):
        folder, region_of = self.folder, self._region_of
        self.cloud = Cloud.up("three-hosts", name=name, agents=False)
        self.stack.callback(self.cloud.down)
        (folder / "cloud.yaml").write_text(inventory_of(self.cloud))
        regions = sorted(set(region_of.values()), key=list(region_of.values()).index)
        self.ports = {region: free_port() for region in regions}
        self.service = Service(
            None, folder, "--cloud", "none", "--inventory", str(folder / "cloud.yaml"),
            *(each for region in regions for each in ("--log", self.log_of(region))),
            "--log-partitions", str(PARTITIONS),
        )  # fmt: skip
        self.stack.callback(self.service.close)
        self.service.start()
        self.agents = {host: self._agent(host) for host in region_of}
        self.servers = {region: self._server(region) for region in regions}
        folders = self._certificate("main", "--of", "analyzer")
        arguments = [each for region in regions for each in ("--region", self.log_of(region))]
        certificate, authority = folders / "identity.pem", folders / "authority.pem"
        arguments += ["--certificate", str(certificate), "--authority", str(authority)]
        self.analyzer = Analyzer(folder, *arguments)
        self.stack.callback(self.analyzer.end)
        self.analyzer.start()
        self.harmed = Harmed(self.cloud, self.service)

    def log_of(self, region):
        return f"{region}=tls://127.0.0.1:{self.ports[region]}"

    def _agent(self, host):
        """Join, and wait until the gate has let it in."""
        token = self.folder / f"{host}.token"
        token.write_text(self._said("gate", "token", "--at", self._gate()))
        command = [
            *(*DYETRACE, "agent", "--join", self._gate(), "--token-file", str(token)),
            *("--host", host, "--netns", f"{prefix_of(self.cloud.name)}{host}.*"),
            *("--state", str(self.folder / host), "--listen", f"{self.folder}/{host}.sock"),
            *("--log", self.log_of(self._region_of[host]), "--log-partitions", str(PARTITIONS)),
        ]
        with (self.folder / f"{host}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        socket = self.folder / "gate" / "agents" / f"{host}.sock"
        eventually(socket.exists, within_s=30, what=f"{host} to be in")
        return process

    def _server(self, region):
        identity = self._certificate("127.0.0.1", "--of", "server")
        store = self.folder / f"store-{region}"
        config = self.folder / f"{region}.conf"
        listen = f"127.0.0.1:{self.ports[region]}"
        config.write_text(
            self._said(
                "gate", "log-config", "--region", region, "--listen", listen,
                "--store", str(store), "--identity", str(identity), "--name", region,
            )
        )  # fmt: skip
        server = NatsServer(config=config, port=self.ports[region])
        self.stack.callback(server.remove)
        server.start()
        return server

    def _certificate(self, name, *arguments):
        into = self.folder / f"{arguments[-1]}-{name}"
        self._said("gate", "certificate", name, "--into", str(into), *arguments)
        return into

    def _gate(self):
        return (self.folder / "gate" / "reached-at").read_text().strip()

    def _said(self, *arguments):
        done = self.service.cli(*arguments, "--state", str(self.folder))
        assert done.returncode == 0, done.stderr
        return done.stdout
