"""One bench in a process of its own, started by `sim.cocotb_run`.

``python -m sim.benches.cocotb_job JOB.json``.

A process of its own has the environment that the tools are to have, and is ended with all that it
has started.
"""

import json
import sys
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Verilator

__all__ = ["LeanVerilator", "main"]


class LeanVerilator(Verilator):
    """cocotb's runner, with the top's ports alone public, and paths that make can take.

    With every signal public, which is what it asks for, Verilator writes five times the code, and
    the chip runs a third as fast.

    Parameters
    ----------
    packages : tuple of str
        The folder of Python's packages as cocotb has it, and a plain path to it.
    """

    def __init__(self, packages: tuple[str, str]) -> None:
        self.packages = packages
        super().__init__()

    def _build_command(self) -> Any:
        lean = {"--public-flat-rw": ("--public-depth", "1")}
        return [
            [self.plain(part) for word in command for part in lean.get(word, (word,))]
            for command in super()._build_command()
        ]

    def _set_env_common(self) -> None:
        super()._set_env_common()
        self.env["GPI_USERS"] = self.plain(self.env["GPI_USERS"])

    def plain(self, text: str) -> str:
        """Return a text in which the folder of packages has its plain path."""
        return text.replace(*self.packages)


def main(path: str) -> None:
    """Build and run what the job says; the results file tells how the tests ended."""
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    folder = Path(job["folder"])
    runner = LeanVerilator((job["packages"][0], job["packages"][1]))
    runner.build(
        sources=job["sources"],
        hdl_toplevel=job["top"],
        build_args=job["arguments"],
        build_dir=folder,
        always=True,
        log_file=folder / "build.log",
    )
    runner.test(
        hdl_toplevel=job["top"],
        test_module=job["module"],
        extra_env=job["variables"],
        build_dir=folder,
        test_dir=folder,
        test_filter=job["tests"],
        plusargs=job["plusargs"],
        results_xml=str(folder / "results.xml"),
        log_file=folder / "bench.log",
    )


if __name__ == "__main__":
    main(sys.argv[1])
