"""Other skeletons in a bitstream that exists: its block memories are filled anew, nothing else."""

import tempfile
import zlib
from pathlib import Path

from golden.errors import InputError
from golden.files import replacing
from golden.wire import FACTS, VERSION, ChipFacts
from hw.boards.bitstream import FIRST, cells, contents, memories, replaced, sections
from hw.boards.flow import call, tool
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import CHECK, DIGEST, images, message

__all__ = ["geometry_in", "reskeleton"]


def reskeleton(bitstream, skeletons, output):
    """Write ``bitstream`` to ``output`` with these skeletons in place of its own.

    Returns the digests that it held and those that it holds now.
    """
    unpack, pack = tool("ecpunpack"), tool("ecppack")
    if not Path(bitstream).is_file():
        raise InputError(f"{bitstream} must be a file")
    # The tools from pip see the folder that they run in, and little else.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "old.bit").write_bytes(Path(bitstream).read_bytes())
        try:
            call(folder, "unpack", unpack, "--input", "old.bit", "--textcfg", "old.config")
            text = (folder / "old.config").read_text()
        except (RuntimeError, OSError):
            raise InputError(f"{bitstream} must be a bitstream for an ECP5") from None
        geometry, held = geometry_in(sections(text), bitstream)
        rows = images(geometry, skeletons)
        new = dict(enumerate(contents(geometry, rows), FIRST))
        (folder / "new.config").write_text(replaced(text, new))
        call(folder, "pack", pack, "--input", "new.config", "--bit", "new.bit")
        with replacing(Path(output)) as temporary:
            temporary.write_bytes((folder / "new.bit").read_bytes())
    return held, [skeleton.digest for skeleton in skeletons]


def geometry_in(found, name):
    """Return the build of the chip in a bitstream, and the digests that it holds.

    ``found`` are its block memories; raises unless they hold whole skeletons where `flow` puts
    them.
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


def facts_in(nines):
    """Return what the identities in a block memory tell of the chip; None if they do not."""
    for stride in (4, 2, 1):  # nines in a row: the more places, the narrower is the tile
        data = bytes(nine & 255 for nine in nines[::stride])
        places = data[FACTS - 1] if len(data) > FACTS else 0
        identities = [data[IDENTITY * place :][:IDENTITY] for place in range(places)]
        # All begin with the same facts.
        if identities and all(own[:FACTS] == data[:FACTS] for own in identities):
            digests = [own[DIGEST : DIGEST + 32] for own in identities]
            facts = ChipFacts.from_bytes(data[:FACTS] + b"".join(digests))
            if facts.version == VERSION:
                return facts
    return None
