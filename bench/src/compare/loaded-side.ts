import { connectSql } from '../../../ops/src/sql.ts';
import { openGenerator } from '../flood/run.ts';
import type { Loaded } from '../flood/trial.ts';
import { productsInStock } from '../orders.ts';
import { type Side, startSide } from './sides.ts';

/** A side with a generator of its own. */
export interface LoadedSide {
  readonly side: Side;
  readonly loaded: Loaded;
  readonly products: readonly number[];
  /** Ends the generator and the stack. */
  close(): Promise<void>;
}

/** Starts a side and what loads it; see `startSide`. */
export async function openLoadedSide(...start: Parameters<typeof startSide>): Promise<LoadedSide> {
  const side = await startSide(...start);
  const generator = openGenerator();
  const end = async () => {
    generator.close();
    await side.stop();
  };
  try {
    const { gateway, auditDatabase } = side.addresses;
    const products = await productsInStock(gateway);
    const sql = await connectSql(auditDatabase);
    const loaded = { gateway, processes: () => side.processes, sql, generator, idle: side.idle };
    return { side, loaded, products, close: () => sql.close().finally(end) };
  } catch (error) {
    await end();
    throw error;
  }
}
