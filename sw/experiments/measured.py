"""Tables of README and docs from measured JSON: summary, rates, engine, boards, referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from golden.files import ROOT, read_json
from golden.skeleton import PROVENANCE_FILE, SHIPPED
from golden.spec import Spec
from sw.judge.referee import FIRST, read_record
from sw.judge.referee.second import SECOND
from sw.report.docs import table
from sw.train.speed import BATCH

__all__ = ["clocks_of_seeds", "measured_parts"]

SPEED = ROOT / "docs" / "speed.json"
FORMS = ROOT / "hw" / "boards" / "compact.json"
AREA = ("lut", "ff", "dsp", "bram")

SIZED_AS = "hybrid, int8 (golden)"
SUMMARY = {
    "blanked input": "the input, 70 % blanked",
    "auto-encoder": "auto-encoder, float",
    "CA only, int8 (golden)": "`digits-ca`: the rule alone, int8",
    SIZED_AS: "**`digits`: rule and gate, int8**",
    "U-Net": "U-Net, float: upper reference",
}
"""Rows of the comparison that README shows, with their names there."""

BESIDE = {
    "digits-swift": "its gate opens once",
    "digits-memory": "restores, then holds",
    "digits-mend": "mends where cells are lost, in twelve steps",
    "digits-hold": "holds what `digits-mend` restored",
}
"""Skeletons of the same size that are measured when they are trained, and what they are."""


def measured_parts() -> dict[str, str]:
    """Return the parts from the comparison, the benchmark, the referee and the boards' reports."""
    speed = read_json(SPEED)
    return {
        "summary": summary(),
        "speed": rates(speed),
        "peers": peers(speed.get("peers")),
        "training": training(speed.get("training")),
        "engine": engine(speed["engine"]),
        "throughput": throughput(speed["gated"]),
        "forms": forms(read_json(FORMS)["travels"]),
        "referee": referee(),
        "boards": boards(),
        "limits": limits(),
    }


def summary() -> str:
    """Return the summary: our restorers and others on the same digits."""
    measured = {row["name"]: row for row in read_json(ROOT / "docs" / "results.json")}
    rows = [summary_row(name, measured[found]) for found, name in SUMMARY.items()]
    for name, what in BESIDE.items():
        record = read_json(SHIPPED / name / PROVENANCE_FILE)["results"]["restored"]
        row = measured[SIZED_AS] | record | {"claim": None}
        rows.insert(-1, summary_row(f"`{name}`: {what}, int8", row))
    headings = ("restorer", "mean PSNR", "read right", "parameters", "the source idea claims")
    return table(headings, rows)


def summary_row(name: str, row: Mapping[str, Any]) -> list[str]:
    """Return a row of the summary."""
    claim = row["claim"]
    return [
        name,
        f"{row['psnr_mean']:.2f} dB",
        f"{row['digit_id']:.2f} %",
        f"{row['parameters']:,}",
        "" if claim is None else f"{claim['psnr']} dB, {claim['digit_id']} %",
    ]


def rates(speed: Mapping[str, Any]) -> str:
    """Return the speed of golden, gate and simulations on the machine of the benchmark."""
    rows = [
        ("golden, whole gated digits", f"{speed['golden_digits_per_second']:,.0f} a second"),
        ("gate alone, planes", f"{speed['gate_planes_per_second']:,.0f} a second"),
        ("simulated chip", f"{speed['simulated_clocks_per_second'] / 1e6:.2f} M clocks a second"),
        ("cocotb bench", f"{speed['cocotb_clocks_per_second'] / 1e6:.3f} M clocks a second"),
        ("speed-up of the simulated chip over cocotb", f"{speed['simulated_to_cocotb']:.1f} x"),
    ]
    return table((f"on {speed['cores']} cores", "measured by `make bench`"), rows)


def peers(measured: Mapping[str, Any] | None) -> str:
    """Return golden's speed beside its peers'; an empty text if it was not measured."""
    if measured is None:
        return ""
    threads = measured["threads"]
    names = list(dict.fromkeys(name for rates in threads.values() for name in rates))
    rows = [
        [name, *(f"{rates[name]:,.0f}" if name in rates else "" for rates in threads.values())]
        for name in names
    ]
    headings = [f"{count} thread{'' if count == '1' else 's'}" for count in threads]
    return table((f"{measured['steps']} ungated steps, digits a second", *headings), rows)


def training(speed: Mapping[str, float] | None) -> str:
    """Return the speed of training; an empty text if it was not measured."""
    if speed is None:
        return ""
    step = f"{Spec().steps} steps of the rule, batch of {BATCH}"
    batch = f"whole hybrid batch of {BATCH}"
    long = next(key for key in speed if key.startswith("hours_of_"))
    batches, size = (int(word) for word in long.split("_") if word.isdecimal())
    rows = [
        (f"{step}, `nn.Conv2d` in float", f"{speed['steps_plain_ms']:.0f} ms"),
        (f"{step}, fused, fake-quantised", f"{speed['steps_fused_ms']:.0f} ms"),
        ("speed-up", f"{speed['steps_plain_to_fused']:.1f} x"),
        (
            "rate of the fused steps, relative to a matrix product",
            f"{speed['steps_share_of_gemm']:.0%} of {speed['gemm_gflops']:.0f} GFLOP/s",
        ),
        (f"{batch}, fake-quantised, plain torch", f"{speed['batch_plain_ms']:.0f} ms"),
        (f"{batch}, fake-quantised, fused", f"{speed['batch_fused_ms']:.0f} ms"),
        ("speed-up", f"{speed['batch_plain_to_fused']:.1f} x"),
        (f"{batches:,} batches of {size} at this rate", f"{speed[long]:.1f} h"),
    ]
    beside = speed.get("batch_beside_neighbour_to_alone")
    if beside is not None:
        what = "a fused batch beside a process that keeps one core busy"
        rows.append((what, f"{beside:.1f} x the time"))
    return table(("training", "measured by `make bench`"), rows)


