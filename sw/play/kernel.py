"""The page's WebAssembly: the inner loops of rule and gate, with SIMD, as text.

``python -m sw.play.assets`` compiles it. `sw/play/page/engine/kernel.js` lays out the memory that
the functions read; plain JavaScript computes the same where WebAssembly or SIMD is missing.
"""

from __future__ import annotations

__all__ = ["text"]

RECORD = 36
"""Bytes of a filter: plane, bias, half a step and shift (i32 each), nine weights (i16), padding."""

CHANNEL = 20
"""Bytes of a channel: bias, shift, its mask, offsets of its codes before and after (i32 each)."""

BLOCK = 4
"""Channels that are summed side by side."""


def get(name: str) -> str:
    """Return the value of a local."""
    return f"(local.get ${name})"


def number(record: str, place: int) -> str:
    """Return the i32 number ``place`` of a record."""
    return f"(i32.load offset={4 * place} {get(record)})"


def loop(counter: str, end: str, step: int, body: str) -> str:
    """Return a loop over a counter from 0 to below ``end``, which is more than 0."""
    return f"""
    (local.set ${counter} (i32.const 0))
    (loop ${counter}_loop
      {body}
      (local.set ${counter} (i32.add {get(counter)} (i32.const {step})))
      (br_if ${counter}_loop (i32.lt_s {get(counter)} {end})))"""


def perceive_filter(low: str, high: str) -> str:
    """Return the hidden codes of eight cells for the filter at ``record``, in two vectors."""
    lines = [
        f"(local.set $row0 (i32.add (i32.add {number('record', 0)} {get('row')}) {get('x')}))",
        f"(local.set $row1 (i32.add {get('row0')} {get('stride')}))",
        f"(local.set $row2 (i32.add {get('row1')} {get('stride')}))",
        f"(local.set ${low} (i32x4.splat {number('record', 1)}))",
        f"(local.set ${high} {get(low)})",
    ]
    for tap in range(9):
        cells = f"(v128.load8x8_s offset={tap % 3} {get(f'row{tap // 3}')})"
        lines.append(f"(local.set $cells {cells})")
        weight = f"(v128.load16_splat offset={16 + 2 * tap} {get('record')})"
        lines.append(f"(local.set $weight {weight})")
        for name, half in ((low, "low"), (high, "high")):
            product = f"(i32x4.extmul_{half}_i16x8_s {get('cells')} {get('weight')})"
            lines.append(f"(local.set ${name} (i32x4.add {get(name)} {product}))")
    for name in (low, high):
        positive = f"(i32x4.max_s {get(name)} (v128.const i32x4 0 0 0 0))"
        halved = f"(i32x4.add {positive} (i32x4.splat {number('record', 2)}))"
        code = f"(i32x4.shr_s {halved} {number('record', 3)})"
        lines.append(f"(local.set ${name} (i32x4.min_s {code} (v128.const i32x4 255 255 255 255)))")
    return "\n      ".join(lines)


def store_pair(low: str, high: str, offset: int) -> str:
    """Return the store of four cells' hidden codes: of two filters side by side, i16 each."""
    both = f"(v128.or {get(low)} (i32x4.shl {get(high)} (i32.const 16)))"
    return f"(v128.store offset={offset} {get('out')} {both})"


def perceive() -> str:
    """Return the function that computes the hidden codes of a row."""
    move = f"(local.set $record (i32.add {get('record')} (i32.const {RECORD})))"
    back = f"(local.set $record (i32.sub {get('record')} (i32.const {RECORD})))"
    inner = f"""{perceive_filter("low", "high")}
      {move}
      {perceive_filter("low2", "high2")}
      {back}
      {store_pair("low", "low2", 0)}
      {store_pair("high", "high2", 16)}
      (local.set $out (i32.add {get("out")} (i32.const 32)))"""
    outer = f"{loop('x', get('columns'), 8, inner)}\n      {move}\n      {move}"
    return f"""
  (func (export "perceive") (param $record i32) (param $pairs i32) (param $row i32)
    (param $stride i32) (param $columns i32) (param $out i32)
    (local $x i32) (local $pair i32) (local $row0 i32) (local $row1 i32) (local $row2 i32)
    (local $cells v128) (local $weight v128)
    (local $low v128) (local $high v128) (local $low2 v128) (local $high2 v128)
    {loop("pair", get("pairs"), 1, outer)})"""


