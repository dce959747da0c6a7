/** Opens a resource, works with it, and closes it whether the work succeeds or fails. */
export async function withClosing<C extends { close(): Promise<void> }, T>(
  open: () => Promise<C>,
  work: (opened: C) => Promise<T>,
): Promise<T> {
  const opened = await open();
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}
