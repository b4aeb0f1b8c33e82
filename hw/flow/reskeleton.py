"""Replace the skeletons in a bitstream: only the contents of its block memories change."""

import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from golden.errors import InputError, ToolError
from golden.files import exists, is_file, read_bytes, replacement
from golden.skeleton import Skeleton
from golden.tools import call
from golden.wire import DIGEST_BYTES, FACTS, VERSION, ChipFacts
from hw.flow.bitstream import FIRST, cells, contents, memories, replace_memories, sections
from hw.flow.tools import bitstream_is_whole, require_bitstream, tool
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import CHECK, DIGEST, images, message

__all__ = ["geometry_in", "reskeleton"]


def reskeleton(
    bitstream: Path | str, skeletons: Sequence[Skeleton], output: Path | str
) -> tuple[list[str], list[str]]:
    """Write ``bitstream`` to ``output`` with these skeletons in it; both may be the same file.

    Returns the digests of the skeletons before and after. If a tool fails, its log stays beside
    ``output``.
    """
    bitstream, output = Path(bitstream), Path(output)
    unpack, pack = tool("ecpunpack"), tool("ecppack")
    if not exists(bitstream):
        raise InputError(f"{bitstream} must be a file")
    data = read_bytes(bitstream)
    if not bitstream_is_whole(data):
        raise InputError(f"{bitstream} must be a bitstream for an ECP5, whole")
    log = output.with_name(f"{output.name}.log")
    try:
        with replacement(output) as temporary:
            held, new = refill(bitstream, data, skeletons, (unpack, pack), log)
            temporary.write_bytes(new)
    except ToolError:
        raise  # it names the log
    except InputError:
        log.unlink(missing_ok=True)
        raise
    log.unlink(missing_ok=True)
    return held, [skeleton.digest for skeleton in skeletons]


def refill(
    bitstream: Path,
    data: bytes,
    skeletons: Sequence[Skeleton],
    tools: tuple[tuple[str, ...], tuple[str, ...]],
    log: Path,
) -> tuple[list[str], bytes]:
    """Return the digests in a bitstream, and the bitstream with other skeletons.

    ``data`` are the bytes of the file ``bitstream``, ``tools`` the commands of ecpunpack and
    ecppack.
    """
    unpack, pack = tools
    # The tools from pip see the folder that they run in, and little else.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, config, new = (folder / name for name in ("old.bit", "skeletons.config", "new.bit"))
        old.write_bytes(data)
        try:
            call((*unpack, "--input", old.name, "--textcfg", config.name), log, folder=folder)
        except ToolError as error:
            raise ToolError(
                f"{bitstream} must be a bitstream for an ECP5, whole: {error}"
            ) from None
        text = read_bytes(config).decode(errors="replace") if is_file(config) else ""
        geometry, held = geometry_in(sections(text), bitstream)
        tiles = contents(geometry, images(geometry, skeletons))
        config.write_text(replace_memories(text, dict(enumerate(tiles, FIRST))))
        call((*pack, "--input", config.name, "--bit", new.name), log, folder=folder)
        require_bitstream(new, log)
        return held, new.read_bytes()


def geometry_in(
    found: Mapping[int, tuple[int, ...]], name: Path | str
) -> tuple[Geometry, list[str]]:
    """Return the build of the chip in a bitstream, and the digests of its skeletons.

    ``found`` are the contents of its block memories, ``name`` is the file in errors. Raises
    `InputError` unless the block memories from `FIRST` on hold whole skeletons.
    """
    wrong = InputError(
        f"{name} must be a Thalweg bitstream of protocol version {VERSION}, its skeletons whole"
    )
    facts = facts_in(found.get(FIRST, ()))
    if facts is None:
        raise wrong
    try:
        geometry = Geometry(
            spec=facts.spec,
            filters=facts.filters,
            contexts=facts.contexts,
            skeletons=len(facts.digests),
        )
        held = [found[FIRST + place] for place in range(len(cells(geometry)))]
    except (InputError, KeyError):
        raise wrong from None
    rows = memories(geometry, held)
    for place in range(geometry.skeletons):
        own = bytes(byte & 255 for byte in rows["identity"][place * IDENTITY :][:IDENTITY])
        check = zlib.crc32(message(geometry, rows, place) + own[:-CHECK])
        if check != int.from_bytes(own[-CHECK:], "little"):
            raise wrong
    return geometry, [digest for digest in facts.digests if digest]


def facts_in(nines: Sequence[int]) -> ChipFacts | None:
    """Return the facts of the chip from a block memory of identities; None if it holds none."""
    for stride in (4, 2, 1):  # nines in a row: the more places, the narrower is the tile
        data = bytes(nine & 255 for nine in nines[::stride])
        places = FACTS.unpack(data)["places"]
        identities = [data[IDENTITY * place :][:IDENTITY] for place in range(places)]
        # All begin with the same facts.
        if identities and all(own[: FACTS.size] == data[: FACTS.size] for own in identities):
            digests = [own[DIGEST : DIGEST + DIGEST_BYTES] for own in identities]
            try:
                facts = ChipFacts.from_bytes(data[: FACTS.size] + b"".join(digests))
            except InputError:
                continue
            if facts.version == VERSION:
                return facts
    return None