def finish_channel(lane: int) -> str:
    """Return the end of a channel's update: shift towards zero, add, saturate, store four cells."""
    record, total = "channel", f"sum{lane}"
    sign = f"(i32x4.shr_s {get(total)} (i32.const 31))"
    extra = f"(v128.and {sign} (i32x4.splat {number(record, 2)}))"
    change = f"(i32x4.shr_s (i32x4.add {get(total)} {extra}) {number(record, 1)})"
    place = f"(i32.add (i32.add {number(record, 3)} {get('before')}) {get('x')})"
    state = f"(i32x4.extend_low_i16x8_s (i16x8.extend_low_i8x16_s (v128.load32_zero {place})))"
    out = f"(i32.add (i32.add {number(record, 4)} {get('after')}) {get('x')})"
    return f"""(local.set $next (i32x4.add {change} {state}))
      (local.set $next (i16x8.narrow_i32x4_s {get("next")} {get("next")}))
      (v128.store32_lane 0 {out} (i8x16.narrow_i16x8_s {get("next")} {get("next")}))
      (local.set $channel (i32.add {get("channel")} (i32.const {CHANNEL})))"""


def update() -> str:
    """Return the function that mixes the hidden codes of a row and adds the changes."""
    starts = "\n      ".join(
        f"(local.set $sum{lane} (i32x4.splat (i32.load offset={CHANNEL * lane} {get('channel')})))"
        for lane in range(BLOCK)
    )
    sums = "\n      ".join(
        f"(local.set $sum{lane} (i32x4.add {get(f'sum{lane}')} (i32x4.dot_i16x8_s {get('hidden')}"
        f" (v128.load32_splat offset={4 * lane} {get('weight')}))))"
        for lane in range(BLOCK)
    )
    inner = f"""(local.set $hidden (v128.load {get("at")}))
      {sums}
      (local.set $weight (i32.add {get("weight")} (i32.const {4 * BLOCK})))
      (local.set $at (i32.add {get("at")} (i32.shl {get("columns")} (i32.const 2))))"""
    ends = "\n      ".join(finish_channel(lane) for lane in range(BLOCK))
    cells = f"""{starts}
      (local.set $weight {get("mix")})
      (local.set $at (i32.add {get("row")} (i32.shl {get("x")} (i32.const 2))))
      {loop("pair", get("pairs"), 1, inner)}
      {ends}
      (local.set $channel (i32.sub {get("channel")} (i32.const {BLOCK * CHANNEL})))"""
    outer = f"""{loop("x", get("columns"), 4, cells)}
      (local.set $mix {get("weight")})
      (local.set $channel (i32.add {get("channel")} (i32.const {BLOCK * CHANNEL})))"""
    lanes = " ".join(f"(local $sum{lane} v128)" for lane in range(BLOCK))
    return f"""
  (func (export "update") (param $channel i32) (param $blocks i32) (param $mix i32)
    (param $pairs i32) (param $row i32) (param $columns i32) (param $before i32) (param $after i32)
    (local $block i32) (local $x i32) (local $pair i32) (local $weight i32) (local $at i32)
    (local $hidden v128) (local $next v128) {lanes}
    {loop("block", get("blocks"), 1, outer)})"""


def dense() -> str:
    """Return the function that sums the products of each row of weights (i8) and codes (i16)."""
    product = f"""(i32x4.dot_i16x8_s
        (v128.load8x8_s {get("weight")})
        (v128.load (i32.add {get("codes")} (i32.shl {get("i")} (i32.const 1)))))"""
    inner = f"""(local.set $sum (i32x4.add {get("sum")} {product}))
      (local.set $weight (i32.add {get("weight")} (i32.const 8)))"""
    lanes = [f"(i32x4.extract_lane {lane} {get('sum')})" for lane in range(4)]
    total = f"(i32.add (i32.add {lanes[0]} {lanes[1]}) (i32.add {lanes[2]} {lanes[3]}))"
    outer = f"""(local.set $sum (v128.const i32x4 0 0 0 0))
      {loop("i", get("inputs"), 8, inner)}
      (i32.store {get("sums")} {total})
      (local.set $sums (i32.add {get("sums")} (i32.const 4)))"""
    return f"""
  (func (export "dense") (param $weight i32) (param $inputs i32) (param $outputs i32)
    (param $codes i32) (param $sums i32)
    (local $output i32) (local $i i32) (local $sum v128)
    {loop("output", get("outputs"), 1, outer)})"""


def text() -> str:
    """Return the module in WebAssembly's text format; its memory is imported as ``page.memory``."""
    return f"""(module
  (memory (import "page" "memory") 1)
{perceive()}
{update()}
{dense()})
"""
