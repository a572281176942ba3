"""Molecules that are made to do harm, the same ones for the same seed, and what becomes of them."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

import httpx
from rdkit import Chem

from relaxd.client.schemas import RelaxResponse, Result, ResultPage
from relaxd.relax import from_smiles

ERROR_TYPE = "urn:relaxd:error:"
KINDS = frozenset({"ok", "input", "limit", "resource", "convergence"})
"""How a molecule may end; what begins with `internal` is a fault of the server."""

SMILES = tuple(
    """
    C O N [H][H] [H] [OH-] [NH4+] [O] [CH3] [He] CC C=C C#C OC=O C#N C1CC1 C12CC1C2 c1ccccc1
    c1ccncc1O CC(=O)OCC(N)C=O F/C=C/F F/C=C\\F C[C@H](N)C(=O)O C[C@@H](O)F [13CH4] [2H]O[2H]
    O=C=O N#N [C-]#[O+] C[N+](=O)[O-] FS(F)(F)(F)(F)F OP(=O)(O)O C[Si](C)(C)C Clc1ccccc1Br ICI
    CSC [O-]Cl(=O)(=O)=O B(O)(O)O C=C=C C1CC2CCC1C2 [*]C *C [Fe] Cl[Pt](Cl)(N)N C.O [Na+].[Cl-]
    [U] [Og] C1#CC1 C(C)(C)(C)(C)C c1cccc1 CC>>CO C~C C$C [CH2:7]=O |C C[C@]1(F)CC1 [C@TH1](F)Cl
    [Li]C [BeH2] F[Xe]F O=[Se]=O [As](C)(C)C C%12CC%12 [C+50] [H+] [e-] [CH5+] [O][O]
    """.split()  # noqa: SIM905
)
TOKENS = (
    *("C", "c", "N", "[", "]", "(", ")", "=", "#", "$", ":", "/", "\\", "@", "@@", "%", "1", "9"),
    *("%99", ".", "*", "-", "+", "[2H]", "[Fe+2]", "~", ">", "{", "}", "|", " ", "\t", "\n", "\r"),
    *(
        "\0",
        "\x1b",
        "é",
        "\u202e",
        "\ud800",
        "\U0001f600",
        "'",
        '"',
        "\ufeff",
        "$$$$\n",
        "M  END\n",
    ),
)
NUMBERS = (
    *("nan", "inf", "-inf", "-1", "0", "-0", "1e308", "1e400", "1e-320", "999999999999999999999"),
    *("1.5", "0x10", "1_0", "\u0663", "2147483648", "-2147483649", "1e5", "0.0001", ""),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 50, -50, 10**9, -(10**9), 2**31, 2**63, 10**40, 1.5, 1e308),
    *(math.nan, math.inf, -math.inf, "", "C", "1", "nan", "\0", "\ud800", [], {}, [[]], [None]),
    *([0, 0], [0, 0, 0, 7], [-1], [10**9], ["a"], {"a": 1}, [[0.0, 0.0, 0.0]], [[1e308] * 3] * 2),
)
"""What is put where something else belongs."""

FIELDS = (
    *("smiles", "xyz", "sdf", "qcschema", "atomic_numbers", "positions", "charge"),
    *("multiplicity", "frozen", "id", "colour"),
)
FILES = {
    "chemical/x-daylight-smiles": "\n",
    "chemical/x-mdl-sdfile": "$$$$\n",
    "chemical/x-xyz": "",
}
"""Media types of files, and what stands between their molecules."""

HIDDEN = ("", 'Lattice="5 0 0 0 5 0 0 0 5"', "charge=nan", "spin=-3", 'pbc="T T T"', "id=a")
"""Comments of XYZ."""


def molecules(seed: int, n: int) -> Iterator[Any]:
    """Entries of a request, each as JSON can say it."""
    random = Random(seed)  # noqa: S311 - nothing is kept secret
    makers, weights = zip(*MAKERS, strict=True)
    for make in random.choices(makers, weights, k=n):
        yield make(random)


def files(seed: int, n: int, size: int = 50) -> Iterator[tuple[str, bytes]]:
    """Files with their media types, of about `size` molecules each and `n` in all."""
    random = Random(seed)  # noqa: S311 - nothing is kept secret
    texts: tuple[Callable[[Random], str], ...] = (_smiles, _sdf, _xyz)
    for start in range(0, n, size):
        form = random.randrange(len(FILES))
        media_type, separator = list(FILES.items())[form]
        records = [texts[form](random) + separator for _ in range(min(size, n - start))]
        content = bytearray("".join(records).encode(errors="surrogatepass"))
        for _ in range(random.choice((0, 5, 50))):
            content[random.randrange(len(content))] = random.randrange(256)
        yield media_type, bytes(content)


def _mutated(random: Random, text: str) -> str:
    """Delete, repeat, move, replace and flip parts of a text, none to five times."""
    for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
        i, j = sorted(random.randrange(len(text) + 1) for _ in range(2))
        j = min(j, i + random.choice((1, 1, 3, 10, 100)))
        part = text[i:j]
        instead = (
            *("", part[::-1], part * random.choice((2, 3, 20))),
            *(random.choice(TOKENS), random.choice(NUMBERS), chr(random.randrange(1, 0x3000))),
        )
        text = text[:i] + random.choice(instead) + text[j:]
    return text


def _renumbered(random: Random, text: str) -> str:
    """Replace one of the words of a text by a number that none expects."""
    words = [word for word in text.split() if word[0] in "-.0123456789"] or [text]
    return text.replace(random.choice(words), random.choice(NUMBERS), random.choice((1, -1)))


def _damaged(random: Random, text: str) -> str:
    return random.choice((_mutated, _mutated, _renumbered))(random, text)


def _smiles(random: Random) -> str:
    text = random.choice(SMILES)
    if random.random() < 0.3:
        text += random.choice(SMILES)
    return _mutated(random, text)


def _sdf(random: Random) -> str:
    return _damaged(random, random.choice(_geometries())[0])


def _xyz(random: Random) -> str:
    _, symbols, positions = random.choice(_geometries())
    rows = [f"{s} {x:.4f} {y:.4f} {z:.4f}" for s, (x, y, z) in zip(symbols, positions, strict=True)]
    return _damaged(random, "\n".join([str(len(rows)), random.choice(HIDDEN), *rows, ""]))


def _arrays(random: Random) -> dict[str, Any]:
    _, symbols, positions = random.choice(_geometries())
    table = Chem.GetPeriodicTable()
    numbers = [table.GetAtomicNumber(symbol) for symbol in symbols]
    factor = random.choice((1.0, 1.0, 1.0, 0.9, 1.3, 3.0, 0.01, 1e6, 1e300, -1.0))
    rows = [[factor * x for x in row] for row in positions]
    for _ in range(random.choice((0, 1, 2))):
        i = random.randrange(len(rows))
        nearby = [x + random.gauss(0.0, 0.5) for x in positions[i]]
        nowhere = [random.choice((0.0, math.nan, math.inf, 1e9, -1e-300))] * 3
        rows[i] = random.choice((rows[0], nearby, nearby, nowhere, _value(random)))
        numbers[i] = random.choice((*range(1, 100), 0, -1, 2**40, numbers[i], numbers[i]))
    return {"atomic_numbers": numbers, "positions": rows}


def _state(random: Random) -> dict[str, Any]:
    """Valid forms with a charge, a spin or frozen atoms that may not fit."""
    molecule = random.choice(
        ({"smiles": random.choice(SMILES)}, _arrays(random), {"xyz": _xyz(random)})
    )
    state = {
        "charge": random.choice((0, 1, -1, 2, 50, -50, 10**9, None)),
        "multiplicity": random.choice((0, 1, 2, 3, 5, 11, -1, 10**9, None)),
        "frozen": random.choice(([], [0], [0, 0, 0], [-1], [10**9], list(range(500)), None)),
        "id": random.choice(("a\nb", "\0", "x" * 256, "x" * 257, "$$$$", "\ud800", "", None)),
    }
    return molecule | dict(random.sample(sorted(state.items()), random.randrange(1, 5)))


def _qcschema(random: Random) -> dict[str, Any]:
    _, symbols, positions = random.choice(_geometries())
    schema: dict[str, Any] = {
        "schema_name": "qcschema_molecule",
        "schema_version": random.choice((2, 3, 2, 3, 1, "2", None, -1)),
        "symbols": list(symbols),
        "geometry": [1.8897 * x for row in positions for x in row],
    }
    extras = ("connectivity", "fragments", "real", "molecular_charge", "molecular_multiplicity")
    for name in random.choices((*schema, *extras, "masses", "atom_labels"), k=random.randrange(3)):
        schema[name] = _value(random)
    if random.random() < 0.3 and isinstance(schema["geometry"], list) and schema["geometry"]:
        schema["geometry"][random.randrange(len(schema["geometry"]))] = _value(random)
    return {"qcschema": {"molecule": schema} if random.random() < 0.2 else schema}


def _degenerate(random: Random) -> dict[str, Any]:
    """Atoms at one place, in a row, in a plane, or hardly apart."""
    n = random.choice((1, 1, 2, 3, 5, 12))
    step = random.choice((0.0, 1e-9, 0.39, 0.5, 0.74, 1.1, 1.5, 4.0))
    offset = random.choice((0.0, 1e3, 1e9, 1e17))
    shape = random.choice(((1, 0, 0), (1, 1, 0), (0.6, 0.6, 0.6)))
    rows = [[offset + step * i * x for x in shape] for i in range(n)]
    number = random.choice((1, 1, 2, 6, 7, 8, 9, 26, 54, 86, 87, 0))
    return {"atomic_numbers": [number] * n, "positions": rows}


def _giant(random: Random) -> Any:
    n = random.choice((1_001, 10_000, 100_000))
    row = [[1.4 * i, 0.0, 0.0] for i in range(min(n, 10_000))]
    return random.choice(
        (
            lambda: "C" * n,
            lambda: "(" * n,
            lambda: "C1" * (n // 2),
            lambda: "[" + "9" * n + "C]",
            lambda: "C" + "(C" * (n // 4) + ")" * (n // 4),
            lambda: {"atomic_numbers": [6] * len(row), "positions": row},
            lambda: {"xyz": f"{n}\n\n" + "C 0 0 0\n" * (n // 10)},
            lambda: {"xyz": f"{10**12}\n\nC 0 0 0\n"},
            lambda: {"sdf": "x" * n},
            lambda: {"sdf": _geometries()[0][0].replace("\n", "\n" * (n // 20))},
            lambda: {"qcschema": {"symbols": ["C"] * len(row), "geometry": [1.0] * 3 * len(row)}},
            lambda: {"smiles": "C", "frozen": [0] * n},
        )
    )()


def _deep(random: Random) -> Any:
    value: Any = "C"
    for _ in range(random.choice((1, 3, 30, 300))):
        value = random.choice(([value], {random.choice((*FIELDS, "molecule")): value}))
    return random.choice((value, {"qcschema": {"molecule": value}}, {"positions": value}))


def _mistyped(random: Random) -> Any:
    if random.random() < 0.3:
        return _value(random)
    chosen = random.sample(FIELDS, random.choice((1, 1, 2, 3)))
    return {name: _value(random) for name in chosen}


def _value(random: Random) -> Any:
    # A copy, as it becomes part of what later is changed in its parts.
    return deepcopy(random.choice(VALUES))


def _noise(random: Random) -> str:
    return random.randbytes(random.choice((1, 10, 100))).decode("latin-1")


def _name(random: Random) -> dict[str, Any]:
    name = random.choice(("ethanol", "2-acetyloxybenzoic acid", "-version", "(1R)-1-fluoroethanol"))
    return {"iupac": _mutated(random, name) or "-"}


MAKERS: tuple[tuple[Callable[[Random], Any], float], ...] = (
    (_smiles, 25.0),
    (lambda random: {"sdf": _sdf(random)}, 20.0),
    (lambda random: {"xyz": _xyz(random)}, 15.0),
    (_arrays, 10.0),
    (_qcschema, 8.0),
    (_state, 10.0),
    (_degenerate, 4.0),
    (_mistyped, 5.0),
    (_noise, 2.0),
    (_deep, 1.0),
    (_giant, 0.8),
    (_name, 0.2),  # starts Java each time
)
"""What makes a molecule, and how often of a hundred times."""


@lru_cache
def _geometries() -> list[tuple[str, list[str], list[list[float]]]]:
    """SDF (V2000 or V3000), symbols and positions of some small molecules."""
    found = []
    for smiles in ("O", "C", "CCO", "C[C@H](N)C(=O)O", "c1ccncc1O", "F/C=C/F", "[NH4+]", "[CH3]"):
        molecule = from_smiles(smiles)
        mol = molecule.to_rdkit()
        assert mol is not None
        symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
        texts = (Chem.MolToMolBlock(mol), Chem.MolToV3KMolBlock(mol))
        found += [(text, symbols, molecule.positions.tolist()) for text in texts]
    return found


@dataclass
class Outcome:
    """How molecules ended.

    Attributes:
        counts: `ok`, or the category and code of the error, and how often.
        faults: what must never be: the molecule, where it is known, and what was answered.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[Any, str]] = field(default_factory=list)

    def add(self, result: Result, entry: Any = None) -> None:
        """Count one result; it has a finite geometry, or an error that is not the server's."""
        kind = "ok" if result.error is None else result.error.type[len(ERROR_TYPE) :]
        self.counts[kind] += 1
        if kind.partition(":")[0] not in KINDS or not (_is_geometry(result) or result.error):
            self.faults.append((entry, result.model_dump_json()))


