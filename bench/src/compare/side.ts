/**
 * One side of a comparison: the stack of a checkout, started, filled with demo data, and audited by that checkout's own
 * code, at any commit. Only this file belongs to the comparing checkout. It stops the stack when its parent disconnects
 * or ends.
 *
 * Arguments: the folder of the checkout, the offset of its ports, as JSON further environment variables of its
 * services, and the name of the stack.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SideCommand, SideMessage } from './side-messages.ts';

type StackModule = typeof import('../../../deploy/local/stack.ts');
type TopologyModule = typeof import('../../../deploy/local/topology.ts');
type ProcessesModule = typeof import('../../../deploy/local/processes.ts');
type AddressesModule = typeof import('../../../ops/src/addresses.ts');
type AuditModule = typeof import('../../../ops/src/audit/index.ts');
type DemoModule = typeof import('../../../ops/src/demo/load.ts');

/** Points for each user, in won: no order of a load must fail for points. */
const POINTS = 10_000_000;

const [root = '', portOffset = '0', more = '{}', name = 'compare'] = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, file)).href);
const tell = (message: SideMessage): void => void (process.connected && process.send?.(message));

const { startInfra, migrate, startService, removeData, stopOwnStack } = (await load(
  'deploy/local/stack.ts',
)) as StackModule;
const { services, startSteps } = (await load('deploy/local/topology.ts')) as TopologyModule;
const { readRecords, startNothingMore } = (await load('deploy/local/processes.ts')) as ProcessesModule;
const { readAddresses } = (await load('ops/src/addresses.ts')) as AddressesModule;
const { openAudit } = (await load('ops/src/audit/index.ts')) as AuditModule;
const { loadDemo } = (await load('ops/src/demo/load.ts')) as DemoModule;

let ending: Promise<void> | undefined;
function end(): Promise<void> {
  startNothingMore();
  ending ??= stopOwnStack(name).then(() => removeData(name));
  return ending;
}

async function start() {
  const stack = await startInfra({
    name,
    portOffset: Number(portOffset),
    fresh: true,
    kafkaHeapForLoad: true,
    instances: 1,
  });
  const env: Record<string, string> = {
    LOG_LEVEL: 'warn',
    RATE_LIMIT_USER: 'off',
    RATE_LIMIT_ADDRESS: 'off',
    GATEWAY_AUTH: 'off',
    ...(JSON.parse(more) as Record<string, string>),
  };
  await migrate(stack);
  for (const step of startSteps(services)) {
    const started = await Promise.all(
      step.map(({ name: service }) =>
        startService(stack, { service, env: { NODE_ENV: service === 'gateway' ? 'benchmark' : 'production', ...env } }),
      ),
    );
    await Promise.all(started.map((each) => each.ready()));
  }
  const addresses = readAddresses(stack.env);
  await loadDemo({ addresses, amount: POINTS, keyPrefix: 'bench' });
  tell({
    kind: 'started',
    env: stack.env,
    processes: readRecords(join(stack.dir, 'pids')).map(({ name, pid }) => ({ name, pid })),
    dir: stack.dir,
  });
  return addresses;
}

function failed(error: unknown): void {
  tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
}

process.once('disconnect', () => void end().finally(() => process.exit(0)));
// The terminal's Ctrl-C reaches this process too, but the parent decides when to stop.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);

const started = start();
started.catch(failed);
let before: Promise<unknown> = started;
process.on('message', (command: SideCommand) => {
  before = before.catch(() => undefined).then(() => obey(command).catch(failed));
});

async function obey(command: SideCommand): Promise<void> {
  const session = await openAudit(await started);
  try {
    if (command.kind === 'idle') {
      await session.waitUntilIdle({ timeoutMs: command.timeoutMs });
      tell({ kind: 'done' });
      return;
    }
    await session.waitUntilIdle({ timeoutMs: 120_000 });
    const { ok, orders, records, durationMs, findings } = await session.audit({ graceMs: 2_000 });
    const wrong = findings.filter((it) => it.failed > 0).map((it) => `${it.name} (${it.failed})`);
    tell({ kind: 'done', audit: { ok, orders, records, durationMs, failed: wrong } });
  } finally {
    await session.close();
  }
}
