import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serviceEnv, serviceUrl } from '../../deploy/local/addresses.ts';
import { root } from '../../deploy/local/paths.ts';
import { type ServiceName, serviceRow } from '../../deploy/local/topology.ts';
import { SERVICE_NAMES } from '../../services/services.ts';
import { Api, expectStatus, type OrderBody } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { buildImageTree, type ImageTree } from '../support/image-tree.ts';
import { testStack, wipe } from '../support/stack.ts';

/** The user of the image. Only root may run processes as another one; others run them as themselves. */
const AS_IMAGE_USER = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
const START_MS = 150_000;

let tree: ImageTree;
const stack = testStack();
const running = new Map<string, { readonly child: ChildProcess; readonly output: string[] }>();

beforeAll(async () => {
  await wipe(stack);
  tree = buildImageTree();
}, 300_000);

afterAll(async () => {
  for (const { child } of running.values()) {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
  tree?.remove();
}, 60_000);

/** Starts a service as the image's command does, from its tree alone, and waits until it is ready. */
async function start(service: ServiceName): Promise<void> {
  const command = /^CMD \["sh", "-c", "exec node ([^"]*)"\]$/m.exec(
    readFileSync(join(root, 'Dockerfile'), 'utf8'),
  )?.[1];
  const given = Object.entries(serviceEnv(stack.layout, serviceRow(service), 1, 1));
  const env = Object.fromEntries(given.filter(([name]) => !/^(DATA_PLATFORM_URL|DEMO_.*)$/.test(name)));
  const child = spawn('sh', ['-c', `exec ${tree.node} ${command}`], {
    ...AS_IMAGE_USER,
    cwd: tree.dir,
    env: {
      ...env,
      SERVICE: service,
      HEAP_MB: '256',
      // In production the gateway refuses to be without tokens.
      ...(service === 'gateway' ? { NODE_ENV: 'test', GATEWAY_AUTH: 'off' } : { NODE_ENV: 'production' }),
      HOME: '/nonexistent',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(String(chunk)));
  running.set(service, { child, output });
  const look = async () => {
    if (child.exitCode !== null) throw new Error(`${service} ended:\n${output.join('').slice(-2_000)}`);
    return (await fetch(`${serviceUrl(stack.layout, service, 1)}/health/ready`).catch(() => undefined))?.ok;
  };
  await eventually(`${service} to be ready`, look, { withinMs: START_MS }).catch((error: unknown) => {
    throw new Error(`${service} is not ready:\n${output.join('').slice(-3_000)}`, { cause: error });
  });
}

describe("the image's tree", () => {
  it('when the packages are installed, then none is for development, optional or a peer alone', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    const unwanted = tree.packages.filter((path) => {
      const { dev, optional, devOptional } = packages[path] ?? {};
      return dev || optional || devOptional;
    });
    expect(unwanted).toEqual([]);
  });

  it('when it is built, then it holds no test, no document and no secret', () => {
    const files = readdirSync(tree.dir, { recursive: true, encoding: 'utf8' }).filter(
      (file) => !/(^|\/)node_modules\//.test(file),
    );
    expect(
      files.filter((file) => /\.test\.ts$|^(docs|test|bench|api)\/|\.env$|\.pem$|(^|\/)\.git\//.test(file)),
    ).toEqual([]);
  });

  it('when every service is started from it, as its user, and nothing may be written, then an order completes', async () => {
    await Promise.all(SERVICE_NAMES.map(start));
    await start('gateway');
    const api = new Api(stack.env.GATEWAY_URL ?? '');
    const userId = await api.newUser(10_000);
    const productId = await api.newProduct(100, 10);
    const { body } = expectStatus(await api.placeOrder<OrderBody>(userId, [[productId, 1]], { wait: 30 }), 201);
    expect(body.status).toBe('COMPLETED');
    for (const [service, { output }] of running)
      expect([service, output.filter((line) => /EACCES|EROFS|EPERM/.test(line))]).toEqual([service, []]);
  }, 240_000);
});
