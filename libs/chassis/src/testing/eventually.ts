/**
 * Resolves with the first truthy value of `probe`; rejects after `timeoutMs`. Only for states that give no signal;
 * otherwise wait for the signal.
 */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  { timeoutMs = 5_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not so within ${timeoutMs} ms: ${probe.toString().slice(0, 200)}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
