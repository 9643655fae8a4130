"""moto_server with the rules of AWS that moto leaves out: what AWS refuses, this refuses as well."""

import re
import sys
from urllib.parse import urlencode

from moto.core.responses import BaseResponse
from moto.iam.models import get_account_id_from
from moto.server import main

import account_rules
import organizations_rules
import ram_rules  # noqa: F401
from marks import carried
from record import record
from rules import replaced

organizations_rules.guard(account_rules.catch_up)
# moto itself knows no key of 12 digits.
BaseResponse.access_key_regex = re.compile(r"Credential=(\d{12}|[A-Z0-9]{20})/")


@replaced(BaseResponse)
def get_current_account(_, self):
    """An account's 12 digits are its access key."""
    key = self.get_access_key()
    return key if len(key) == 12 and key.isdigit() else get_account_id_from(key)


@replaced(BaseResponse)
def setup_class(set_up, self, request, *more, **named):
    set_up(self, request, *more, **named)
    # A form has no body any more.
    body = self.body or urlencode(list(request.form.items()))
    query = self.parsed_url.query
    record(self.method, self.path, query, self.headers, body, marks=lambda: carried(query, body))


if __name__ == "__main__":
    main(sys.argv[1:])
