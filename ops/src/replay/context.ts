import type { Addresses } from '../addresses.ts';
import type { Output } from '../command.ts';
import type { SqlConnection } from '../sql.ts';

/** Options of the command line. */
export interface ReplayOptions {
  json?: boolean;
  group?: string;
  topic?: string;
  type?: string;
  key?: string;
  from?: Date;
  to?: Date;
  rate: number;
  maxLag: number;
  execute?: boolean;
  reason?: string;
  force?: boolean;
  wait: number;
  rebuild?: boolean;
  list?: boolean;
  cancel?: string;
  recover?: string;
}

export interface ReplayContext {
  readonly addresses: Addresses;
  readonly sql: SqlConnection;
  readonly output: Output;
  readonly options: ReplayOptions;
}
