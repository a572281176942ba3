"""IUPAC names to SMILES, by the OPSIN that the package py2opsin brings along.

py2opsin itself writes the name to a file in the working directory and waits for Java as long as it
takes; OPSIN reads the name from its standard input just as well.
"""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from ._errors import MoleculeError

MAX_LENGTH = 5000
"""Characters of the longest name; that of a peptide of `MAX_ATOMS` atoms has about 2500."""

SECONDS = 60
"""For one name, of which most take one, and the slowest known six."""

JAVA_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # these two: quick to start, and one thread
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # no file in /tmp
    "-Dfile.encoding=UTF-8",
)

UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Line breaks, after which OPSIN would read another name; control characters, which it passes over;
and halves of characters, which have no encoding."""

GREETING = "Enter a chemical name to begin:"
"""What OPSIN says first, to standard error; why it refuses a name comes after that."""

AMBIGUOUS = "APPEARS_AMBIGUOUS"
"""In what OPSIN says of a name that fits several molecules, one of which it chose."""


def to_smiles(name: str) -> str:
    """SMILES of an IUPAC name of one molecule, which may be of several fragments.

    Raises:
        MoleculeError: no-iupac-converter (py2opsin or Java is missing, or Java cannot run OPSIN),
            unparsable-iupac (OPSIN cannot read the name, or reads it in more than one way).
    """
    name = name.strip()
    if UNREADABLE.search(name) or not 0 < len(name) <= MAX_LENGTH:
        raise _unparsable(name, f"a name is one line of 1 to {MAX_LENGTH} characters")
    try:
        done = _run(name)
    except subprocess.TimeoutExpired as error:
        raise _unparsable(name, f"not done after {SECONDS} s") from error
    before, greeting, said = done.stderr.partition(GREETING)
    if not greeting:
        reason = _short(before) or f"exit status {done.returncode}"
        raise MoleculeError("no-iupac-converter", f"Java cannot run OPSIN: {reason}")
    smiles = done.stdout.strip()
    if done.returncode or not smiles or AMBIGUOUS in said:
        raise _unparsable(name, _short(said) or "no reason given")
    return smiles


def can_read_iupac() -> bool:
    """Whether `from_iupac` has what it needs, OPSIN and Java."""
    try:
        _jar()
    except MoleculeError:
        return False
    return shutil.which("java") is not None


def _run(name: str) -> "subprocess.CompletedProcess[str]":
    jar = _jar()
    java = shutil.which("java")
    if java is None:
        raise _missing("Java, and there is no `java` in PATH")
    try:
        return subprocess.run(  # noqa: S603 - the name is no part of the command
            [java, *JAVA_OPTIONS, "-jar", str(jar), "-osmi"],
            input=f"{name}\n",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            cwd=jar.parent,  # the caller's may be gone, which Java does not survive
            timeout=SECONDS,
        )
    except OSError as error:
        reason = f"Java cannot be started: {error.strerror}"
        raise MoleculeError("no-iupac-converter", reason) from error


def _jar() -> Path:
    # Found without an import, at which py2opsin would start Java to see whether it is there.
    spec = find_spec("py2opsin")
    for folder in (spec and spec.submodule_search_locations) or ():
        for jar in Path(folder).glob("opsin*.jar"):
            return jar
    raise _missing("the package py2opsin: pip install 'relaxd[iupac]'")


def _missing(what: str) -> MoleculeError:
    return MoleculeError("no-iupac-converter", f"IUPAC names need {what}; or send a SMILES instead")


def _unparsable(name: str, reason: str) -> MoleculeError:
    return MoleculeError("unparsable-iupac", f"OPSIN cannot read {_short(name)!r}: {reason}")


def _short(text: str) -> str:
    """`text` in one line, without the middle where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:100]} ... {line[-190:]}"
