"""The SAM application: built quickly, and deployed to the local AWS."""

import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_aws import ACCOUNT, ARCHITECTURE, ROOT, tool
from package import accompany, binaries, built, pack, seal
from progress import Progress

# The SAM CLI's settings for the local AWS.
SETTINGS = Path(__file__).with_name("samconfig.toml")
PACKAGE = ROOT / ".aws-sam/package"

# What is built is to be tried, not measured: without optimisation it takes less than half the time.
QUICK = {
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
}


def build():
    """Runs `sam build`; what it says is shown only when it fails."""
    binaries = re.findall(r"\bBinary: *([\w-]+)", (ROOT / "template.yaml").read_text())
    # The SAM CLI builds one function after another, and leaves a core idle; after this it finds its work done.
    compile_all = ["cargo-lambda", "lambda", "build", "--release", *(["--arm64"] if ARCHITECTURE == "arm64" else [])]
    for binary in binaries:
        compile_all += ["--bin", binary]
    build_all = ["sam", "build", "--config-file", SETTINGS, "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    with Progress("Building the functions", Crates()):
        for command in (compile_all, build_all):
            _run(command, "http://build.invalid", QUICK)


def packed(folder=PACKAGE):
    """What was built, packed as in a release: the SAM CLI would zip all functions at each deployment."""
    if not built().exists():
        sys.exit("Nothing is built yet: run `make build` first.")
    pack(binaries(), ARCHITECTURE, built(), folder, level=1)
    return folder


def release(folder):
    """Writes a whole release of what was built."""
    packed(folder / ARCHITECTURE)
    accompany(folder)
    seal(folder)


def deploy(endpoint, stack_name="archipelago", into=None):
    """Runs `sam deploy` of what was built, at once in the accounts that `into` has parameters for; else all in ours."""
    template = packed() / "template.yaml"
    settings = tomllib.loads(SETTINGS.read_text())["default"]["deploy"]["parameters"]
    defaults = settings["parameter_overrides"].replace("Architecture=x86_64", f"Architecture={ARCHITECTURE}")
    into = into or {ACCOUNT: {"Functions": "All"}}

    def deploy_into(account):
        as_account = {"AWS_ACCESS_KEY_ID": account}
        bucket = settings["s3_bucket"] if account == ACCOUNT else f"{settings['s3_bucket']}-{account}"
        _run(["aws", "s3api", "create-bucket", "--bucket", bucket], endpoint, as_account)
        command = ["sam", "deploy", "--config-file", SETTINGS]
        command += ["--template-file", template, "--stack-name", stack_name, "--s3-bucket", bucket]
        overrides = [f"{name}={value}" for name, value in into[account].items()]
        _run([*command, "--parameter-overrides", *defaults.split(), *overrides], endpoint, as_account)

    where = f" into {len(into)} accounts" if len(into) > 1 else ""
    with Progress(f"Deploying {stack_name} with sam deploy{where}"), ThreadPoolExecutor() as pool:
        list(pool.map(deploy_into, into))


def _run(command, endpoint, environment=None):
    captured = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    result = tool(*command, endpoint=endpoint, environment=environment, **captured)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:2]))} failed:\n{result.stdout}")


class Crates:
    """How far cargo is: the SAM CLI keeps its output to itself until the end."""

    def __init__(self):
        self.wanted = None

    def __call__(self):
        if self.wanted is None:
            tree = ["cargo", "tree", "--quiet", "--workspace", "--exclude", "archipelago-tests"]
            tree += ["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
            listed = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
            self.wanted = len({line.removesuffix(" (*)") for line in listed})
        finished = set()
        for profile in ("release", "*-linux-gnu/release"):
            done = ROOT.glob(f"target/{profile}/.fingerprint/*/*.json")
            finished |= {path.parent.name.rpartition("-")[0] for path in done}
        return f"· {min(len(finished), self.wanted)} of {self.wanted} crates"
