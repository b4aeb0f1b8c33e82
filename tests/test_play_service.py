"""The local service: what it serves, what it refuses, and that it lives on."""

import json
import struct
import threading

import numpy as np
import pytest

from golden.device import GoldenDevice, run
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.play.bench import MOST_SESSIONS, Bench
from sw.play.serve import listen, write_site
from sw.play.service import LARGEST_BEGIN, MARK
from tests.served import serving

GATE = Gate(input_channel=0, output_channel=1, start=1, every=2, mapping="phase4")
SPEC = Spec(height=8, width=6, channels=4, multiplier=2, image=4, gate=GATE)


@pytest.fixture(scope="module")
def client():
    with serving(Bench(GoldenDevice)) as client:
        yield client


@pytest.fixture(scope="module")
def begin(tmp_path_factory):
    """The body that begins a session with a small skeleton and its gate; and what golden needs."""
    folder, rng = tmp_path_factory.mktemp("small"), np.random.default_rng(0)
    skeleton, gate = calibrated(SPEC, rng), network(SPEC, rng)
    text = skeleton.save(folder).read_bytes()
    data = gate.save(folder / "gate.safetensors").read_bytes()
    return struct.pack("<I", len(text)) + text + data, skeleton, gate


class Golden:
    """What golden makes of the same calls, as the service answers."""

    def __init__(self, skeleton, gate):
        self.device, self.gate, self.step = GoldenDevice((skeleton,)), gate, 0

    def answer(self):
        state, image = self.device.read_states(), self.device.read_images()
        return struct.pack("<I", self.step) + state.tobytes() + image.tobytes()

    def load(self, image):
        self.device.load_images(image[None])
        self.step = 0
        return self.answer()

    def advance(self, gated=True):
        run(self.device, self.gate if gated else None, 1)
        self.step += 1
        return self.answer()


def images(count):
    return np.random.default_rng(1).integers(0, 256, (count, 4, 4), np.uint8)


def test_the_page_has_the_devices_name(client):
    status, page, headers = client("GET", "/")
    assert status == 200 and MARK.replace('""', '"golden"').encode() in page
    assert headers["content-security-policy"].startswith("default-src 'self'")
    with serving(None, "") as alone:
        assert MARK.encode() in alone("GET", "/index.html")[1]
        assert alone("POST", "/device", b"")[0] == 405


@pytest.mark.parametrize("name", ["digits/skeleton.json", "digits-memory/gate.safetensors"])
def test_shipped_skeletons_are_served(client, name):
    assert client("GET", f"/skeletons/{name}")[1] == (SHIPPED / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/skeletons/digits/float.safetensors",
        "/skeletons/../skeleton.py",
        "/skeletons/%2e%2e/skeleton.py",
        "/skeletons/",
        "/../service.py",
        "/%2e%2e/service.py",
        "/nothing",
    ],
)
def test_nothing_else_is_served(client, path):
    client.refuses(404, "Not Found", "GET", path)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_refused(client, host):
    client.refuses(403, "Host must be 127.0.0.1 or localhost", "GET", "/", Host=host)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"]
)
def test_another_origin_is_refused(client, begin, origin):
    client.refuses(
        403, "Origin must be this page's own", "POST", "/device", begin[0], Origin=origin
    )


def test_its_own_origin_is_taken(client, begin):
    origin = f"http://localhost:{client.port}"
    host = f"localhost:{client.port}"
    assert client("POST", "/device", begin[0], Origin=origin, Host=host)[0] == 200


def test_a_session_is_goldens_code_for_code(client, begin):
    body, *own = begin
    golden, (image,) = Golden(*own), images(1)
    session = client.session(body)
    assert client("POST", f"/device/{session}/load", image.tobytes())[1] == golden.load(image)
    for gated in (1, 1, 0, 1):
        found = client("POST", f"/device/{session}/step?gated={gated}")[1]
        assert found == golden.advance(bool(gated))
    cells = np.arange(SPEC.cells)[None] % 3 == 0
    golden.device.zero_cells(cells)
    bits = np.packbits(cells[0], bitorder="little").tobytes()
    assert client("POST", f"/device/{session}/wipe", bits)[1] == golden.answer()
    state = golden.device.read_states()
    golden.device.load_states(state, 41)
    golden.step = 41
    found = client("POST", f"/device/{session}/state?step=41", state.tobytes())[1]
    assert found == golden.answer()
    assert client("POST", f"/device/{session}/step?gated=1")[1] == golden.advance()


