"""The page in a real browser: what a person does, and that it is golden's, code for code."""

import io
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from golden.device import GoldenDevice, run
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.play.bench import Bench
from tests.browser import (
    link_has,
    needs_browser,
    settled,
    step_of,
    text_has,
    text_is,
    until,
    visit,
    wait_for_step,
)
from tests.played_link import PlayedChip
from tests.served import serving

pytestmark = needs_browser

CALM = {"reduced_motion": "reduce"}  # so that nothing runs until it is told to
MEMORY = SHIPPED / "digits-memory"


class Loose(GoldenDevice):
    """A device whose plug can be pulled."""

    pulled = False

    def read_states(self):
        if Loose.pulled:
            raise InputError("the port went away")
        return super().read_states()


@pytest.fixture(scope="module")
def behind():
    """The address of a page with a device behind it."""
    with serving(Bench(Loose), "golden") as client:
        yield f"http://127.0.0.1:{client.port}/"


def golden_run(skeleton, gate, image, steps):
    """SHA-256 of golden's lattice after a run."""
    device = GoldenDevice((Skeleton.load(skeleton),))
    device.load_images(image[None])
    run(device, gate and GateNetwork.load(gate), steps)
    return sha256(device.read_states().tobytes()).hexdigest()


def shown(index, share=0.7):
    """A show digit, blanked as the protocol does."""
    return blank(show_digits()[0][index : index + 1], [index], share)[0]


def press(page, name, times=1):
    for _ in range(times):
        page.click(name)
        settled(page)


def test_it_runs_by_itself_and_restores_as_golden_does(browser, address):
    with visit(browser, address) as page:
        wait_for_step(page, 10)
        page.click("#run")
        settled(page)
        step = step_of(page)
        assert page.inner_text("#run") == "Run"
        assert page.inner_text("#sha") == golden_run(
            MEMORY, MEMORY / "gate.safetensors", shown(23), step
        )
        assert page.inner_text("#told").startswith("The referee reads 3")
        assert page.inner_text("#digest") == Skeleton.load(MEMORY).digest
        page.wait_for_timeout(200)
        assert step_of(page) == step


def test_it_keeps_still_where_motion_is_to_be_reduced(browser, address):
    with visit(browser, address, **CALM) as page:
        page.wait_for_timeout(400)
        assert step_of(page) == 0 and page.inner_text("#moved") == "–"


@pytest.mark.parametrize(("mode", "gate"), [("on", True), ("off", False)])
def test_a_permalink_gives_its_scene_step_by_step_and_back(browser, address, mode, gate):
    link = f"#skeleton=digits&gate=gate&mode={mode}&digit=58&damage=blank-70-58"
    file = SHIPPED / "digits" / "gate.safetensors" if gate else None
    with visit(browser, address, link, **CALM) as page:
        assert page.is_checked('[name="digit"][value="58"]')
        assert page.evaluate("location.hash") == link
        seen = [page.inner_text("#sha")]
        for _ in range(3):
            press(page, "#once")
            seen.append(page.inner_text("#sha"))
        wanted = [golden_run(SHIPPED / "digits", file, shown(58), step) for step in range(4)]
        assert seen == wanted
        press(page, "#back", 2)
        assert (step_of(page), page.inner_text("#sha")) == (1, wanted[1])
        press(page, "#restart")
        assert page.inner_text("#sha") == wanted[0]
        assert page.is_disabled("#back")


def test_side_by_side_runs_with_the_gate_and_without(browser, address):
    link = "#skeleton=digits-memory&gate=gate&mode=both&digit=58&damage=blank-70-58"
    with visit(browser, address, link, **CALM) as page:
        press(page, "#once", 5)
        told = page.inner_text("#told")
        assert told.startswith("With the gate: the referee reads") and "The rule alone: " in told
        assert page.is_visible("#other")
        pixels = "id => document.getElementById(id).toDataURL()"
        assert page.evaluate(pixels, "lattice") != page.evaluate(pixels, "other")
        page.check('[name="mode"][value="off"]', force=True)
        settled(page)
        assert page.is_hidden("#other") and step_of(page) == 0


