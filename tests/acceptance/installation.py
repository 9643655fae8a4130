"""The application under the prefix, by the real `sam deploy`, from a package or what `sam build` has built."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import stores
from world import MANAGEMENT, MEMBER

ROOT = Path(__file__).resolve().parent.parent.parent
SAM = ROOT / ".local/tools/bin/sam"
PACKAGES = ROOT / "target/package"
BUILT = ROOT / ".aws-sam/build/template.yaml"
# What ELF files say of their machine. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {62: "x86_64", 183: "arm64"}
PR_SET_PDEATHSIG = 1


class NotInstalled(Exception):
    """There are no functions, or `sam deploy` failed."""


def template(chosen=None):
    """What is deployed: the template that was chosen, or a package's, for arm64 before x86_64, or the last build's."""
    packages = [PACKAGES / f"{name}/template.yaml" for name in ("arm64", "x86_64")]
    for path in [chosen.resolve()] if chosen else [*packages, BUILT]:
        if path.exists():
            return path
    raise NotInstalled(
        f"{chosen} isn't there." if chosen else "Nothing is built: run `make package`, or `sam build`, first."
    )


def architecture(path):
    """That of the first function that lies beside the template."""
    folder = path.parent
    for binary in sorted(folder.glob("*/bootstrap")):
        return MACHINES[int.from_bytes(binary.read_bytes()[18:20], "little")]
    for archive in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(archive) as there:
            return MACHINES[int.from_bytes(there.read("bootstrap")[18:20], "little")]
    raise NotInstalled(f"No function lies beside {path}.")


def parameters(world, where):
    """All functions in the management account, which may change the run's own roles; in the member those of subnets."""
    account = world.accounts[where]
    roles = f"arn:{account.partition}:iam::{account.id}:role/{world.prefix}-*"
    return {MANAGEMENT: {"Functions": "All", "RoleArns": roles}, MEMBER: {"Functions": "Network"}}[where]


def install(world, where, path):
    """Makes the stack of the functions in that account."""
    account = world.accounts[where]
    cloudformation = account.client("cloudformation")
    with contextlib.suppress(cloudformation.exceptions.ClientError):
        there = cloudformation.describe_stacks(StackName=world.prefix)["Stacks"]
        raise NotInstalled(f"{account.id} has a stack {world.prefix}, which is {there[0]['StackStatus']}.")
    bucket = world.making("bucket", f"{world.name('functions')}-{account.id}", where)
    stores.make_bucket(world, where, bucket)
    world.making("stack", world.prefix, where)
    with tempfile.TemporaryDirectory() as folder:
        # The settings of the repository aren't meant for this.
        settings = Path(folder) / "samconfig.toml"
        settings.write_text("version = 0.1\n")
        overrides = {"Architecture": architecture(path), **parameters(world, where)}
        command = [SAM, "deploy", "--config-file", settings, "--template-file", path, "--stack-name", world.prefix]
        command += ["--s3-bucket", bucket, "--s3-prefix", world.prefix, "--capabilities", "CAPABILITY_IAM"]
        command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--profile", account.profile]
        command += ["--region", account.region, "--tags", *[f"{key}={value}" for key, value in world.tags.items()]]
        command += ["--parameter-overrides", *[f"{name}={value}" for name, value in overrides.items()]]
        ended = subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
            preexec_fn=_end_with_parent,
        )
    if ended.returncode != 0:
        raise NotInstalled(f"sam deploy failed in {account.id}:\n{_told(ended.stdout)}")


def _end_with_parent():
    """So that nothing is made any more once the run was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _told(output):
    """The end of what it said, without what looks like a signed URL."""
    return re.sub(r"https?://\S*[?&](X-Amz-|Signature=)\S*", "(a signed URL)", output)[-3000:]
