import numpy as np
from PIL import Image

from sw.report.pictures import restoration_sheet, sheet, steps_to_show
from sw.restore.png import write_png


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 4), np.uint8)


def test_sheet_is_pixel_crisp():
    columns = {"a": images(2), "b": images(2, 1)}
    got = sheet(columns, scale=3)
    assert got.dtype == np.uint8
    assert got.shape == (27 + 2 * 19 - 4 + 10, 10 + 2 * 16 - 4 + 10)
    for column, pictures in enumerate(columns.values()):
        for row, image in enumerate(pictures):
            top, left = 27 + 19 * row, 10 + 16 * column
            enlarged = got[top : top + 15, left : left + 12]
            np.testing.assert_array_equal(enlarged, np.kron(image, np.ones((3, 3), np.uint8)))
    assert (got[: 27 - 4] < 200).any()  # headings


def test_restoration_sheet_has_a_column_for_each_stage():
    frames, restored = {3: images(2), 4: images(2)}, images(2)
    bare = restoration_sheet(frames, restored)
    whole = restoration_sheet(frames, restored, original=images(2), damaged=images(2))
    given = restoration_sheet(frames, restored, damaged=images(2))
    assert [picture.shape[1] for picture in (bare, given, whole)] == [64, 80, 96]


def test_the_stages_stand_in_their_order():
    stages = [images(2, seed) for seed in range(5)]
    given, damaged, one, two, restored = stages
    picture = restoration_sheet({3: one, 4: two}, restored, original=given, damaged=damaged)
    for column, wanted in enumerate(stages):
        for row, image in enumerate(wanted):
            top, left = 27 + 19 * row, 10 + 16 * column
            np.testing.assert_array_equal(
                picture[top : top + 15, left : left + 12], np.kron(image, np.ones((3, 3), np.uint8))
            )
    wider = restoration_sheet({}, restored, scale=2)
    assert wider.shape == (27 + 2 * 14 - 4 + 10, 10 + 12 - 4 + 10)


def test_many_steps_show_some_of_theirs():
    assert steps_to_show(range(1, 10)) == list(range(1, 10))
    assert steps_to_show(range(0, 10)) == list(range(10))
    assert steps_to_show(range(1, 1)) == []
    assert steps_to_show(range(1, 201)) == [1, 2, 3, 6, 11, 19, 34, 62, 111, 200]
    for steps in range(11, 300):
        shown = steps_to_show(range(steps))
        assert shown == sorted(set(shown)) and shown[0] == 0 and shown[-1] == steps - 1


def test_png_round_trip(tmp_path):
    picture = images(1)[0]
    write_png(tmp_path / "x.png", picture)
    with Image.open(tmp_path / "x.png") as read:
        np.testing.assert_array_equal(np.asarray(read), picture)


def test_each_stage_has_its_own_heading(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "sw.report.pictures.sheet", lambda columns, scale: seen.append((columns, scale))
    )
    frames, restored, original, damaged = {3: "three", 5: "five"}, "r", "o", "d"
    restoration_sheet(frames, restored, original=original, damaged=damaged, scale=2)
    restoration_sheet(frames, restored, damaged=damaged)
    restoration_sheet(frames, restored)
    bare = {"step 3": "three", "step 5": "five", "restored": "r"}
    assert seen == [
        ({"original": "o", "damaged": "d"} | bare, 2),
        ({"given": "d"} | bare, 3),
        (bare, 3),
    ]


def test_headings_are_dark_on_light_paper():
    got = sheet({"a": images(1)})
    assert got[0, 0] == got[-1, -1] == 244 and got[:23].min() < 100
    assert (got[:23] > 200).mean() > 0.8
