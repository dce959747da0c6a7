import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createLogger } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { policyOf } from '../../test/examples.ts';
import { createDoorman } from '../usecases/doorman.ts';
import { createDoorLoader } from '../usecases/load-door.ts';
import { createRedisDoor } from './door.ts';

const policy = policyOf();
const COUPON_ID = '0199c0de-0000-7000-8000-000000000001';
const REST_MS = 500;

let state: 'well' | 'full' | 'away';
let asked: string[];
let readings: number;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  state = 'well';
  asked = [];
  readings = 0;
});
afterEach(() => {
  jest.useRealTimers();
});

/** A Redis that is well, refuses to write, or refuses everything. */
function createServer(): Redis {
  const answer = async <T>(command: string, isWrite: boolean, value: T): Promise<T> => {
    asked.push(command);
    if (state === 'away' || (state === 'full' && isWrite)) throw new Error(`redis is ${state}`);
    return value;
  };
  return Object.assign(new EventEmitter(), {
    status: 'ready',
    defineCommand() {},
    ping: () => answer('ping', false, 'PONG'),
    pipeline: () => ({ hset() {}, exec: () => answer('hset', true, []) }),
    couponEnter: () => answer('enter', true, [COUPON_ID]),
    couponOpen: () => answer('open', true, 1),
  }) as unknown as Redis;
}

function openDoor() {
  const door = createRedisDoor({ redis: createServer() });
  const loader = createDoorLoader({
    door,
    async findHolders() {
      readings++;
      return new Map([[7, COUPON_ID]]);
    },
  });
  const doorman = createDoorman({ door, loader, logger: createLogger({ service: 'coupon', level: 'silent' }) });
  return async (times: number) => {
    const entries = [];
    for (let n = 0; n < times; n++) entries.push(await doorman.knock(policy, 7, true));
    return entries;
  };
}

it('when Redis is away, then no request reads the holders, and Redis is asked once a rest, until it is back', async () => {
  const knock = openDoor();
  state = 'away';
  expect(new Set(await knock(20))).toEqual(new Set([undefined]));
  expect([asked, readings]).toEqual([['enter'], 0]);

  jest.advanceTimersByTime(REST_MS);
  expect(new Set(await knock(20))).toEqual(new Set([undefined]));
  expect([asked, readings]).toEqual([['enter', 'ping'], 0]);

  state = 'well';
  jest.advanceTimersByTime(REST_MS);
  expect(await knock(2)).toEqual(Array(2).fill({ kind: 'HOLDS', couponId: COUPON_ID }));
  expect(asked.slice(2)).toEqual(['ping', 'hset', 'open', 'enter', 'enter']);
  expect(readings).toBe(1);
});

it('when Redis answers but takes no writes, then the holders are read at most once a rest', async () => {
  const knock = openDoor();
  state = 'full';
  await knock(20);
  expect(readings).toBe(0);
  jest.advanceTimersByTime(REST_MS);
  await knock(20);
  expect([asked, readings]).toEqual([['enter', 'ping', 'hset'], 1]);
});