def test_two_pages_at_once_do_not_disturb_each_other(client, begin):
    body, *own = begin
    pair = [(client.session(body), Golden(*own)) for _ in range(2)]
    for (session, golden), image in zip(pair, images(2), strict=True):
        assert client("POST", f"/device/{session}/load", image.tobytes())[1] == golden.load(image)
    for _ in range(3):
        for session, golden in pair:
            assert client("POST", f"/device/{session}/step")[1] == golden.advance()


def test_many_at_once_are_answered_in_turn(client, begin):
    body, *own = begin
    golden, (image,) = Golden(*own), images(1)
    golden.load(image)
    wanted = [golden.advance() for _ in range(4)][-1]
    found = []

    def work():
        session = client.session(body)
        client("POST", f"/device/{session}/load", image.tobytes())
        found.append([client("POST", f"/device/{session}/step")[1] for _ in range(4)][-1])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


def test_pages_beyond_the_most_are_forgotten(client, begin):
    first, *rest = (client.session(begin[0]) for _ in range(MOST_SESSIONS + 1))
    client.refuses(404, "session is not known", "POST", f"/device/{first}/step")
    assert client("POST", f"/device/{rest[0]}/step")[0] == 200


def bodies(whole):
    """Bodies that begin no session, and what must be said of them."""
    size = struct.unpack("<I", whole[:4])[0]
    text, gate = whole[4 : 4 + size], whole[4 + size :]

    def body(text, gate=b""):
        return struct.pack("<I", len(text)) + text + gate

    yield b"", "must be a length, a skeleton and a gate"
    yield b"\xff" * 9, "must be a length, a skeleton and a gate"
    yield body(b"{'"), "The skeleton must be JSON"
    yield body(b"\xff"), "The skeleton must be JSON"
    yield body(b"[" * 100_000), "The skeleton must be JSON"
    yield body(b"[]"), "skeleton must be an object with the keys"
    yield body(text.replace(b'"channels": 4', b'"channels": 5')), "must be a list of 5"
    yield body(text, gate[:100]), "gate.safetensors must be a readable safetensors file"
    yield body(text, (SHIPPED / "digits/gate.safetensors").read_bytes()), "must map 48 codes to 12"


def test_a_session_that_makes_no_sense_is_one_line(client, begin):
    for body, told in bodies(begin[0]):
        client.refuses(400, told, "POST", "/device", body)


def test_calls_that_make_no_sense_are_one_line(client, begin):
    way = f"/device/{client.session(begin[0])}"
    client.refuses(400, "must have 16 bytes, not 3", "POST", f"{way}/load", b"abc")
    client.refuses(400, "must have 6 bytes, not 0", "POST", f"{way}/wipe", b"")
    for step in ("", "?step=x", "?step=-1", "?step=9999999999"):
        text = "integer from 0" if "999" in step else "step must be an integer"
        client.refuses(400, text, "POST", f"{way}/state{step}", bytes(4 * SPEC.cells))
    client.refuses(405, "Method Not Allowed", "POST", f"{way}/leave")
    client.refuses(404, "Not Found", "GET", f"{way}/step")


def test_a_body_that_is_too_large_is_refused_while_it_comes(client, begin):
    way = f"/device/{client.session(begin[0])}"
    client.refuses(413, "must have at most 0 bytes", "POST", f"{way}/step", b"a")
    parts = (bytes(1 << 16) for _ in range((LARGEST_BEGIN >> 16) + 1))  # sent without a length
    client.refuses(413, f"at most {LARGEST_BEGIN:,} bytes", "POST", "/device", parts)


