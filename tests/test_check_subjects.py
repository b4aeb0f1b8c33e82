"""The skeletons that a device is checked with, as they are read."""

import pytest

from golden.errors import InputError
from sw.check.target import digest_in, load_subjects
from tests.device_suite import skeletons


def test_shipped_skeletons_come_with_what_was_recorded(folder, tmp_path):
    shipped = load_subjects(None)
    assert [each.skeleton.name for each in shipped] == [
        "digits",
        "digits-ca",
        "digits-hold",
        "digits-memory",
        "digits-mend",
        "digits-swift",
        "letters",
    ]
    assert all(each.recorded == each.skeleton.digest for each in shipped)
    (own,) = load_subjects([str(folder)])
    assert own.network is not None and own.recorded is None
    skeletons()[0].save(tmp_path / "bare")
    (bare,) = load_subjects([str(tmp_path / "bare")])
    assert bare.network is None and bare.skeleton.spec.gate is not None


@pytest.mark.parametrize("values", [[], {}, {"skeleton": 3}])
def test_a_provenance_without_digest_is_refused(values):
    with pytest.raises(InputError, match=r"^x must have the digest of its skeleton$"):
        digest_in(values, "x")
