import { describe, expect, it } from '@jest/globals';
import { stackEnv } from '../../../deploy/local/addresses.ts';
import { sideEnv } from './sides.ts';

describe('the environment of a side', () => {
  it("when a side's environment is made, then it has no address of this terminal's stack", () => {
    const terminal = stackEnv({ name: 'dev', portOffset: 0, instances: 1, existing: {} });
    const { SHOP_TOOLS_DIR: _, ...rest } = sideEnv({}, { ...terminal, INTERNAL_KEYS: 'a:b', npm_lifecycle_event: 'x' });
    expect(rest).toEqual({});
  });

  it("when terminal and command line set other variables, then a side's environment has them", () => {
    const env = sideEnv({ LOG_LEVEL: 'info' }, { MYSQL_BINLOG: 'on', SHOP_DATABASE: 'mariadb', LOG_LEVEL: 'warn' });
    expect(env).toMatchObject({ MYSQL_BINLOG: 'on', SHOP_DATABASE: 'mariadb', LOG_LEVEL: 'info' });
  });
});
