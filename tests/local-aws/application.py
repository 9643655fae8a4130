"""The SAM application: built quickly, and deployed to the local AWS."""

import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor

from local_aws import ACCOUNT, ARCHITECTURE, ROOT, tool
from progress import Progress

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
    package = ["sam", "build", "--config-env", "local", "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    with Progress("Building the functions", Crates()):
        for command in (compile_all, package):
            _run(command, "http://build.invalid", QUICK)


def deploy(endpoint, stack_name="archipelago", into=None):
    """Runs `sam deploy` of what was built, at once in the accounts that `into` has parameters for; else all in ours."""
    if not (ROOT / ".aws-sam/build/template.yaml").exists():
        sys.exit("Nothing is built yet: run `make build` first.")
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())["local"]["deploy"]["parameters"]
    defaults = settings["parameter_overrides"].replace("Architecture=x86_64", f"Architecture={ARCHITECTURE}")
    into = into or {ACCOUNT: {"Functions": "All"}}

    def deploy_into(account):
        as_account = {"AWS_ACCESS_KEY_ID": account}
        bucket = settings["s3_bucket"] if account == ACCOUNT else f"{settings['s3_bucket']}-{account}"
        _run(["aws", "s3api", "create-bucket", "--bucket", bucket], endpoint, as_account)
        command = ["sam", "deploy", "--config-env", "local", "--stack-name", stack_name, "--s3-bucket", bucket]
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
