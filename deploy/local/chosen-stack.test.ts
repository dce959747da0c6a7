import { describe, expect, it } from '@jest/globals';
import { chosenStack } from './chosen-stack.ts';
import { linesOf, restartPause } from './supervisor.ts';

describe('the stack of this terminal', () => {
  it('is dev on the ports of the topology', () => {
    expect(chosenStack({})).toEqual({ name: 'dev', portOffset: 0 });
  });

  it('is what the environment says', () => {
    expect(chosenStack({ SHOP_STACK: 'mine', SHOP_PORT_OFFSET: '2000' })).toEqual({ name: 'mine', portOffset: 2000 });
  });

  it.each([{ SHOP_PORT_OFFSET: 'x' }, { SHOP_PORT_OFFSET: '-1' }, { SHOP_STACK: '../etc' }, { SHOP_STACK: 'tools' }])(
    'is refused in words for %j',
    (env) => expect(() => chosenStack(env)).toThrow(/^SHOP_/),
  );

  it('refuses ports that HTTP clients refuse to call, naming the service', () => {
    expect(() => chosenStack({ SHOP_PORT_OFFSET: '3000' })).toThrow(/gateway on port 6000/);
    expect(chosenStack({ SHOP_PORT_OFFSET: '3500' }).portOffset).toBe(3500);
  });
});

describe('the pause before a restart', () => {
  it('doubles, up to half a minute', () => {
    expect([0, 1, 2, 10].map(restartPause)).toEqual([500, 1000, 2000, 30_000]);
  });
});

describe('what a process wrote right before it ended', () => {
  const since = Date.parse('2026-01-01T00:00:10Z');
  const line = (second: number, msg: string) =>
    `{"level":"info","time":"2026-01-01T00:00:${second}.000Z","msg":"${msg}"}`;

  it('is its last lines with what belongs to them, and nothing of its start', () => {
    const text = [line(11, 'old'), '  at old.ts', line(12, 'new'), 'Error: new', '  at new.ts'].join('\n');
    expect(linesOf(text, since + 2_000)).toEqual([line(12, 'new'), 'Error: new', '  at new.ts']);
  });

  it('is nothing where it was killed', () => expect(linesOf(line(11, 'old'), since + 2_000)).toEqual([]));

  it('is all of it where it tells no times', () => expect(linesOf('a\nb', since)).toEqual(['a', 'b']));
});
