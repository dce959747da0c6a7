import type { ServiceName } from '../../../services/services.ts';
import { connectOwn } from '../own-schema.ts';
import type { ReplayContext } from './context.ts';
import { insertRequest, type Replay, type Request, waitForEnd } from './requests.ts';

/** Asks a service to carry out a plan and reports its progress. @returns its state, after `--wait` at the latest */
export async function ask(
  { sql, output, options, addresses }: ReplayContext,
  service: ServiceName,
  request: Request,
): Promise<Replay> {
  const { wait, reason = '' } = options;
  const connection = await connectOwn(sql, addresses, service);
  let ref: string;
  try {
    ref = `${service}/${await insertRequest(connection, request, { ...options, reason })}`;
  } finally {
    await connection.close();
  }
  output.say(`asked for: ${ref}`);
  return await waitForEnd(sql, ref, wait * 1_000, (it) =>
    output.say(`${it.status}: ${it.applied} applied, ${it.duplicate} applied before`),
  );
}
