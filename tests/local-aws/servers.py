"""The command line of the local AWS: up, down, status, run, build, package, deploy, environment."""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

import application
from local_aws import ACCOUNT, LOCAL, LocalAws, NotStarted, exports
from progress import Progress

STATE = LOCAL / "aws"
RUNS = LOCAL / "runs"


def up(arguments):
    aws = LocalAws(arguments.state)
    if not aws.running():
        aws.stop()
        with Progress("Starting the local AWS"):
            _start(aws, arguments)
    status(arguments)


def down(arguments):
    aws = LocalAws(arguments.state)
    was_up = aws.running()
    aws.stop()
    print("The local AWS is stopped." if was_up else "The local AWS wasn't running.")


def status(arguments):
    described = LocalAws(arguments.state).running()
    if not described:
        sys.exit("The local AWS isn't running.")
    print(f"AWS            {described['endpoint']}")
    print(f"Organizations  {described['organizations_endpoint']}")
    for server in described["servers"]:
        print(f"{server['name']:<14} pid {server['pid']}, log {os.path.relpath(server['log'])}")


def run(arguments):
    """For test suites: says in one line of JSON where the servers are, and stops them when stdin closes."""
    aws = LocalAws(arguments.state or _own_run())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        described = _start(aws, arguments, dies_with_parent=True)
        pids = [server["pid"] for server in described.pop("servers")]
        print(json.dumps({**described, "pids": pids}), flush=True)
        while os.read(sys.stdin.fileno(), 4096):
            pass
    finally:
        aws.stop()


def build(_):
    application.build()


def package(arguments):
    application.release(arguments.folder)


def deploy(arguments):
    parameters = dict(parameter.split("=", 1) for parameter in arguments.parameters)
    application.deploy(_endpoint(arguments), arguments.stack_name, {arguments.account: parameters})


def environment(arguments):
    """Meant for the shell: eval "$(python3 tests/local-aws/servers.py environment)"."""
    described = LocalAws(arguments.state).running()
    if not described:
        sys.exit("The local AWS isn't running.")
    variables = exports(described["endpoint"], described["organizations_endpoint"])
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    print("unset AWS_PROFILE AWS_SESSION_TOKEN")
    print(f'export PATH={shlex.quote(str(LOCAL / "tools/bin"))}:"$PATH"')


def _start(aws, arguments, dies_with_parent=False):
    try:
        if arguments.free_ports:
            return aws.start_on_free_ports(dies_with_parent)
        return aws.start(arguments.port, arguments.organizations_port, dies_with_parent)
    except NotStarted as error:
        sys.exit(str(error))


def _endpoint(arguments):
    if arguments.endpoint:
        return arguments.endpoint
    described = LocalAws(arguments.state).running()
    return described["endpoint"] if described else sys.exit("The local AWS isn't running.")


def _own_run():
    """A folder for this run alone; those of runs that have ended go, so that only the last one's logs stay."""
    RUNS.mkdir(parents=True, exist_ok=True)
    for folder in RUNS.iterdir():
        if not Path(f"/proc/{folder.name}").exists():
            LocalAws(folder).stop()
            shutil.rmtree(folder)
    return RUNS / str(os.getpid())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function, said, *options):
        added = commands.add_parser(function.__name__, help=said)
        added.set_defaults(function=function)
        for option in options:
            option(added)

    def state(default):
        return lambda added: added.add_argument("--state", default=default, help="folder of the servers' files")

    def ports(added):
        added.add_argument("--port", type=int, default=4566)
        added.add_argument("--organizations-port", type=int, default=4567)
        added.add_argument("--free-ports", action="store_true", help="take any two free ports")

    def folder(added):
        added.add_argument("folder", type=Path, help="where it is written")

    def target(added):
        added.add_argument("--endpoint", help="instead of the local AWS of --state")
        added.add_argument("--stack-name", default="archipelago")
        added.add_argument("--account", default=ACCOUNT, help="whose 12 digits are its access key")
        added.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="parameters of template.yaml")

    command(up, "start it in the background", state(STATE), ports)
    command(down, "stop it", state(STATE))
    command(status, "say where it is", state(STATE))
    command(run, "start it for a test suite, until stdin closes", state(None), ports)
    command(build, "sam build, with a profile that compiles quickly")
    command(package, "write a release of what was built", folder)
    command(deploy, "sam deploy what was built", state(STATE), target)
    command(environment, "print exports for a shell", state(STATE))
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
