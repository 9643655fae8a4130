"""What AWS said when it refused a call."""

from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Refusal:
    """Code and message; both are None if the call wasn't refused."""

    code: str | None
    message: str | None

    def __str__(self):
        return f"{self.code}: {self.message}" if self.code else "the call was taken"

    def says(self, *words):
        return self.message is not None and any(word in self.message for word in words)


def of(call, **request):
    """How the call is refused."""
    try:
        call(**request)
    except ClientError as error:
        said = error.response["Error"]
        return Refusal(said["Code"], said.get("Message", ""))
    return Refusal(None, None)
