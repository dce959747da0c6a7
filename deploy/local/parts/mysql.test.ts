import { describe, expect, it } from '@jest/globals';
import { keepsBinaryLog, settings } from './mysql.ts';

describe('the binary log of the local database', () => {
  it('when the binary log is asked for, then it is kept, and each commit synced', () => {
    expect(settings('mysql', '/data', 1, false, true)).toEqual(
      expect.arrayContaining(['--log-bin=binlog', '--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1']),
    );
    expect(settings('mysql', '/data', 1, false, true)).not.toContain('--skip-log-bin');
    expect(settings('mariadb', '/data', 1, false, true)).toContain('--binlog-format=ROW');
  });

  it('when the binary log is not asked for, then it is off', () => {
    expect(settings('mysql', '/data', 1, false, false)).toContain('--skip-log-bin');
    expect(settings('mysql', '/data', 1, false, false).join(' ')).not.toContain('sync-binlog');
    expect(keepsBinaryLog({})).toBe(false);
    expect(keepsBinaryLog({ MYSQL_BINLOG: 'off' })).toBe(false);
    expect(keepsBinaryLog({ MYSQL_BINLOG: 'on' })).toBe(true);
  });

  it('when the setting is neither on nor off, then it is refused', () => {
    expect(() => keepsBinaryLog({ MYSQL_BINLOG: 'yes' })).toThrow('must be on or off');
  });
});
