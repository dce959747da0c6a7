import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { stackDir } from './paths.ts';
import { startInfra } from './stack.ts';

const name = `stamp-${randomUUID()}`;
afterEach(() => rmSync(stackDir(name), { recursive: true, force: true }));

describe('the brokers of a stack', () => {
  it('when its data is that of one broker, then three are refused, also after a start with other servers', async () => {
    mkdirSync(join(stackDir(name), 'kafka'), { recursive: true });
    writeFileSync(join(stackDir(name), 'kafka/brokers'), '1');
    const layout = { name, portOffset: 0, instances: 1, existing: { kafka: 'k1:9092' }, brokers: 1 };
    writeFileSync(join(stackDir(name), 'stack.json'), JSON.stringify({ layout, load: false }));
    await expect(startInfra({ name, portOffset: 0, parts: ['kafka'], brokers: 3 })).rejects.toThrow(
      'that of one broker',
    );
  });

  it('when brokers are named and some of our own are wanted too, then the start is refused', async () => {
    const existing = { kafka: 'k1:9092' };
    await expect(startInfra({ name, portOffset: 0, parts: ['kafka'], brokers: 3, existing })).rejects.toThrow(
      'KAFKA_BROKERS',
    );
  });
});
