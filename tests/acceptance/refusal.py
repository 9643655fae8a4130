"""What AWS said when it refused a call."""

from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Refusal:
    """Code, message and, where the service has one, a reason; all are None if the call wasn't refused."""

    code: str | None
    message: str | None
    reason: str | None = None

    def __str__(self):
        said = f"{self.code} ({self.reason})" if self.reason else self.code
        return f"{said}: {self.message}" if self.code else "the call was taken"

    def says(self, *words):
        return self.message is not None and any(word in self.message for word in words)


def of(call, **request):
    """How the call is refused."""
    try:
        call(**request)
    except ClientError as error:
        said = error.response["Error"]
        return Refusal(said["Code"], said.get("Message", ""), error.response.get("Reason"))
    return Refusal(None, None)
