import os
import re

import numpy as np
import pytest
import torch

from golden.errors import InputError
from sw.data.load import Digits, load, show_digits
from sw.judge.referee import WEIGHTS, Referee, read_record
from sw.judge.referee.train import train


def test_reads_show_digits():
    images, labels = show_digits()
    read, confidence = Referee.load().read(images)
    assert read.dtype == np.int64 and confidence.dtype == np.float32
    assert np.mean(read == labels) >= 0.985
    assert confidence.min() > 0.1 and confidence.max() <= 1


def test_confidence_is_the_share_of_the_likeliest_digit():
    class Known(torch.nn.Module):
        def forward(self, images):
            return torch.log(torch.tensor([[1.0, 6.0, 3.0] + [1e-9] * 7])).expand(len(images), 10)

    labels, confidences = Referee(Known()).read(np.zeros((3, 28, 28), np.uint8))
    assert labels.tolist() == [1, 1, 1]
    assert confidences.tolist() == pytest.approx([0.6] * 3)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_every_image_is_read_however_many_fill_a_batch(monkeypatch, count):
    class Corner(torch.nn.Module):
        def forward(self, images):
            assert 1 <= len(images) <= 2
            digits = (255 * images[:, 0, 0, 0]).round().long()
            return 2.0 * torch.nn.functional.one_hot(digits, 10)

    monkeypatch.setattr("sw.judge.referee.BATCH", 2)
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0] = wanted = [7, 3, 9, 1, 4][:count]
    labels, confidences = Referee(Corner()).read(images)
    assert labels.tolist() == wanted
    assert confidences.tolist() == pytest.approx([np.e**2 / (np.e**2 + 9)] * count)


def test_reads_99_percent_of_clean_test_digits():
    record = read_record()
    assert record["test_right"] >= 0.99 * record["test_digits"] == 9900


@pytest.mark.skipif("THALWEG_DATA" not in os.environ, reason="$THALWEG_DATA names no MNIST folder")
def test_reads_what_is_on_record():
    digits = load()
    read, _ = Referee.load().read(digits.test_images)
    # Other processors sum in another order: a digit on the edge may fall to the other side.
    assert np.sum(read == digits.test_labels) == pytest.approx(read_record()["test_right"], abs=2)
    assert digits.digest == read_record()["data_digest"]


def test_rejects_other_weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(WEIGHTS.read_bytes() + b" ")
    wanted = read_record()["sha256"][:12]
    text = rf"^{re.escape(str(path))} must have the SHA-256 {wanted}…, not \w{{12}}…$"
    with pytest.raises(InputError, match=text):
        Referee.load(path)
    path.unlink()
    with pytest.raises(
        InputError, match=f"^{path} must be a readable file: No such file or directory$"
    ):
        Referee.load(path)


def test_training_is_deterministic_and_writes_a_referee_that_loads(tmp_path):
    images, labels = show_digits()
    digits = Digits(images[:128], labels[:128], images[128:228], labels[128:228], "show digits")
    records = [train(digits, tmp_path / name) for name in ("a", "b")]
    assert records[0] == records[1]
    loaded = Referee.load(tmp_path / "a/weights.safetensors", tmp_path / "a/provenance.json")
    assert np.sum(loaded.read(images[128:228])[0] == labels[128:228]) == records[0]["test_right"]


def test_training_needs_test_digits(tmp_path):
    images, labels = show_digits()
    with pytest.raises(
        InputError, match=r"^The referee must be trained on all of MNIST; --data names its folder$"
    ):
        train(Digits(images, labels, None, None, "show digits"), tmp_path)
