import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  CommitOutcomeUnknownError,
  createLogger,
  DatabaseUnavailableError,
  DomainError,
  OutageError,
} from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import { policyOf } from '../../test/examples.ts';
import { type Coupon, newCoupon } from '../domain/coupon.ts';
import type { IssueOutcome } from '../domain/issue.ts';
import type { Policy } from '../domain/policy.ts';
import { createAskForCoupon } from './ask-for-coupon.ts';
import type { Door, Entry, Knock } from './door.ts';
import type { QueuedIssue } from './issue-coupons.ts';
import { createDoorLoader } from './load-door.ts';
import { createPolicies } from './policies.ts';

const POLICY = policyOf({ totalQuantity: 2 });

let policy: Policy | undefined;
let entries: (Entry | Error)[];
let knocks: Knock[];
let removed: string[];
let loads: number;
let written: QueuedIssue[];
let write: (request: QueuedIssue) => Promise<IssueOutcome>;
let owned: () => Promise<Coupon | undefined>;
let generation: number;
let waiting: number;
let busy: boolean;

beforeEach(() => {
  policy = POLICY;
  entries = [];
  knocks = [];
  removed = [];
  loads = 0;
  written = [];
  generation = 0;
  waiting = 0;
  busy = false;
  write = async (request) => ({ kind: 'ISSUED', coupon: newCoupon(POLICY, request) });
  owned = async () => undefined;
});

function openBoth() {
  const door: Door = {
    get generation() {
      return generation;
    },
    async enter(knock) {
      knocks.push(knock);
      const entry = entries.shift();
      if (entry === undefined) throw new Error('nobody was to knock');
      if (entry instanceof Error) throw entry;
      return entry;
    },
    check: async () => {},
    confirm: async () => {},
    async remove(occupants) {
      removed.push(...occupants.map((it) => `${it.userId} ${it.value}`));
      return occupants.length;
    },
    open: async () => {
      loads++;
      return true;
    },
    summaries: async () => [],
    places: async () => new Map(),
  };
  return createAskForCoupon({
    policies: createPolicies(async () => policy),
    door,
    loader: createDoorLoader({ door, findHolders: async () => new Map() }),
    issues: {
      get waiting() {
        return waiting;
      },
      refusal: () => (busy ? new DomainError('SERVICE_UNAVAILABLE', 'Too many requests are waiting.') : undefined),
      submit: (request) => {
        written.push(request);
        return write(request);
      },
    },
    owned: { submit: () => owned() },
    maxWithoutDoor: 5,
    logger: createLogger({ service: 'coupon', level: 'silent' }),
  });
}

const open = () => openBoth().ask;
const request = (): QueuedIssue => ({ requestId: uuidv7(), userId: 7, couponPolicyId: 1 });
const place: Entry = { kind: 'PLACE', token: '?5' };
const away = new OutageError('redis is away');

it('when the schema was just recovered, then the door is believed only once this process has loaded it', async () => {
  const door = {
    generation: 0,
    check: async () => {},
    confirm: async () => {},
    open: async () => true,
  } as unknown as Door;
  const loader = createDoorLoader({ door, findHolders: async () => new Map(), believes: false });
  expect(loader.isCurrent(1)).toBe(false);
  await loader.load(policyOf());
  expect([loader.isCurrent(1), loader.isCurrent(2)]).toEqual([true, false]);
});

