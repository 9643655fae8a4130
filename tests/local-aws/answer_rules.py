"""Refuses, as AWS does and in its words, an answer of a custom resource that is longer than CloudFormation reads.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json

from ministack import app

from rules import replaced

# With this length an answer is still taken: https://github.com/awsdocs/aws-cloudformation-user-guide/pull/262
LONGEST = 4096
# https://github.com/aws/aws-cdk/issues/23958
TOO_LONG = json.dumps({"Status": "FAILED", "Reason": "Response object is too long."}).encode()


@replaced(app)
async def _handle_post_body_shortcuts(handle, method, path, headers, body, *more):
    is_answer = method == "PUT" and path.startswith("/_ministack/cfn-response/")
    return await handle(method, path, headers, TOO_LONG if is_answer and len(body) > LONGEST else body, *more)
