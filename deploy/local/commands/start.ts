import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ExampleName, readExamples } from '../../../services/services.ts';
import { existingServers, serviceUrl } from '../addresses.ts';
import { chosenStack } from '../chosen-stack.ts';
import { whenAskedToEnd } from '../ending.ts';
import { observe, watchLinks } from '../observe.ts';
import { root } from '../paths.ts';
import { isEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { run } from '../run.ts';
import { migrate, type Stack, startInfra, startService, stopOwnStack } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { supervise } from '../supervisor.ts';
import { instancesOf, isServer, type ServiceName, servicesWith, startSteps } from '../topology.ts';

/** How often the console audits where somebody watches. */
const AUDIT_EVERY_MINUTES = '2';

/** Starts servers, schemas, migrations, services and demo data, and stays. */
export async function start(args: string[]): Promise<number> {
  const { instances, brokers, examples, isObserved, isTraced } = readOptions(args);
  // A watched stack audits on schedule, so that its dashboards have audits to show.
  if (isObserved) process.env.AUDIT_EVERY_MINUTES ??= AUDIT_EVERY_MINUTES;
  const chosen = chosenStack();
  let stopWatching: () => void = () => undefined;
  const ended = whenAskedToEnd(async () => {
    stopWatching();
    await stopOwnStack(chosen.name);
  });
  try {
    const stack = await startInfra({
      ...chosen,
      instances,
      brokers,
      examples,
      existing: existingServers(process.env),
      traces: isTraced,
    });
    await bringUp(stack, instances);
    const prometheus = isObserved ? await observe(stack) : undefined;
    stopWatching = supervise(stack, (record) => restart(stack, record.name));
    printLinks(stack, instances, prometheus);
  } catch (error) {
    // A start interrupted by the requested end fails as expected.
    if (!isEnding()) {
      await stopOwnStack(chosen.name);
      throw error;
    }
  }
  return ended;
}

/** @throws {StackError} in words for an option that is not usable */
function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      instances: { type: 'string', default: '1' },
      brokers: { type: 'string', default: '1' },
      with: { type: 'string' },
      observe: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
    },
  });
  const instances = Number(values.instances);
  if (!Number.isInteger(instances) || instances < 1 || instances > 9) {
    throw new StackError('--instances wants a number from 1 to 9: how many of each service to run.', 2);
  }
  const brokers = Number(values.brokers);
  if (brokers !== 1 && brokers !== 3) {
    throw new StackError('--brokers wants 1 or 3: how many brokers Kafka has.', 2);
  }
  const examples = chosenExamples(values.with);
  return { instances, brokers, examples, isObserved: values.observe, isTraced: values.trace };
}

/** @throws {StackError} naming the existing examples */
function chosenExamples(names: string | undefined): ExampleName[] {
  try {
    return readExamples(names);
  } catch (error) {
    throw new StackError(`--with: ${error instanceof Error ? error.message : error}`, 2);
  }
}

async function bringUp(stack: Stack, instances: number): Promise<void> {
  const migrated = await migrate(stack);
  if (migrated.length > 0) progress('migrations', `applied for ${migrated.join(', ')}`);
  // The servers already run at this point.
  const all = servicesWith(stack.layout.examples);
  const later = new Set<string>(all.map((row) => row.name));
  const rows = all.map((row) => ({ ...row, after: row.after.filter((name) => later.has(name)) }));
  for (const step of startSteps(rows)) {
    const started = await Promise.all(
      step
        .flatMap((row) =>
          Array.from({ length: instancesOf(row, instances) }, async (_, index) => {
            const service = await startService(stack, { service: row.name, instance: index + 1 });
            await service.ready();
            progress(service.name, `ready on ${service.url} (pid ${service.pid})`);
          }),
        )
        .map((promise) =>
          promise.then(
            () => undefined,
            (error: Error) => error,
          ),
        ),
    );
    // All starts of the step are awaited, so that none happens after the others were stopped.
    const failed = started.find((result) => result !== undefined);
    if (failed) throw failed;
  }
  await loadDemoData(stack);
}

/** Changed when demo data is added: a data folder with an older stamp gets the missing data. */
const DEMO_DATA = 'with coupons';

/** Loads the demo data once for each data folder: products sold in a demo stay sold after a restart. */
async function loadDemoData(stack: Stack): Promise<void> {
  const stamp = join(stack.dir, 'demo-data');
  const ops = join(root, 'ops/main.ts');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === DEMO_DATA) return;
  progress('demo data', 'loading (only the first time)');
  try {
    await run(process.execPath, [ops, 'load-demo', '--execute'], { cwd: root, env: { ...process.env, ...stack.env } });
    writeFileSync(stamp, DEMO_DATA);
    progress('demo data', 'loaded');
  } catch (error) {
    progress('demo data', `could not be loaded: ${error instanceof Error ? error.message : error}`);
  }
}

async function restart(stack: Stack, name: string): Promise<void> {
  if (isServer(name)) return stack.part(name).start();
  const [service = '', instance] = name.split(/-(\d+)$/);
  const process_ = await startService(stack, { service: service as ServiceName, instance: Number(instance) });
  await process_.ready();
}

function printLinks(stack: Stack, instances: number, prometheus: string | undefined): void {
  const { layout } = stack;
  const rows = [
    ...servicesWith(layout.examples).flatMap((row) =>
      Array.from({ length: instancesOf(row, instances) }, (_, index) => [
        `${row.name}-${index + 1}`,
        serviceUrl(layout, row.name, index + 1),
      ]),
    ),
    ['mysql', stack.env.MYSQL_ROOT_URL],
    ['kafka', stack.env.KAFKA_BROKERS],
    ['registry', stack.env.SCHEMA_REGISTRY_URL],
    ['redis', stack.env.REDIS_URL],
    ...(layout.traces ? [['traces', `http://127.0.0.1:${stack.part('jaeger').port}`]] : []),
    ...(prometheus ? [['prometheus', prometheus]] : []),
    ['logs', join(stack.dir, 'logs')],
  ];
  console.log(`\n${rows.map(([name = '', link]) => `  ${name.padEnd(16)} ${link}`).join('\n')}\n`);
  const gateway = serviceUrl(layout, 'gateway');
  console.log(`The shop: ${gateway}/shop/   its API: ${gateway}/docs   its events: ${gateway}/docs/events\n`);
  if (prometheus) console.log(`${watchLinks(prometheus)}\n`);
  console.log(`Or, from a terminal:\n\n${exampleOrder(gateway)}\n`);
  console.log('Ctrl-C (or `npm run stop`) stops everything; the data stays until `npm run reset`.');
}

/** One order for the demo's first user; the answer comes when the order has ended. */
function exampleOrder(gateway: string): string {
  return [
    `  TOKEN=$(curl -s ${gateway}/auth/demo-token -H 'Content-Type: application/json' \\`,
    `    -d '{"userId":1}' | grep -o 'ey[^"]*')`,
    `  curl -i ${gateway}/orders -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\`,
    `    -H "Idempotency-Key: $(date +%s)" -H 'Prefer: wait=10' \\`,
    `    -d '{"items":[{"productId":1,"quantity":1}]}'`,
  ].join('\n');
}