describe('a user admitted by the door', () => {
  it("when the door admits a user, then the writer's answer counts", async () => {
    entries = [place];
    expect(await open()(request())).toMatchObject({ outcome: { kind: 'ISSUED' }, way: 'database' });
    expect(removed).toEqual([]);
  });

  it('when the policy has just ended, then the place is given back, and the policy is read again', async () => {
    const ask = open();
    entries = [place];
    write = async () => {
      policy = policyOf({ totalQuantity: 2, endedAt: new Date() });
      return { kind: 'ENDED' };
    };
    expect(await ask(request())).toMatchObject({ outcome: { kind: 'ENDED' }, way: 'database' });
    expect(removed).toEqual(['7 ?5']);
    entries = [{ kind: 'NONE' }, { kind: 'SOLD_OUT' }];
    expect(await ask(request())).toEqual({ outcome: { kind: 'ENDED' }, way: 'database' });
    expect(await ask(request())).toEqual({ outcome: { kind: 'ENDED' }, way: 'door' });
    expect(knocks.map((it) => it.take)).toEqual([true, false, false]);
    expect(written).toHaveLength(1);
  });

  it('when nothing was written, then the place is given back', async () => {
    entries = [place];
    write = () => Promise.reject(new DatabaseUnavailableError('away'));
    await expect(open()(request())).rejects.toThrow('away');
    expect(removed).toEqual(['7 ?5']);
  });

  it('when it is unknown whether the coupon was written, then the place is kept', async () => {
    entries = [{ kind: 'PENDING', token: '?5' }];
    write = () => Promise.reject(new CommitOutcomeUnknownError('cut off'));
    await expect(open()(request())).rejects.toThrow('cut off');
    expect(removed).toEqual([]);
  });

  it('when the door admits a user although none is left, then the place is given back, and the door is loaded again', async () => {
    entries = [place, { kind: 'SOLD_OUT' }];
    write = async () => ({ kind: 'SOLD_OUT' });
    const ask = open();
    expect((await ask(request())).outcome.kind).toBe('SOLD_OUT');
    expect(removed).toEqual(['7 ?5']);
    expect(loads).toBe(1);
    expect((await ask(request())).outcome.kind).toBe('SOLD_OUT');
    expect(knocks.map((it) => it.take)).toEqual([true, false]);
    expect(written).toHaveLength(1);
  });
});

