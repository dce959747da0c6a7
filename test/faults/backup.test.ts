import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readManifest, recoverFrom as recoverFromTime } from '../../ops/src/backup/manifest.ts';
import { connectSql } from '../../ops/src/sql.ts';
import { migrationVariable } from '../../services/services.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { backUp } from '../support/backup.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { placeMany } from '../support/many-orders.ts';
import { expectOps, startOps } from '../support/ops.ts';
import { execute, rowsOf } from '../support/recovery.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const rows = <Row>(statement: string) => rowsOf<Row>(system, statement);
const query = (statement: string) => execute(system, statement);

const ORDERS = drillSize(5_000);

const folder = mkdtempSync(join(tmpdir(), 'shop-backup-'));
const path = (name: string) => join(folder, name);
let system: System;
let api: System['api'];
let users: number[];
let productId: number;

beforeAll(async () => {
  // Orders wait while their services are away.
  system = await startSystem({ env: { ORDER_DEADLINE_MS: '900000' } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 20 }, () => api.newUser(10_000_000)));
  productId = await api.newProduct(100, 1_000_000);
}, 180_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await system?.stop();
}, 60_000);

const place = (count: number) => placeMany(api, count, { users, productId });
const ops = (args: readonly string[], code = 0) => expectOps(system.stack, args, code);
const restoring = (name: string, service: string) => ['restore', '--from', path(name), '--service', service];

describe('the schema of payment', () => {
  it('when it is lost, then a backup that was taken under load brings it back, and its own events do the rest', async () => {
    await place(ORDERS / 2);
    const took = performance.now();
    const [taken] = await Promise.all([ops(['backup', '--to', path('loaded')]), place(ORDERS / 10)]);
    const backupMs = performance.now() - took;
    expect(taken.stdout).toMatch(/payment +shop_payment +\d+ tables +\d+ +rows/);
    await place(ORDERS / 2);
    await untilIdle(system);
    await system.process('payment').stop();
    const waiting = await place(20);
    await query('DROP DATABASE shop_payment');
    const began = performance.now();
    const { stdout } = await ops([...restoring('loaded', 'payment'), '--execute']);
    const restoreMs = performance.now() - began;
    const [plan = '', start = ''] = stdout.split('\n');
    expect(plan).toMatch(/^npm run ops -- replay --recover payment --from \S+$/);
    await ops(plan.split(' ').slice(4));
    await system.start('payment', 1, { RECOVERY: 'on', RECOVERY_FROM: /RECOVERY_FROM=(\S+)/.exec(start)?.[1] ?? '' });
    const recoveredMs = performance.now() - began;
    for (const { orderId, userId } of waiting) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    await expectCleanAudit(system, { withinMs: 120_000 });
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
    noteFigure('backup', `all schemas under load, ${ORDERS / 2} orders before`, seconds(backupMs));
    noteFigure('backup', 'the schema of payment restored', seconds(restoreMs));
    noteFigure('backup', `and brought forward over ${(ORDERS * 6) / 10} orders, to ready`, seconds(recoveredMs));
  }, 600_000);

  it('when a backup is restored, then each row is as it was, whatever stands in it', async () => {
    await nastyLetter();
    await untilIdle(system);
    await ops(['backup', '--service', 'payment', 'coupon', '--to', path('exact')]);
    await system.process('payment').stop();
    const before = await contents();
    await query('UPDATE shop_payment.accounts SET balance = 0');
    await query('TRUNCATE TABLE shop_payment.processed_event');
    expect((await ops(restoring('exact', 'payment'), 3)).stderr).toContain('Nothing was changed');
    await ops([...restoring('exact', 'payment'), '--execute']);
    expect(await contents()).toEqual(before);
    expect(await migrations()).toEqual([expect.objectContaining({ unfinished: 0 })]);
  }, 60_000);

  it('when the restore is killed, then the schema cannot be worked with until it is repeated', async () => {
    const before = await contents();
    const dying = startOps(system.stack, [...restoring('exact', 'payment'), '--execute']);
    await eventually('the inbox to be gone', async () => !(await tables()).includes('processed_event'), { everyMs: 1 });
    dying.kill9();
    await dying.ended;
    const left = await tables();
    // It had all or none of the tables without which nothing can be changed.
    const gates = ['outbox', 'processed_event', '_prisma_migrations'].filter((name) => left.includes(name));
    expect([0, 3]).toContain(gates.length);
    await eventually(
      'its session to end',
      async () => (await startOps(system.stack, restoring('exact', 'payment')).ended).code === 3,
    );
    await ops([...restoring('exact', 'payment'), '--execute']);
    expect(await contents()).toEqual(before);
  }, 60_000);

  it('when a backup is damaged, cut off, foreign or newer, then it is refused before anything is changed', async () => {
    const before = await balances();
    const refused = async (name: string, service: string, words: string | RegExp) => {
      const { stderr } = await ops([...restoring(name, service), '--execute'], 1);
      expect(stderr).toMatch(words);
    };
    const copy = (name: string) => cpSync(path('exact'), path(name), { recursive: true });
    copy('damaged');
    const file = join(path('damaged'), 'shop_payment.sql.gz');
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await refused('damaged', 'payment', /shop_payment.sql.gz is damaged/);
    copy('cut-off');
    rmSync(join(path('cut-off'), 'manifest.json'));
    await refused('cut-off', 'payment', /it is no backup, or one that was cut off/);
    copy('newer');
    change('newer', (text) => text.replace('"format": 2', '"format": 3'));
    await refused('newer', 'payment', /format 3, and this build knows up to 2/);
    copy('later');
    change('later', (text) => text.replace(/"name": "\d+_init"/, '"name": "20991231000000_later"'));
    await refused('later', 'payment', /20991231000000_later, which this release does not know/);
    await refused('exact', 'order', /it holds nothing of order/);
    // An instance that would go live on the old rows ends.
    await expect(system.start('payment')).rejects.toThrow('payment-1 did not start');
    await system.start('payment', 1, { RECOVERY: 'on', RECOVERY_FROM: recoverFrom() });
    await refused('exact', 'payment', /payment runs at/);
    await system.process('payment').stop();
    const sql = await connectRoot(system.stack);
    await sql.query(`SELECT GET_LOCK('relay:shop_payment', 0)`);
    await refused('exact', 'payment', /the lock of the relay of shop_payment is held/);
    await sql.close();
    const { [migrationVariable('payment')]: migrator = '', [migrationVariable('order')]: other = '' } =
      system.stack.env;
    const migration = await connectSql(migrator);
    await refused('exact', 'payment', /1 sessions are in shop_payment/);
    await migration.close();
    const env = { ...system.stack.env, [migrationVariable('payment')]: other };
    const mixed = await expectOps({ ...system.stack, env }, [...restoring('exact', 'payment'), '--execute'], 1);
    expect(mixed.stderr).toContain('lead to two schemas, shop_payment and shop_order');
    expect(await balances()).toEqual(before);
    expect((await ops(['backup', '--to', path('exact')], 1)).stderr).toContain('is not empty');
    await system.start('payment');
    await expectCleanAudit(system);
  }, 120_000);

  it('when a backup is killed, then its folder has no name', async () => {
    const dying = startOps(system.stack, ['backup', '--to', path('killed')]);
    const parts = () => readdirSync(folder).filter((name) => /^killed\..*part$/.test(name));
    const hasFiles = (part: string) => existsSync(join(path(part), 'shop_order.sql.gz'));
    await eventually('its files', () => parts().some(hasFiles), { everyMs: 1 });
    dying.kill9();
    await dying.ended;
    expect(existsSync(path('killed'))).toBe(false);
    const [part = ''] = parts();
    expect((await ops(restoring(part, 'order'), 1)).stderr).toContain('one that was cut off');
    // It may belong to a backup that still runs, so the next one names it and leaves it.
    expect((await ops(['backup', '--to', path('killed')])).stderr).toContain(`${part} is of a backup that was cut off`);
    expect(parts()).toEqual([part]);
    expect((await ops(['backup', '--service', 'order', '--to', path('killed')], 1)).stderr).toContain('is not empty');
  });
});

