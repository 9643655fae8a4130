"""A moto with the rules, for the tests of what it plays."""

import logging
import os
import time
import unittest
import urllib.request
from unittest import mock

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

import moto_rules  # noqa: F401

MANAGEMENT = "111111111111"
STANDALONE = "222222222222"
HOST = "127.0.0.1"
WHILE = 60


class Clock:
    """A time that stands still until it is told to go on."""

    def __init__(self):
        self.now = time.time()

    def time(self):
        return self.now


class MotoCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A proxy of the caller's can't reach this machine's servers.
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = HOST
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        cls.server = ThreadedMotoServer(HOST, 0, verbose=False)
        cls.server.start()
        cls.endpoint = "http://{}:{}".format(*cls.server.get_host_and_port())

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.clock = Clock()
        for rules in ("account_rules", "organizations_rules", "resource_share"):
            self.enterContext(mock.patch(f"{rules}.time", self.clock))
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")).close()
        self.organizations = self.client("organizations")
        self.organizations.create_organization(FeatureSet="ALL")
        self.root = self.organizations.list_roots()["Roots"][0]["Id"]

    def client(self, service, account=MANAGEMENT, token=None, region="us-east-1"):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="local",
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def refused(self, call, **request):
        """The code of the refusal, which must be one that the service's model knows for the operation."""
        with self.assertRaises(ClientError) as raised:
            call(**request)
        error = raised.exception
        code = error.response["Error"]["Code"]
        operation = call.__self__.meta.service_model.operation_model(error.operation_name)
        self.assertIn(code, [shape.name for shape in operation.error_shapes], error.operation_name)
        return code