it("when the machine's clock is set back, then a door that lets too many in is loaded again a second later", async () => {
  jest.useFakeTimers();
  try {
    policy = { ...POLICY, issuedCount: 2 };
    entries = [{ kind: 'NONE' }, { kind: 'NONE' }, { kind: 'NONE' }];
    const ask = open();
    await ask(request());
    jest.setSystemTime(Date.now() - 3_600_000);
    await ask(request());
    expect(loads).toBe(1);
    jest.advanceTimersByTime(1_000);
    await ask(request());
    expect(loads).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});

describe('the door', () => {
  it('when the door says sold out, then the request ends there', async () => {
    entries = [{ kind: 'SOLD_OUT' }];
    expect(await open()(request())).toEqual({ outcome: { kind: 'SOLD_OUT' }, way: 'door' });
    expect(written).toEqual([]);
  });

  it('when the door does not know the policy, then it is loaded and asked again', async () => {
    entries = [{ kind: 'NOT_LOADED' }, place];
    expect((await open()(request())).outcome.kind).toBe('ISSUED');
    expect(loads).toBe(1);
  });

  it('when a write to the door may be lost, then the door is loaded again before it is believed', async () => {
    entries = [place, place, place];
    const ask = open();
    await ask(request());
    generation++;
    await ask(request());
    await ask(request());
    expect(loads).toBe(1);
  });

  it('when the door names a coupon that the database lacks, then the door is corrected, and the writer decides', async () => {
    const couponId = uuidv7();
    entries = [{ kind: 'HOLDS', couponId }];
    expect((await open()(request())).outcome.kind).toBe('ISSUED');
    expect(removed).toEqual([`7 ${couponId}`]);
  });

  it('when the database is away, then the door answers for a coupon', async () => {
    const couponId = uuidv7();
    entries = [{ kind: 'HOLDS', couponId }];
    owned = () => Promise.reject(new DatabaseUnavailableError('away'));
    expect((await open()(request())).outcome).toMatchObject({ kind: 'OWNED', coupon: { couponId, userId: 7 } });
  });

  it('when too many ask whether they have one, or wait too long for it, then the door answers for a coupon', async () => {
    const couponId = uuidv7();
    entries = [{ kind: 'HOLDS', couponId }];
    owned = () => Promise.reject(new DomainError('SERVICE_UNAVAILABLE', 'Too many requests are waiting.'));
    expect(await open()(request())).toMatchObject({ outcome: { kind: 'OWNED', coupon: { couponId } }, way: 'door' });
  });

  it('when the door is away, then requests go without it, up to a limit', async () => {
    entries = [away, away];
    const ask = open();
    expect(await ask(request())).toMatchObject({ outcome: { kind: 'ISSUED' }, way: 'database' });
    waiting = 5;
    await expect(ask(request())).rejects.toThrow('Too many');
  });

  it('when the door is away and the policy is sold out, then the database answers without a lock', async () => {
    policy = { ...POLICY, issuedCount: 2 };
    entries = [away, away];
    const ask = open();
    expect((await ask(request())).outcome.kind).toBe('SOLD_OUT');
    const coupon = newCoupon(POLICY, request());
    owned = async () => coupon;
    expect((await ask(request())).outcome).toEqual({ kind: 'OWNED', coupon });
    expect(written).toEqual([]);
  });
});

describe('requests while the writer is busy', () => {
  it('when only the writer could answer, then the user is refused at once without a place; otherwise the door answers', async () => {
    busy = true;
    const couponId = uuidv7();
    const coupon = newCoupon(POLICY, { requestId: couponId, userId: 7 });
    owned = async () => coupon;
    entries = [
      { kind: 'NONE' },
      { kind: 'PENDING', token: '?5' },
      away,
      { kind: 'SOLD_OUT' },
      { kind: 'HOLDS', couponId },
    ];
    const ask = open();
    for (let n = 1; n <= 3; n++) await expect(ask(request())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect((await ask(request())).outcome.kind).toBe('SOLD_OUT');
    expect((await ask(request())).outcome).toEqual({ kind: 'OWNED', coupon });
    expect(knocks.map((it) => it.take)).toEqual([false, false, false, false, false]);
    // The earlier request keeps its place.
    expect([written, removed]).toEqual([[], []]);
  });

  it('when the writer is busy and the policy is sold out, then users are told so all the same', async () => {
    busy = true;
    policy = { ...POLICY, issuedCount: 2 };
    entries = [{ kind: 'NONE' }, away];
    const ask = open();
    for (let n = 1; n <= 2; n++) expect((await ask(request())).outcome.kind).toBe('SOLD_OUT');
  });
});

describe('policies that are not open', () => {
  it('when a policy does not exist, then the user is told so; when it has not begun, then the door is not asked', async () => {
    policy = undefined;
    expect((await open()(request())).outcome.kind).toBe('NO_POLICY');
    policy = { ...POLICY, startsAt: new Date(Date.now() + 60_000) };
    expect((await open()(request())).outcome.kind).toBe('NOT_OPEN');
    expect(knocks).toEqual([]);
  });

  it('when a policy is over, then the door only looks, so that a holder is shown the coupon', async () => {
    policy = { ...POLICY, endsAt: new Date(Date.now() - 1_000) };
    entries = [{ kind: 'NONE' }, { kind: 'SOLD_OUT' }];
    const ask = open();
    expect((await ask(request())).outcome.kind).toBe('NOT_OPEN');
    expect((await ask(request())).outcome.kind).toBe('NOT_OPEN');
    expect(knocks.map((it) => it.take)).toEqual([false, false]);
  });
});

describe('a request over the log', () => {
  it('when coupons may be left, then the request goes over the log, and takes no place', async () => {
    entries = [{ kind: 'NONE' }, away, { kind: 'HOLDS', couponId: uuidv7() }];
    const { askBeforeLog } = openBoth();
    for (let n = 1; n <= 3; n++) expect(await askBeforeLog(request())).toBeUndefined();
    expect(knocks.map((it) => it.take)).toEqual([false, false, false]);
  });

  it('when the door says sold out, then the request is told so at once', async () => {
    entries = [{ kind: 'SOLD_OUT' }];
    expect(await openBoth().askBeforeLog(request())).toEqual({ outcome: { kind: 'SOLD_OUT' }, way: 'door' });
  });

  it('when the database has given all away, then the request is told so, with the door or without', async () => {
    policy = { ...POLICY, issuedCount: 2 };
    entries = [{ kind: 'NONE' }, away];
    const { askBeforeLog } = openBoth();
    expect((await askBeforeLog(request()))?.outcome.kind).toBe('SOLD_OUT');
    expect((await askBeforeLog(request()))?.outcome.kind).toBe('SOLD_OUT');
    const couponId = uuidv7();
    entries = [{ kind: 'HOLDS', couponId }];
    const coupon = newCoupon(POLICY, { requestId: couponId, userId: 7 });
    owned = async () => coupon;
    expect((await askBeforeLog(request()))?.outcome).toEqual({ kind: 'OWNED', coupon });
  });

  it('when nothing is issued now, then the request is answered like any other', async () => {
    policy = undefined;
    expect((await openBoth().askBeforeLog(request()))?.outcome.kind).toBe('NO_POLICY');
    policy = { ...POLICY, startsAt: new Date(Date.now() + 60_000) };
    expect((await openBoth().askBeforeLog(request()))?.outcome.kind).toBe('NOT_OPEN');
    expect(knocks).toEqual([]);
  });
});