/** All that a restore puts back: `replay` gets a row of its own. */
async function contents() {
  const { tables } = await backUp(system.stack, 'shop_payment');
  return new Map([...tables].filter(([name]) => name !== 'replay'));
}

const balances = () => rows('SELECT user_id, balance FROM shop_payment.accounts ORDER BY user_id');

/** The time that the manifest of the exact backup gives. */
function recoverFrom(): string {
  const manifest = readManifest(readFileSync(join(path('exact'), 'manifest.json'), 'utf8'));
  const part = manifest.services.find(({ service }) => service === 'payment');
  if (!part) throw new Error('the backup has no payment');
  return recoverFromTime(manifest, part).toISOString();
}

function change(name: string, edit: (text: string) => string): void {
  const file = join(path(name), 'manifest.json');
  writeFileSync(file, edit(readFileSync(file, 'utf8')));
}

/** A discarded dead letter with every byte, and text that SQL could take for its own. */
async function nastyLetter(): Promise<void> {
  const sql = await connectRoot(system.stack);
  try {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    await sql.execute(
      `INSERT INTO shop_payment.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, reason, error, attempts,
         payload, headers, failed_at, resolved_at) VALUES ('payment', 'order-events', 99, 9007199254740993, ?, 'DISCARDED', 'TEST', ?, 1, ?, '{}',
         '2026-01-31 09:00:00.123', NULL)`,
      ['k\'; DROP TABLE x;\n\\ "`', `한국어 🛒 \0 \r\n\t \\' -- `, bytes],
    );
  } finally {
    await sql.close();
  }
}

const migrations = () =>
  rows<{ unfinished: number }>(
    'SELECT CAST(SUM(finished_at IS NULL) AS SIGNED) AS unfinished FROM shop_payment._prisma_migrations',
  );
const tables = async () =>
  (
    await rows<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'shop_payment'`,
    )
  ).map(({ name }) => name);
