import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseTool } from '../../deploy/local/parts/mysql.ts';
import { root } from '../../deploy/local/paths.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { placeMany } from '../support/many-orders.ts';
import { expectOps, startOps } from '../support/ops.ts';
import { execute, rowsOf } from '../support/recovery.ts';
import { testStack } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const rows = <Row>(statement: string) => rowsOf<Row>(system, statement);
const query = (statement: string) => execute(system, statement);

const ORDERS = drillSize(5_000);

const folder = mkdtempSync(join(tmpdir(), 'shop-point-in-time-'));
let system: System;
let api: System['api'];
let users: number[];
let productId: number;

beforeAll(async () => {
  // The database keeps a binary log here, and orders wait while their service is away.
  await restartDatabase('on');
  system = await startSystem({ env: { ORDER_DEADLINE_MS: '900000' } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 20 }, () => api.newUser(10_000_000)));
  productId = await api.newProduct(100, 1_000_000);
}, 180_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await system?.stop();
  await restartDatabase('off');
}, 120_000);

async function restartDatabase(binaryLog: 'on' | 'off'): Promise<void> {
  const mysql = testStack().part('mysql');
  await mysql.stop();
  process.env.MYSQL_BINLOG = binaryLog;
  await mysql.start();
}

const place = (count: number) => placeMany(api, count, { users, productId });
const ops = (args: readonly string[]) => expectOps(withRoot(), args);

/** The stack, with a user who may ask for the position in the binary log. */
function withRoot(): System['stack'] {
  const url = system.stack.env.MYSQL_ROOT_URL ?? '';
  return { ...system.stack, env: { ...system.stack.env, BACKUP_DATABASE_URL: url } };
}

describe('the schema of order, which is lost with orders that were not sent', () => {
  it('when a backup and the binary log up to a minute before are restored, then these orders end as the others', async () => {
    await place(ORDERS / 2);
    // The backup is of the release before: the newest migration comes between it and the loss.
    const newest = `migration_name = '${newestMigration()}'`;
    await query(`UPDATE shop_order._prisma_migrations SET rolled_back_at = UTC_TIMESTAMP(3) WHERE ${newest}`);
    await ops(['backup', '--service', 'order', '--to', join(folder, 'order')]);
    await query(`UPDATE shop_order._prisma_migrations SET rolled_back_at = NULL WHERE ${newest}`);
    await place(ORDERS / 2);
    await untilIdle(system);
    await system.stack.part('kafka').stop();
    const unsent = await place(10);
    expect(await count('SELECT COUNT(*) AS n FROM shop_order.outbox')).toBeGreaterThanOrEqual(unsent.length);
    await system.process('order').kill9();
    const until = await nextSecond();
    await query(`UPDATE shop_order.orders SET user_id = 1`);
    await query('DROP DATABASE shop_order');

    const began = performance.now();
    const restore = ['restore', '--from', join(folder, 'order'), '--service', 'order', '--until', until, '--execute'];
    const { stdout } = await eventually('its sessions to end, and the restore', async () => {
      const result = await startOps(withRoot(), restore).ended;
      return result.code === 0 ? result : undefined;
    });
    const steps = stdout.split('\n');
    expect(
      await count(`SELECT COUNT(*) AS n FROM shop_order._prisma_migrations WHERE ${newest} AND rolled_back_at IS NULL`),
    ).toBe(0);
    await pipe(steps[0] ?? '');
    expect(await inShell(steps[1] ?? '')).toContain('services/order: up to date');
    // The log's rows have not undone it: no start goes live before somebody says that there is nothing to recover.
    const unfinished = `SELECT COUNT(*) AS n FROM shop_order.replay WHERE id = 0 AND kind = 'RECOVERY' AND status = 'FAILED'`;
    expect(await count(unfinished)).toBe(1);
    await query(/-e "(UPDATE .*)"$/.exec(steps.filter(Boolean).at(-1) ?? '')?.[1] ?? '');
    expect(await count(unfinished)).toBe(0);
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    noteFigure('point-in-time', `backup of ${ORDERS / 2} orders, and the log of ${ORDERS / 2}`, `${seconds} s`);
    expect(await count(`SELECT COUNT(*) AS n FROM shop_order.orders WHERE user_id = 1`)).toBe(0);
    expect(await count('SELECT COUNT(*) AS n FROM shop_order.outbox')).toBeGreaterThanOrEqual(unsent.length);
    await system.stack.part('kafka').start();
    await system.start('order');
    for (const { orderId, userId } of unsent) expect((await api.settled(orderId, userId, 60)).status).toBe('COMPLETED');
    await expectCleanAudit(system);
  }, 300_000);
});

/** Runs the printed command with the tools of the stack's own server. */
async function pipe(command: string): Promise<void> {
  const [from = '', to = ''] = command.replace(/^TZ=UTC mysqlbinlog/, '').split(' | mysql ');
  const [read, apply] = await Promise.all([databaseTool('mysqlbinlog'), databaseTool('mysql')]);
  const line = `set -o pipefail; TZ=UTC ${read.join(' ')} ${from} | ${apply.join(' ')} ${to}`;
  await promisify(execFile)('bash', ['-c', line], { maxBuffer: 1 << 28 });
}

function newestMigration(): string | undefined {
  const names = readdirSync(join(root, 'services/order/prisma/migrations'));
  return names
    .filter((name) => /^\d/.test(name))
    .sort()
    .at(-1);
}

/** Runs a printed command on the stack. @returns what it says */
async function inShell(command: string): Promise<string> {
  // `node` is the one that runs this test.
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const env = { ...process.env, ...system.stack.env, NODE_OPTIONS: '', PATH: path };
  const { stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: root, env });
  return stderr;
}

/** A time after all that is committed, of which the binary log knows seconds only. */
async function nextSecond(): Promise<string> {
  const second = () => text(`SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ') AS text`);
  const now = await second();
  const next = await eventually('the next second', async () => ((await second()) > now ? second() : undefined));
  // What comes is of a later second than `next`, or the same: the tool stops where `next` begins.
  return next;
}

const count = async (statement: string) => (await rows<{ n: number }>(statement))[0]?.n ?? 0;
const text = async (statement: string) => (await rows<{ text: string }>(statement))[0]?.text ?? '';
