import { describe, expect, it } from '@jest/globals';
import { readAddresses } from '../addresses.ts';
import type { CheckedBackup } from '../backup/check.ts';
import { stepsAfter } from './restore.ts';

const part: CheckedBackup['part'] = {
  ...{ service: 'order', schema: 'shop_order', file: 'shop_order.sql.gz', sha256: '', migrations: [], tables: [] },
  ...{ lastHandledAt: null, unreadSince: '2026-01-31T09:00:00.000Z' },
};
const backup: CheckedBackup = {
  ...{ part, path: '/backups/x/shop_order.sql.gz' },
  manifest: {
    ...{
      format: 2,
      beganAt: '2026-01-31T10:00:00.000Z',
      server: { kind: 'MySQL', version: '8.4.0' },
      release: '0.1.0',
    },
    ...{ binaryLog: { file: 'binlog.000007', position: 157 }, services: [part] },
  },
};
const addresses = readAddresses({});
const kindsOf = (steps: readonly string[]) =>
  steps.map((step) => /mysqlbinlog|migrate\.ts|--recover|RECOVERY=on/.exec(step)?.[0]).filter(Boolean);

describe('the commands that bring a restored schema forward', () => {
  it('when the binary log is applied first, then migrations come after it: it may hold rows of the former tables', () => {
    const steps = stepsAfter(addresses, 'order', backup, new Date('2026-01-31T11:00:00Z'));
    expect(kindsOf(steps)).toEqual(['mysqlbinlog', 'migrate.ts', '--recover', 'RECOVERY=on']);
    expect(steps[1]).toBe(
      'MIGRATION_DATABASE_URL=$ORDER_MIGRATION_DATABASE_URL node libs/chassis/src/database/migrate.ts services/order',
    );
  });

  it('when nothing went on since the binary log, then the last command says that there is nothing to recover', () => {
    const last = stepsAfter(addresses, 'order', backup, new Date('2026-01-31T11:00:00Z')).at(-1);
    expect(last).toMatch(/^mysql .* -e "UPDATE shop_order\.replay SET status = 'DONE', .* WHERE id = 0"$/);
    expect(stepsAfter(addresses, 'order', backup, undefined).join('\n')).not.toContain('WHERE id = 0');
  });

  it('when no binary log is applied, then the restore itself has applied the migrations', () =>
    expect(kindsOf(stepsAfter(addresses, 'order', backup, undefined))).toEqual(['--recover', 'RECOVERY=on']));

  it('when the backup does not know its position in a binary log, or began later, then the time is refused', () => {
    const until = new Date('2026-01-31T09:59:00Z');
    expect(() => stepsAfter(addresses, 'order', backup, until)).toThrow('is before it began');
    const unknown = { ...backup, manifest: { ...backup.manifest, binaryLog: null } };
    expect(() => stepsAfter(addresses, 'order', unknown, until)).toThrow('does not know its position');
  });
});
