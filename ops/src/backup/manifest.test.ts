import { describe, expect, it } from '@jest/globals';
import { type Manifest, partFor, readManifest, recoverFrom, type ServiceBackup } from './manifest.ts';

const part: ServiceBackup = {
  service: 'payment',
  schema: 'shop_payment',
  file: 'shop_payment.sql.gz',
  sha256: 'a',
  migrations: [{ name: '1_init', checksum: 'x' }],
  tables: [{ name: 'accounts', rows: 3, sha256: 'b' }],
  lastHandledAt: '2026-01-31T09:00:00.000Z',
  unreadSince: '2026-01-31T09:59:00.000Z',
};
const manifest: Manifest = {
  format: 2,
  beganAt: '2026-01-31T10:00:00.000Z',
  server: { kind: 'MySQL', version: '9.7.4' },
  release: '0.1.0',
  binaryLog: null,
  services: [part],
};
const known = [
  { name: '1_init', checksum: 'x' },
  { name: '2_more', checksum: 'y' },
];

describe('the manifest of a backup', () => {
  it('when it is written and read, then it is the same', () => {
    expect(readManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  it('when it is of format 1, then what its groups had not read is not known', () => {
    const { unreadSince: _, ...older } = part;
    const text = JSON.stringify({ ...manifest, format: 1, services: [older] });
    expect(readManifest(text).services).toEqual([{ ...part, unreadSince: null }]);
  });

  it.each([
    ['{"format": 1', /damaged: it is no JSON/],
    ['{"format": 1}', /damaged: /],
    ['[]', /damaged: /],
    [JSON.stringify({ ...manifest, format: 3 }), /format 3, and this build knows up to 2/],
  ])('when it is %s, then it is refused in words', (text, words) => {
    expect(() => readManifest(text)).toThrow(words);
  });

  it('when the installed release has more migrations than the backup, then it can be restored', () => {
    expect(partFor(manifest, 'payment', known)).toBe(part);
  });

  it('when it is of another service, schema, or release, then it is refused in words', () => {
    expect(() => partFor(manifest, 'order', known)).toThrow('it holds nothing of order, only payment');
    const foreign = { ...manifest, services: [{ ...part, schema: 'other_payment' }] };
    expect(() => partFor(foreign, 'payment', known)).toThrow('is the schema other_payment, not shop_payment');
    expect(() => partFor(manifest, 'payment', [])).toThrow('1_init, which this release does not know: it is newer');
    const changed = [{ name: '1_init', checksum: 'z' }];
    expect(() => partFor(manifest, 'payment', changed)).toThrow("the backup is another shop's");
  });

  it('when the service had rested before the backup, then it is brought forward from its last event on', () => {
    expect(recoverFrom(manifest, part).toISOString()).toBe('2026-01-31T08:59:00.000Z');
    expect(recoverFrom(manifest, { ...part, lastHandledAt: null }).toISOString()).toBe('2026-01-31T09:59:00.000Z');
    const busy = { ...part, lastHandledAt: '2026-01-31T10:00:00.200Z' };
    expect(recoverFrom(manifest, busy).toISOString()).toBe('2026-01-31T09:59:00.000Z');
  });

  it('when a group of it was behind, then it is brought forward from before its first unread event on', () => {
    const busy = { ...part, lastHandledAt: '2026-01-31T10:00:00.200Z' };
    const from = (unreadSince: string | null) => recoverFrom(manifest, { ...busy, unreadSince }).toISOString();
    expect(from('2026-01-31T04:00:00.000Z')).toBe('2026-01-31T04:00:00.000Z');
    expect(from('2026-01-31T09:59:59.000Z')).toBe('2026-01-31T09:59:00.000Z');
    expect(from(null)).toBe('2026-01-31T09:59:00.000Z');
    expect(recoverFrom(manifest, part).toISOString()).toBe('2026-01-31T08:59:00.000Z');
  });
});
