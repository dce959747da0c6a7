import { describe, expect, it } from '@jest/globals';
import { chosenStack } from './chosen-stack.ts';
import { linesOf, restartPause } from './supervisor.ts';

describe('the stack of this terminal', () => {
  it('when the environment says nothing, then the stack is dev on the ports of the topology', () => {
    expect(chosenStack({})).toEqual({ name: 'dev', portOffset: 0 });
  });

  it('when the environment names a stack and an offset, then these are used', () => {
    expect(chosenStack({ SHOP_STACK: 'mine', SHOP_PORT_OFFSET: '2000' })).toEqual({ name: 'mine', portOffset: 2000 });
  });

  it.each([{ SHOP_PORT_OFFSET: 'x' }, { SHOP_PORT_OFFSET: '-1' }, { SHOP_STACK: '../etc' }, { SHOP_STACK: 'tools' }])(
    'when the environment is %j, then it is refused in words',
    (env) => expect(() => chosenStack(env)).toThrow(/^SHOP_/),
  );

  it('when a port is one that HTTP clients refuse to call, then it is refused, naming the service', () => {
    expect(() => chosenStack({ SHOP_PORT_OFFSET: '3000' })).toThrow(/gateway on port 6000/);
    expect(chosenStack({ SHOP_PORT_OFFSET: '3500' }).portOffset).toBe(3500);
  });
});

describe('the pause before a restart', () => {
  it('when failures repeat, then the pause before a restart doubles, up to half a minute', () => {
    expect([0, 1, 2, 10].map(restartPause)).toEqual([500, 1000, 2000, 30_000]);
  });
});

describe('the last words of a process', () => {
  const since = Date.parse('2026-01-01T00:00:10Z');
  const line = (second: number, msg: string) =>
    `{"level":"info","time":"2026-01-01T00:00:${second}.000Z","msg":"${msg}"}`;

  it('when a process wrote right before its end, then these lines with their continuations are shown, and no older ones', () => {
    const text = [line(11, 'old'), '  at old.ts', line(12, 'new'), 'Error: new', '  at new.ts'].join('\n');
    expect(linesOf(text, since + 2_000)).toEqual([line(12, 'new'), 'Error: new', '  at new.ts']);
  });

  it('when a process was killed, then nothing is shown', () =>
    expect(linesOf(line(11, 'old'), since + 2_000)).toEqual([]));

  it('when lines have no times, then all of them are shown', () => expect(linesOf('a\nb', since)).toEqual(['a', 'b']));
});
