"""What was built as archives, uploaded as they are: the SAM CLI would zip all functions at each deployment."""

import os
import re
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

from local_aws import ROOT

BUILT = ROOT / ".aws-sam/build"
ARCHIVES = ROOT / ".aws-sam/archives"
# Lambda's custom runtimes start this one file.
BINARY = "bootstrap"


def template():
    """The path of the built template with an archive for each function, made anew only for what has changed."""
    built = BUILT / "template.yaml"
    if not built.exists():
        sys.exit("Nothing is built yet: run `make build` first.")
    ARCHIVES.mkdir(exist_ok=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(_archive, BUILT.glob(f"*/{BINARY}")))
    named = re.sub(r"^( +CodeUri: )(\w+)$", r"\1\2.zip", built.read_text(), flags=re.MULTILINE)
    return _put(ARCHIVES / "template.yaml", lambda path: path.write_text(named))


def _archive(binary):
    archive, content = ARCHIVES / f"{binary.parent.name}.zip", binary.read_bytes()
    if archive.exists():
        with zipfile.ZipFile(archive) as there:
            if zlib.crc32(content) == there.getinfo(BINARY).CRC:
                return
    # Without a time of its own: the same content is the same archive, which is uploaded once.
    member = zipfile.ZipInfo(BINARY)
    member.external_attr = binary.stat().st_mode << 16

    def write(path):
        with zipfile.ZipFile(path, "w") as written:
            written.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=1)

    _put(archive, write)


def _put(path, write):
    """Whoever deploys at the same time finds the whole of one file or of the other."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    write(unfinished)
    return unfinished.replace(path)
