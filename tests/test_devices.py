"""The suite of every device, on golden."""

import pytest

from golden.device import GoldenDevice
from tests.device_suite import DeviceSuite, skeletons


class TestGolden(DeviceSuite):
    @pytest.fixture
    def device(self):
        return GoldenDevice(skeletons(), contexts=2)