def engine(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the clocks of a digit for each F, from the counters of the RTL."""
    return table(
        ("F", "clocks, ungated digit", "busy slots", "clocks, two gated digits", "busy slots"),
        (
            (
                filters,
                f"{row['clocks_ungated']:,}",
                f"{row['occupancy_ungated']:.2%}",
                f"{row['clocks_gated']:,}",
                f"{row['occupancy_gated']:.2%}",
            )
            for filters, row in results.items()
        ),
    )


def throughput(gated: Mapping[str, Any]) -> str:
    """Return the shares of a gated digit's time over each link."""
    rows = []
    for row in gated["rows"]:
        shares = (f"{row[name] / row['clocks']:.1%}" for name in ("wire", "engine", "gate", "idle"))
        rows.append([
            f"`{row['skeleton']}`",
            row["link"],
            row["contexts"],
            "as measured" if row["gate_measured"] else "no time",
            f"{row['clocks']:,}",
            *shares,
            f"{row['to_chip']:,} + {row['from_chip']:,}" if row["to_chip"] else "",
            f"{row['digits_per_second']:.1f}",
        ])
    headings = ("skeleton", "link", "contexts", "time of the gate", "clocks a digit")
    more = ("wire", "engine", "gate", "none")
    return table((*headings, *more, "bytes to + from the chip", "digits a second"), rows)


def forms(travels: Sequence[Mapping[str, Any]]) -> str:
    """Return the bytes of what travels for a digit, in each form."""
    kinds = ("plain", "masked", "compact", "entropy")
    rows = [(row["what"], *(f"{row[kind]:,.0f}" for kind in kinds)) for row in travels]
    sums = (f"{sum(row[kind] for row in travels):,.0f}" for kind in kinds)
    return table(("bytes of", *kinds), [*rows, ("all", *sums)])


def reports() -> list[dict[str, Any]]:
    """Return the committed reports of the boards."""
    paths = (ROOT / "docs" / "boards").glob("*.json")
    return [read_json(path) for path in sorted(paths, key=lambda path: path.stem)]


def limits() -> str:
    """Return the slowest paths of each board, by the modules that they join."""
    rows = [
        (
            f"`{report['board']}`, {report['link']['name']}",
            f"`{group['from']}`",
            f"`{group['to']}`",
            group["paths"],
            ns,
        )
        for report in reports()
        for group in report["limits"]
        for ns in [f"{group['ns']:.2f}"]
    ]
    return table(("board, link", "from", "to", "paths", "slowest, ns"), rows)


def clocks_of_seeds(fmax: Mapping[str, float]) -> str:
    """Return the least, median and highest clock of placements that differ in their seed."""
    clocks = " / ".join(f"{fmax[name]:.0f}" for name in ("min", "median", "max"))
    return f"{clocks}, {fmax['seeds']} seeds"


def boards() -> str:
    """Return cells, clocks and rates of each board."""
    rows = []
    for report in reports():
        area = (f"{report[kind]['used']:,} of {report[kind]['available']:,}" for kind in AREA)
        rows.append([
            f"`{report['board']}`, F = {report['filters']}",
            *area,
            clocks_of_seeds(report["fmax_mhz"]),
            f"{report['clock_mhz']} MHz",
            f"{report['digits_per_second_engine']:,.0f}",
            gated_rate(report),
            f"{report['gops_per_dsp']:.3f}",
        ])
    area_of = ("LUT", "FF", "DSP", "block RAM")
    return table(
        ("board", *area_of, "Fmax in MHz", "clock", "digits a second", "gated", "GOPS a DSP"), rows
    )


def gated_rate(report: Mapping[str, Any]) -> str:
    """Return how many gated digits a link carries; an empty text without a gate."""
    rate = report.get("digits_per_second_gated")
    return f"{rate:.0f} over {report['link']['name']}" if rate else ""


def referee() -> str:
    """Return the referees' training data and their accuracy."""
    records = [read_record(kind.provenance) for kind in (FIRST, SECOND)]
    shares = [record["test_right"] / record["test_digits"] for record in records]
    rows = [
        ("trained on", *(f"{r['trained_on']:,} digits, {r['epochs']} epochs" for r in records)),
        (
            "clean test digits read right",
            *(
                f"{share:.2%} of {r['test_digits']:,}"
                for share, r in zip(shares, records, strict=True)
            ),
        ),
        ("SHA-256 of the weights", *(f"`{r['sha256'][:16]}…`" for r in records)),
        ("made by", *(f"`{r['command']}`" for r in records)),
    ]
    return table(("", "referee", "second referee"), rows)
