import { type Batcher, type ItemResult, isOutage, OutageError } from '@shop/service';

/** `createBatcher` of @shop/service without its clock: what waits when its turn comes goes together. */
export function createSimulatedBatcher<I, O>(
  turn: () => Promise<void>,
  run: (items: readonly I[]) => Promise<readonly ItemResult<O>[]>,
): Pick<Batcher<I, O>, 'submit' | 'waiting'> {
  interface Waiting {
    readonly item: I;
    readonly resolve: (value: O) => void;
    readonly reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  let running = false;

  async function settle(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, waiting] of batch.entries()) {
        const result = results[index];
        if (result?.ok) waiting.resolve(result.value);
        else waiting.reject(result?.error);
      }
    } catch (error) {
      if (batch.length === 1 || isOutage(error) || error instanceof OutageError) {
        for (const waiting of batch) waiting.reject(error);
        return;
      }
      for (const waiting of batch) await settle([waiting]);
    }
  }

  async function drain(): Promise<void> {
    running = true;
    while (queue.length > 0) {
      await turn();
      const batch = queue;
      queue = [];
      await settle(batch);
    }
    running = false;
  }

  return {
    submit: (item) =>
      new Promise<O>((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (!running) void drain();
      }),
    get waiting() {
      return queue.length;
    },
  };
}
