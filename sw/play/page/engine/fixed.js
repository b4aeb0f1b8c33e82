/** Fixed-point arithmetic on int32: the two rounding shifts and the clamp (`golden/fixed.py`). */

/** Divide by 2**n, to nearest, ties upwards. */
export function roundShift(a, n) {
  return (a + ((1 << n) >> 1)) >> n;
}

/** Divide by 2**n, towards zero. */
export function truncShift(a, n) {
  return a < 0 ? -(-a >> n) : a >> n;
}

/** Saturate. */
export function clamp(a, low, high) {
  return a < low ? low : a > high ? high : a;
}
