import type { ServiceName } from '../../services/services.ts';
import type { SagaTable } from '../../test/support/saga-table.ts';
import { SAGA_TABLE_OF } from './tables.generated.ts';

/** The table of one service. */
export interface ServiceTable extends SagaTable {
  readonly service: ServiceName;
}

/** The tables of the participating services, in the order in which they handle an order. */
export function sagaTables(): ServiceTable[] {
  return (Object.keys(SAGA_TABLE_OF) as (keyof typeof SAGA_TABLE_OF)[]).map((service) => ({
    service,
    ...SAGA_TABLE_OF[service](),
  }));
}
