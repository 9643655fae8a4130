"""The local AWS: ministack for everything, moto for Organizations, its accounts and RAM, and where they are."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import process
import record

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ROOT / ".local"
HOST = "127.0.0.1"
# Both servers take an account's 12 digits as its access key.
ACCOUNT = "111111111111"
REGION = "us-east-1"
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
BOOT_SECONDS = 300
# What moto plays.
OF_ORGANIZATIONS = ("ACCOUNT", "CODEPIPELINE", "ORGANIZATIONS", "RAM", "STS")
# How long moto's accounts, policy types and shares take for it; the caller says so, or a tag of an account or a share.
TIMES = (
    "ACCOUNT_CREATION_SECONDS",
    "ACCOUNT_READY_SECONDS",
    "ACCOUNT_CLOSING_SECONDS",
    "ACCOUNT_KNOWN_SECONDS",
    "POLICY_TYPE_SECONDS",
    "RAM_SHARE_SECONDS",
    "RAM_ASSOCIATION_SECONDS",
    "RAM_LINGER_SECONDS",
    "UNIT_KNOWN_SECONDS",
)


class NotStarted(Exception):
    """A server ended, or never got well."""


class LocalAws:
    """Two servers and the folder that holds all they write."""

    def __init__(self, state):
        self.state = Path(state).resolve()
        self.record = self.state / "servers.json"

    def start(self, port, organizations_port, dies_with_parent=False):
        """Starts both servers and returns once both answer; if one doesn't, raises NotStarted and stops both."""
        for wanted in (port, organizations_port):
            _check_free(wanted)
        for folder in ("tmp", "data"):
            shutil.rmtree(self.state / folder, ignore_errors=True)
            (self.state / folder).mkdir(parents=True)
        endpoint, organizations = f"http://{HOST}:{port}", f"http://{HOST}:{organizations_port}"
        commands = {
            "ministack": ["python", str(Path(__file__).with_name("ministack_rules.py"))],
            "moto": [
                "python",
                str(Path(__file__).with_name("moto_rules.py")),
                "-H",
                HOST,
                "-p",
                str(organizations_port),
            ],
        }
        health = {"ministack": f"{endpoint}/_ministack/ready", "moto": f"{organizations}/moto-api/data.json"}
        environment = self._environment(port, endpoint, organizations)
        servers = []
        for name, (program, *arguments) in commands.items():
            log = self.state / f"{name}.log"
            log.unlink(missing_ok=True)
            command = [LOCAL / "servers/bin" / program, *arguments]
            servers.append(
                {"name": name, "log": str(log), **process.start(command, environment, log, dies_with_parent)}
            )
        described = {
            "endpoint": endpoint,
            "organizations_endpoint": organizations,
            "account": ACCOUNT,
            "region": REGION,
            "servers": servers,
        }
        self.record.write_text(json.dumps(described, indent=2) + "\n")
        try:
            for server in servers:
                _wait(server, health[server["name"]])
        except NotStarted:
            self.stop()
            raise
        return described

    def start_on_free_ports(self, dies_with_parent=False):
        """Starts both servers on ports that were free a moment ago; when somebody else was faster, on others."""
        for attempt in range(3):
            try:
                return self.start(*_free_ports(2), dies_with_parent)
            except NotStarted:
                if attempt == 2:
                    raise

    def running(self):
        """What was recorded at the start, if both servers still run."""
        described = self._recorded()
        return described if described and all(map(process.alive, described["servers"])) else None

    def stop(self):
        """Stops what this folder's servers left running and removes what they wrote, but for their logs."""
        for server in (self._recorded() or {"servers": []})["servers"]:
            process.stop(server)
        for folder in ("tmp", "data"):
            shutil.rmtree(self.state / folder, ignore_errors=True)
        self.record.unlink(missing_ok=True)

    def _recorded(self):
        return json.loads(self.record.read_text()) if self.record.exists() else None

    def _environment(self, port, endpoint, organizations):
        """Nothing of the caller's but its PATH and times: ministack hands its own environment on to the functions."""
        return {
            **{name: os.environ[name] for name in (*TIMES, record.FOLDER) if name in os.environ},
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.state / "data"),
            "TMPDIR": str(self.state / "tmp"),
            "STATE_DIR": str(self.state / "data/ministack"),
            "S3_DATA_DIR": str(self.state / "data/s3"),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            # Part of every ResponseURL.
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            # Otherwise it listens on fixed ports for them.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AWS_ENDPOINT_URL": endpoint,
            **{f"AWS_ENDPOINT_URL_{service}": organizations for service in OF_ORGANIZATIONS},
        }


def exports(endpoint, organizations=None):
    """The variables with which the AWS tools and SDKs speak to the local AWS, and to nothing else."""
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_PAGER": "",
        # Whatever real accounts the caller has configured stay out of reach.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
        "SAM_CLI_TELEMETRY": "0",
        # Between two looks at the stack; the default of 5 s is for a real AWS.
        "SAM_CLI_POLL_DELAY": "0.2",
        "__SAM_CLI_APP_DIR": str(LOCAL / "sam"),
    }
    if organizations:
        variables |= {f"AWS_ENDPOINT_URL_{service}": organizations for service in OF_ORGANIZATIONS}
    return variables


def tool(*command, endpoint, environment=None, **options):
    """Runs a program of the tools' environment against the local AWS."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{LOCAL / 'tools/bin'}{os.pathsep}{os.environ['PATH']}"
    program, *arguments = command
    return subprocess.run(
        [LOCAL / "tools/bin" / program, *arguments],
        cwd=ROOT,
        env={**inherited, "PATH": path, **exports(endpoint), **(environment or {})},
        **options,
    )


def _free_ports(count):
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _check_free(port):
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise NotStarted(f"Port {port} is taken; --free-ports takes others.") from error


def _wait(server, url):
    """Returns when the URL answers 200; raises NotStarted when the server has ended or takes too long."""
    # A proxy of the caller's can't reach this machine's servers.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + BOOT_SECONDS
    while process.alive(server) and time.monotonic() < deadline:
        try:
            with opener.open(url, timeout=5):
                # Another program's server may answer there, while ours has found its port taken.
                if process.alive(server):
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    said = Path(server["log"]).read_text()[-2000:]
    raise NotStarted(f"{server['name']} didn't start ({server['log']}):\n{said}")


if sys.platform != "linux":
    sys.exit(
        "The local AWS runs the functions as they are, so it needs Linux; a container or a virtual machine will do."
    )
