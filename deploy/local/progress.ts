const start = Date.now();

/** One line of progress on standard error: seconds since the start, the part, what happens. */
export function progress(part: string, text: string): void {
  const seconds = ((Date.now() - start) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`${seconds} s  ${part.padEnd(12)} ${text}\n`);
}
