/** Looks again every few milliseconds until `look` gives a value that counts as true; fails after `limitMs`. */
export const until = async <Value>(
  look: () => Value | Promise<Value>,
  limitMs = 5_000,
  what = 'the condition',
): Promise<NonNullable<Value>> => {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