def test_drawing_with_pointer_and_keyboard_goes_into_the_link(browser, address):
    with visit(browser, address, **CALM) as page:
        page.click("#clear")
        box = page.locator("#pad").bounding_box()
        x, y, side = box["x"], box["y"], box["width"]
        page.mouse.move(x + side * 0.5, y + side * 0.15)
        page.mouse.down()
        page.mouse.move(x + side * 0.5, y + side * 0.85, steps=6)
        page.mouse.up()
        settled(page)
        image = page.evaluate(
            "import('./scene/scene.js').then((m) => [...m.fromHash(location.hash).source.drawing])"
        )
        drawn = np.array(image, np.uint8).reshape(28, 28)
        assert drawn[5:23, 13:15].min() > 150 and drawn[:, :11].max() == 0
        page.focus("#pad")
        for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Space", "Shift+ArrowLeft"):
            page.keyboard.press(key)
        settled(page)
        link = page.evaluate("location.hash")
        state = page.inner_text("#sha")
        press(page, "#once", 4)
        assert page.inner_text("#read").startswith("1") or page.inner_text("#read") != "–"
        page.check('[name="tool"][value="rub"]', force=True)
        page.focus("#pad")
        page.keyboard.press("Space")
        settled(page)
        assert page.evaluate("location.hash") != link and step_of(page) == 0
        page.goto(address + link)
        page.reload()
        text_is(page, "sha", state)


def test_damage_is_done_undone_and_restored(browser, address):
    link = "#skeleton=digits-memory&gate=gate&mode=on&digit=12"
    with visit(browser, address, link, **CALM) as page:
        whole = page.inner_text("#sha")
        page.fill("#seed", "12")
        seen = {whole}
        for kind in ("blank", "holes", "noise"):
            page.click(f'[data-damage="{kind}"]')
            settled(page)
            seen.add(page.inner_text("#sha"))
            if kind == "blank":
                gate = MEMORY / "gate.safetensors"
                assert page.inner_text("#sha") == golden_run(MEMORY, gate, shown(12), 0)
        assert len(seen) == 4
        hash = page.evaluate("location.hash")
        assert hash.endswith("damage=blank-70-12.holes-3-13.noise-60-14")
        press(page, "#undo")
        assert page.inner_text("#sha") == whole and page.is_disabled("#undo")


def test_wiped_cells_in_mid_run_come_back(browser, address):
    link = "#skeleton=digits-memory&gate=gate&mode=on&digit=23&damage=blank-70-23"
    with visit(browser, address, link, **CALM) as page:
        press(page, "#run")
        wait_for_step(page, 15)
        box = page.locator("#lattice").bounding_box()
        x, y, side = box["x"], box["y"], box["width"]
        page.mouse.move(x + side * 0.4, y + side * 0.4)
        page.mouse.down()
        page.mouse.move(x + side * 0.6, y + side * 0.6, steps=5)
        page.mouse.up()
        settled(page)
        wiped = step_of(page)
        wait_for_step(page, wiped + 15)
        press(page, "#run")
        assert page.inner_text("#read").startswith("3")
        page.focus("#lattice")
        before = page.inner_text("#sha")
        page.keyboard.press("Space")
        until(page, "sha => document.getElementById('sha').textContent !== sha", before)
        press(page, "#back")
        assert page.inner_text("#sha") == before


def test_noise_falls_too(browser, address):
    with visit(browser, address, **CALM) as page:
        page.fill("#seed", "5")
        press(page, "#start-noise")
        assert "noise=5" in page.evaluate("location.hash") and step_of(page) == 0
        press(page, "#once", 2)
        assert "of 16,384 codes" in page.inner_text("#moved")


def test_it_comes_to_rest_and_says_since_when(browser, address, tmp_path):
    skeleton = calibrated(Spec(height=8, width=8, image=4, channels=2, multiplier=1),
                          np.random.default_rng(0))  # fmt: skip
    skeleton.update.weight[:] = 0
    skeleton.update.bias[:] = 0
    path = skeleton.save(tmp_path)
    with visit(browser, address, **CALM) as page:
        page.set_input_files("#file", path)
        text_is(page, "digest", skeleton.digest)
        settled(page)
        press(page, "#once")
        assert page.inner_text("#rest") == "at rest since step 0"
        assert page.locator(".channel").count() == 2
        assert page.is_disabled('[name="mode"][value="on"]')


def test_own_files_run_and_what_is_none_is_one_line(browser, address, tmp_path):
    (tmp_path / "none.json").write_text('{"format": 1}')
    (tmp_path / "none.safetensors").write_bytes(b"12345678{")
    (tmp_path / "none.png").write_bytes(b"none")
    other = SHIPPED / "digits" / "gate.safetensors"
    with visit(browser, address, **CALM) as page:
        digest, sha = page.inner_text("#digest"), page.inner_text("#sha")
        for path, told in (
            (tmp_path / "none.json", "skeleton must have the key 'version'"),
            (tmp_path / "none.safetensors", "A gate must be a readable safetensors file"),
            (other, "The gate was trained with the skeleton"),
            (tmp_path / "none.png", "none.png is no picture that this browser reads"),
        ):
            page.set_input_files("#file", path)
            text_has(page, "notice", told)
            assert "\n" not in page.inner_text("#notice")
            settled(page)
        press(page, "#restart")
        assert (page.inner_text("#digest"), page.inner_text("#sha")) == (digest, sha)
        page.set_input_files("#file", [SHIPPED / "digits" / "skeleton.json", other])
        digest = Skeleton.load(SHIPPED / "digits").digest
        text_is(page, "digest", digest)
        settled(page)
        press(page, "#once")
        assert page.is_hidden("#notice")
        assert page.inner_text("#sha") == golden_run(SHIPPED / "digits", other, shown(23), 1)


