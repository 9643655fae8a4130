"""A release in target/package/: for each architecture the zips of the functions and a template that names them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from local_aws import ROOT, tool

PACKAGE = ROOT / "target/package"
# What goes with the functions: all that the README leads to, and what stacks are made and checked with.
DOCUMENTS = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md")
FOLDERS = ("cfn-lint", "docs", "schemas", "stacks", "tools")
# The earliest that a zip can say: the same bytes whenever it is made.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
EXECUTABLE = 0o100755 << 16


class Architecture(NamedTuple):
    """One of Lambda's: Rust's name of it, how cargo-lambda is told, the least processor, and what an ELF file says."""

    target: str
    option: str
    processor: str
    machine: int


ARCHITECTURES = {
    "x86_64": Architecture("x86_64-unknown-linux-gnu", "--x86-64", "haswell", 62),
    "arm64": Architecture("aarch64-unknown-linux-gnu", "--arm64", "neoverse-n1", 183),
}


def binaries():
    """The functions' logical ids with their binaries."""
    template = (ROOT / "template.yaml").read_text()
    function = r"^  (\w+):\n    Type: AWS::Serverless::Function\n(?:(?!^  \w).*\n)*?.*\bBinary: *([\w-]+)"
    return dict(re.findall(function, template, re.M))


def zipped(binary, machine, path, level):
    """Writes a zip of the binary as Lambda runs it: what it holds alone decides on its bytes."""
    program = binary.read_bytes()
    if int.from_bytes(program[18:20], "little") != machine:
        sys.exit(f"{binary} is built for another architecture")
    if path.exists() and _holds(path, program):
        return
    entry = zipfile.ZipInfo("bootstrap", LONG_AGO)
    entry.external_attr, entry.compress_type, entry.create_system = EXECUTABLE, zipfile.ZIP_DEFLATED, 3

    def write(unfinished):
        with zipfile.ZipFile(unfinished, "w") as archive:
            archive.writestr(entry, program, compresslevel=level)

    _put(path, write)


def _holds(path, program):
    with zipfile.ZipFile(path) as archive:
        return zlib.crc32(program) == archive.getinfo("bootstrap").CRC


def _put(path, write):
    """Whoever deploys at the same time finds the whole of one file or of the other."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    write(unfinished)
    unfinished.replace(path)


def template(functions, architecture):
    """The template with each function's zip as its code, for that architecture alone."""
    text = (ROOT / "template.yaml").read_text()
    for logical_id, binary in functions.items():
        head = f"  {logical_id}:\n    Type: AWS::Serverless::Function\n"
        before, after = text.split(head)
        after = re.sub(
            r"    Metadata:\n      BuildMethod: .*\n      BuildProperties: .*\n    Properties:\n",
            f"    Properties:\n      CodeUri: {binary}.zip\n",
            after,
            count=1,
        )
        text = before + head + after
    text = text.replace("    CodeUri: .\n", "", 1)
    return text.replace(
        "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n",
        f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n",
        1,
    )


def seal(package):
    """Writes what `sha256sum --check` reads, over all that is there."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(package)}\n" for path in files]
    (package / "SHA256SUMS").write_text("".join(lines))


def pack(functions, architecture, built, folder, level=9):
    """Writes what `sam deploy` needs: the template, the SAM CLI's settings, and zips of the binaries in `built`,
    a folder for each as cargo-lambda leaves them. Zips that hold these binaries already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = ARCHITECTURES[architecture].machine

    def pack_one(binary):
        zipped(built / binary / "bootstrap", machine, folder / f"{binary}.zip", level)

    with ThreadPoolExecutor() as pool:
        list(pool.map(pack_one, functions.values()))
    # The Serverless Application Repository takes the first two with the template.
    for document in ("LICENSE", "README.md", "samconfig.toml"):
        _put(folder / document, lambda path, document=document: shutil.copyfile(ROOT / document, path))
    _put(folder / "template.yaml", lambda path: path.write_text(template(functions, architecture)))


def accompany(package):
    """Puts beside the functions what is used with them."""
    for document in DOCUMENTS:
        shutil.copyfile(ROOT / document, package / document)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, package / folder, ignore=shutil.ignore_patterns("__pycache__", ".ruff_cache"))


def flags(architecture):
    """What rustc is told, so that a binary keeps no path of the machine that it was built on. cargo-lambda names the
    processor only where it isn't given any."""
    cargo = os.environ.get("CARGO_HOME", Path.home() / ".cargo")
    places = {ROOT: "/archipelago", cargo: "/cargo"}
    remapped = [f"--remap-path-prefix={here}={there}" for here, there in places.items()]
    return " ".join([*remapped, f"-Ctarget-cpu={ARCHITECTURES[architecture].processor}"])


def installed(target):
    """Whether the toolchain can compile for that target."""
    asked = ["rustc", "--print", "target-libdir", "--target", target]
    return Path(subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()).is_dir()


def built():
    """Where cargo-lambda leaves the functions, a folder for each."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "lambda"


def main(package=PACKAGE):
    functions = binaries()
    shutil.rmtree(package, ignore_errors=True)
    for architecture, (target, option, *_) in ARCHITECTURES.items():
        if not installed(target):
            print(f"{architecture} is left out: the toolchain lacks {target} (rustup target add {target})")
            continue
        build = ["cargo-lambda", "lambda", "build", "--release", "--locked", option]
        for binary in functions.values():
            build += ["--bin", binary]
        environment = {"RUSTFLAGS": flags(architecture)}
        if tool(*build, endpoint="http://build.invalid", environment=environment).returncode != 0:
            sys.exit(f"The functions could not be built for {architecture}.")
        pack(functions, architecture, built(), package / architecture)
    accompany(package)
    seal(package)
    print(f"{package.relative_to(ROOT)} holds {len(list(package.rglob('*.zip')))} zips; SHA256SUMS says what of")


if __name__ == "__main__":
    main()