class Loose(GoldenDevice):
    """A device whose plug is pulled now and then."""

    pulled, opened, closed = False, 0, 0

    def __init__(self, skeletons):
        if Loose.pulled:
            raise InputError("the port must be free")
        super().__init__(skeletons)
        Loose.opened += 1

    def read_states(self):
        if Loose.pulled:
            raise InputError("the port went away: no such device")
        return super().read_states()

    def close(self):
        Loose.closed += 1


def test_a_board_that_is_unplugged_goes_on_where_it_was(begin):
    body, *own = begin
    golden, (image,) = Golden(*own), images(1)
    bench = Bench(Loose)
    with serving(bench, "serial:/dev/none") as client:
        session = client.session(body)
        way = f"/device/{session}"
        assert client("POST", f"{way}/load", image.tobytes())[1] == golden.load(image)
        assert client("POST", f"{way}/step")[1] == golden.advance()
        Loose.pulled = True
        client.refuses(400, "the port went away", "POST", f"{way}/step")
        client.refuses(400, "the port must be free", "POST", f"{way}/step")
        client.refuses(400, "the port must be free", "POST", "/device", body)
        Loose.pulled = False
        assert client("POST", f"{way}/step")[1] == golden.advance()
    bench.close()
    assert (Loose.opened, Loose.closed) == (2, 2)


def test_what_a_device_raises_of_its_own_is_one_line(begin):
    class Broken(GoldenDevice):
        def load_images(self, images):
            raise KeyError("a\nb")

    with serving(Bench(Broken)) as client:
        way = f"/device/{client.session(begin[0])}"
        client.refuses(500, "KeyError", "POST", f"{way}/load", bytes(16))


def test_a_gate_that_differs_in_place_alone_is_another_automaton(client):
    """Their digests are equal: it is of the rule's numbers alone."""
    skeleton = Skeleton.load(SHIPPED / "digits")
    gate = (SHIPPED / "digits" / "gate.safetensors").read_bytes()
    image = np.random.default_rng(3).integers(0, 256, (28, 28), np.uint8)
    for start in (1, 2):
        values = skeleton.to_json()
        values["spec"]["gate"]["start"] = start
        text = json.dumps(values).encode()
        own = Skeleton.from_json(values)
        golden = Golden(own, GateNetwork.load(SHIPPED / "digits" / "gate.safetensors"))
        session = client.session(struct.pack("<I", len(text)) + text + gate)
        way = f"/device/{session}"
        assert client("POST", f"{way}/load", image.tobytes())[1] == golden.load(image)
        assert client("POST", f"{way}/step")[1] == golden.advance()


def test_a_port_that_is_taken_is_one_line(thalweg):
    with listen(0) as listener:
        port = listener.getsockname()[1]
        code, out, err = thalweg("play", "--port", port)
    assert (code, out) == (2, "")
    assert err == f"thalweg: --port must be free: {port}: Address already in use\n"


def test_misuse_is_one_line(fails, tmp_path):
    told = "--device must be golden, simulated or serial:PORT, not 'chip'"
    fails(told, "play", "--device", "chip")
    told = "--output and --device must not be given together"
    fails(told, "play", "--device", "golden", "--output", tmp_path / "site")
    told = f"--output must name a folder that is not there yet, not {str(tmp_path)!r}"
    fails(told, "play", "--output", tmp_path)


def test_the_site_is_all_that_a_web_server_needs(thalweg, tmp_path):
    site = tmp_path / "sites" / "page"
    assert thalweg("play", "--output", site) == (0, f"wrote {site}\n", "")
    assert (site / "index.html").is_file()
    names = {path.relative_to(SHIPPED).as_posix() for path in SHIPPED.glob("*/*")}
    wanted = {name for name in names if name.endswith(".safetensors") and "float" not in name}
    wanted |= {name for name in names if name.endswith("/skeleton.json")}
    found = site / "skeletons"
    assert {path.relative_to(found).as_posix() for path in found.glob("*/*")} == wanted
    assert not any(path.is_symlink() for path in site.rglob("*"))
    assert [path.name for path in site.parent.iterdir()] == ["page"]


def test_a_site_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be"):
        write_site(tmp_path / "file" / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