def test_a_picture_becomes_a_drawing(browser, address):
    file = io.BytesIO()
    image = np.full((28, 28), 255, np.uint8)
    image[4:24, 12:16] = 0
    Image.fromarray(image).save(file, "PNG")
    with visit(browser, address, "#digit=1", **CALM) as page:
        page.set_input_files("#picture", {"name": "one.png", "mimeType": "image/png",
                                          "buffer": file.getvalue()})  # fmt: skip
        link_has(page, "drawing=")
        settled(page)
        assert page.inner_text("#sha") == golden_run(
            MEMORY, MEMORY / "gate.safetensors", 255 - image, 0
        )


def test_letters_have_gates_of_their_own(browser, address):
    gate = "gate-letters-upper-stored"
    with visit(browser, address, **CALM) as page:
        page.select_option("#gate", gate)
        link_has(page, gate)
        settled(page)
        press(page, "#once", 5)
        want = golden_run(MEMORY, MEMORY / f"{gate}.safetensors", shown(23), 5)
        assert page.inner_text("#sha") == want


def test_every_view_can_be_chosen(browser, address):
    with visit(browser, address, **CALM) as page:
        press(page, "#once", 5)
        seen = set()
        for view in ("shown", "plane", "delta", "0", "15"):
            page.check(f'[name="view"][value="{view}"]', force=True)
            settled(page)
            seen.add(page.evaluate("document.getElementById('lattice').toDataURL()"))
        assert len(seen) == 4, "the plane of this skeleton is channel 0 before its delta"


def test_a_device_behind_it_is_compared_code_for_code(browser, behind):
    refused = "Failed to load resource"
    with visit(browser, behind, expected=refused, **CALM) as page:
        text_is(page, "device", "golden")
        settled(page)
        press(page, "#once", 4)
        codes = 5 * (16 * 32 * 32 + 28 * 28)
        assert page.inner_text("#compared") == f"equal, {codes:,} codes"
        assert page.inner_text("#device-sha") == page.inner_text("#sha")
        page.focus("#lattice")
        page.keyboard.press("Space")
        page.wait_for_timeout(100)
        settled(page)
        press(page, "#once")
        press(page, "#back")
        assert page.inner_text("#compared").startswith("equal, ")
        Loose.pulled = True
        page.click("#once")
        text_has(page, "notice", "went away")
        assert "lost" in page.inner_text("#compared")
        Loose.pulled = False
        press(page, "#once")
        assert page.inner_text("#compared").startswith("equal, ")
        assert page.inner_text("#device-sha") == page.inner_text("#sha")


def test_a_device_that_differs_is_told_of(browser):
    class Wrong(GoldenDevice):
        def read_states(self):
            states = super().read_states()
            states[0, 3, 2, 1] ^= self._step == 2
            return states

    with serving(Bench(Wrong), "golden") as client:
        with visit(browser, f"http://127.0.0.1:{client.port}/", **CALM) as page:
            press(page, "#once", 3)
            told = page.inner_text("#compared")
            assert told.startswith("differs at step 2: channel 3, cell (2, 1) is")


SERIAL = """
  navigator.serial.requestPort = async () => {
    let push;
    return {
      open: async () => {},
      close: async () => {},
      readable: new ReadableStream({ start: (controller) => (push = controller) }),
      writable: new WritableStream({
        write: async (bytes) => {
          const answer = await window.boardHears([...bytes]);
          if (answer.length) push.enqueue(Uint8Array.from(answer));
        },
      }),
    };
  };
"""


def test_a_board_is_spoken_to_by_the_page_itself(browser, address):
    chip = PlayedChip((None, Skeleton.load(MEMORY)))

    def hear(data):
        chip.write(bytes(data))
        return list(chip.read())

    with visit(browser, address, script=SERIAL, **CALM) as page:
        page.expose_function("boardHears", hear)
        press(page, "#connect")
        text_is(page, "device", "the board")
        press(page, "#restart")
        press(page, "#once", 5)
        codes = 6 * (16 * 32 * 32 + 28 * 28)
        assert page.inner_text("#compared") == f"equal, {codes:,} codes"
        assert page.inner_text("#device-sha") == page.inner_text("#sha")
        press(page, "#leave")
        press(page, "#once")
        assert page.inner_text("#device").startswith("none")