async def attack(client: httpx.AsyncClient, seed: int, n: int, batch: int = 64) -> Outcome:
    """Send half of `n` molecules to be relaxed at once, a quarter as a list, and as files."""
    found = Outcome()
    entries = [*molecules(seed, n - n // 4)]
    now, later = entries[: n // 2], entries[n // 2 :]
    lines = "\n".join(map(json.dumps, [{}, *later])).encode()
    jobs = [("application/x-ndjson", lines), *files(seed, n // 4)]
    await asyncio.gather(
        _relax_all(client, now, batch, found), *(_submit(client, *job, found) for job in jobs)
    )
    return found


async def _relax_all(
    client: httpx.AsyncClient, entries: list[Any], batch: int, found: Outcome
) -> None:
    for start in range(0, len(entries), batch):
        await _relax(client, entries[start : start + batch], found)


async def _relax(client: httpx.AsyncClient, entries: list[Any], found: Outcome) -> None:
    # Not by `json=`, which refuses NaN: a server may be sent that all the same.
    content, headers = json.dumps({"molecules": entries}), {"Content-Type": "application/json"}
    response = await client.post("/v1/relax", content=content, headers=headers)
    assert response.status_code == 200, response.text
    results = RelaxResponse.model_validate_json(response.content).results
    for result, entry in zip(results, entries, strict=True):
        found.add(result, entry)


async def _submit(
    client: httpx.AsyncClient, media_type: str, content: bytes, found: Outcome
) -> None:
    headers = {"Content-Type": media_type}
    response = await client.post("/v1/jobs", content=content, headers=headers)
    assert response.status_code == 202, response.text
    job, cursor = response.json()["id"], "0"
    while cursor is not None:
        page = ResultPage.model_validate_json(await _page(client, job, cursor, "json"))
        for result in page.results:
            found.add(result)
        if page.results:
            for format in ("sdf", "extxyz", "qcschema"):
                await _page(client, job, cursor, format)
        else:
            await asyncio.sleep(0.2)
        cursor = page.next


async def _page(client: httpx.AsyncClient, job: str, cursor: str, format: str) -> bytes:
    query = {"cursor": cursor, "limit": 1000, "format": format}
    response = await client.get(f"/v1/jobs/{job}/results", params=query)
    assert response.status_code == 200, response.text
    return response.content


def _is_geometry(result: Result) -> bool:
    rows, numbers = result.positions or [], result.atomic_numbers or []
    return len(rows) == len(numbers) > 0 and all(math.isfinite(x) for row in rows for x in row)
