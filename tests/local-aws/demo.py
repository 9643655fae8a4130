"""The demonstration: docs/landing.md, step by step, on a local AWS, with what changes at every step."""

import argparse
import os
import sys
import time

from demonstration import Demonstration
from local_aws import LocalAws, NotStarted, exports
from progress import Progress
from stage import STATE

PORTS = (4566, 4567)

FAREWELL = """
All of it took {seconds:.0f} s. The local AWS stays up at {endpoint}, with all of this. An account is an access key:

  eval "$(python3 tests/local-aws/servers.py environment)"
  aws organizations list-accounts --query 'Accounts[].[Id, Name]' --output text
  export AWS_ACCESS_KEY_ID={tooling}   # tooling
  aws ecr get-repository-policy --repository-name app --query policyText --output text
  aws cloudformation describe-stacks --query 'Stacks[].[StackName, StackStatus]' --output text
  aws logs filter-log-events --log-group-name /aws/lambda/archipelago-ecr-policy-statement \\
      --query 'events[].message' --output text

Stop it with `make down`."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--free-ports", action="store_true", help=f"instead of {PORTS[0]} and {PORTS[1]}")
    arguments = parser.parse_args()
    started = time.monotonic()
    aws = LocalAws(STATE)
    described = aws.running()
    if not described:
        aws.stop()
        with Progress("Starting a local AWS"):
            try:
                described = aws.start_on_free_ports() if arguments.free_ports else aws.start(*PORTS)
            except NotStarted as error:
                sys.exit(f"{error}\nWith make it is: make demo DEMO=--free-ports")
    os.environ.update(exports(described["endpoint"], described["organizations_endpoint"]))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)

    demonstration = Demonstration(described["endpoint"])
    demonstration.organize()
    demonstration.tool()
    demonstration.share()
    demonstration.name()
    demonstration.register()
    demonstration.build()
    demonstration.deliver()
    demonstration.refuse()
    demonstration.ask_too_much()
    demonstration.keep()
    demonstration.cut_off()
    demonstration.add_application()
    demonstration.reach()
    demonstration.join()
    demonstration.leave()
    tooling = demonstration.landing["tooling"].account
    print(FAREWELL.format(seconds=time.monotonic() - started, tooling=tooling, **described))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The local AWS may still be up: make down")
