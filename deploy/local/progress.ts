const start = Date.now();

/** Prints a line of progress to standard error: seconds since the start, the part, the message. */
export function progress(part: string, text: string): void {
  const seconds = ((Date.now() - start) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`${seconds} s  ${part.padEnd(12)} ${text}\n`);
}
