import { beforeEach, describe, expect, it } from '@jest/globals';
import { createGate, type Gate, type Place, type Refusal } from './gate.ts';
import { createAdaptiveLimit } from './limit.ts';
import { createWaitingLine } from './waiting-line.ts';

let now = 0;
let served = 0;
beforeEach(() => {
  now = 0;
  served = 0;
});

function gateOf(places: number, { targetMs = 100, lateness = 0 } = {}): Gate {
  const limit = createAdaptiveLimit({ min: places, max: places, initial: places, targetMs });
  const line = createWaitingLine<Place>();
  return createGate({ limit, line, targetMs, now: () => now, lateness: () => lateness, served: () => served++ });
}

interface Client {
  readonly place: Place;
  fate: 'waiting' | 'in' | Refusal;
}

/** Asks for a place; a client with a place begins at once. */
function enter(gate: Gate, waits = false): Client {
  const place = gate.enter(waits);
  if (place === 'full') throw new Error('the line is full');
  const client: Client = { place, fate: place.waiting ? 'waiting' : 'in' };
  if (place.waiting)
    place.whenDecided((refusal) => {
      client.fate = refusal ?? 'in';
      if (!refusal) place.begin();
    });
  else place.begin();
  return client;
}

/** Lets time pass, like the gateway's timer. */
function pass(gate: Gate, ms: number): void {
  for (let i = 0; i < ms; i += 10) {
    now += 10;
    gate.turn();
  }
}

describe('places', () => {
  it('when all places are taken, then the next request waits until one is free', () => {
    const gate = gateOf(2);
    const [first, second, third] = [enter(gate), enter(gate), enter(gate)];
    expect([first?.fate, second?.fate, third?.fate]).toEqual(['in', 'in', 'waiting']);
    expect([gate.inFlight, gate.queued, served]).toEqual([2, 1, 2]);
    first?.place.answered(200);
    expect([third?.fate, gate.inFlight, gate.queued, served]).toEqual(['in', 2, 0, 3]);
    first?.place.leave();
    expect(gate.inFlight).toBe(2);
  });

  it('when no place comes free for 100 ms, then waiting requests are refused', () => {
    const gate = gateOf(1);
    enter(gate);
    const second = enter(gate);
    pass(gate, 90);
    expect(second.fate).toBe('waiting');
    pass(gate, 10);
    expect(second.fate).toBe('waited');
    expect([gate.inFlight, gate.queued]).toEqual([1, 0]);
  });

  it('when the line is standing, then the newest request is served first', () => {
    const gate = gateOf(1);
    const first = enter(gate);
    const old = enter(gate);
    pass(gate, 80);
    const older = enter(gate);
    pass(gate, 10);
    const newest = enter(gate);
    pass(gate, 10);
    first.place.answered(200);
    expect([old.fate, older.fate, newest.fate]).toEqual(['waited', 'waiting', 'in']);
  });

  it('when more wait than can be served in time, then the next request is refused at once', () => {
    const gate = gateOf(1);
    enter(gate);
    for (let i = 0; i < 10; i++) enter(gate);
    expect(gate.enter(false)).toBe('full');
    expect(gate.queued).toBe(10);
  });

  it('when a client leaves while it waits, then its request is never served', () => {
    const gate = gateOf(1);
    const first = enter(gate);
    const gone = enter(gate);
    const next = enter(gate);
    gone.place.leave();
    first.place.answered(200);
    expect([gone.fate, next.fate, gate.queued]).toEqual(['waiting', 'in', 0]);
  });

  it('when a request fails or its client leaves, then its place is free, once', () => {
    const gate = gateOf(3);
    const [failed, gone] = [enter(gate), enter(gate)];
    failed.place.failed();
    failed.place.leave();
    gone.place.leave();
    gone.place.leave();
    expect(gate.inFlight).toBe(0);
  });
});

describe('requests that are not work of the service', () => {
  it('when a request is slow to arrive, then its place goes to another, and it must enter again', () => {
    const gate = gateOf(1);
    const slow = gate.enter(false) as Place;
    const next = enter(gate);
    pass(gate, 50);
    expect([next.fate, slow.begin(), gate.inFlight]).toEqual(['in', false, 1]);
    slow.leave();
    expect(gate.inFlight).toBe(1);
  });

  it('when a request waits for an outcome, then it holds its place no longer than others do', () => {
    const gate = gateOf(1);
    const waits = enter(gate, true);
    pass(gate, 50);
    const next = enter(gate);
    pass(gate, 50);
    expect([next.fate, gate.inFlight]).toEqual(['in', 1]);
    waits.place.answered(201);
    waits.place.leave();
    expect(gate.inFlight).toBe(1);
  });

  it('when a service refuses by itself, then the place is not free at once', () => {
    const gate = gateOf(1);
    const refused = enter(gate);
    refused.place.answered(503);
    refused.place.leave();
    expect(gate.inFlight).toBe(1);
    pass(gate, 50);
    const next = enter(gate);
    pass(gate, 40);
    expect(next.fate).toBe('waiting');
    pass(gate, 10);
    expect(next.fate).toBe('in');
  });
});

describe('learning of the limit', () => {
  /** Ten requests that take `ms` and end with `status`, ten times over. @returns the limit afterwards */
  function limitAfter(status: number, ms: number, { waits = false, lateness = 0 } = {}): number {
    const limit = createAdaptiveLimit({ min: 5, max: 100, initial: 10, targetMs: 100 });
    const line = createWaitingLine<Place>();
    const gate = createGate({
      limit,
      line,
      targetMs: 100,
      now: () => now,
      lateness: () => lateness,
      served: () => undefined,
    });
    for (let turn = 0; turn < 10; turn++) {
      const clients = Array.from({ length: 10 }, () => gate.enter(waits)).filter((place) => place !== 'full');
      for (const place of clients) if (!place.waiting) place.begin();
      pass(gate, ms);
      for (const place of clients) {
        place.answered(status);
        place.leave();
      }
      pass(gate, 300);
    }
    return limit.current;
  }

  it('when work is quick, then the limit rises; when it is slow, it falls', () => {
    expect(limitAfter(200, 20)).toBeGreaterThan(11);
    expect(limitAfter(202, 300)).toBe(5);
  });

  it.each([401, 404, 409, 503])('when %i comes quickly, then the limit does not rise', (status) => {
    expect(limitAfter(status, 20)).toBe(10);
  });

  it('when requests wait for an outcome, then their time does not change the limit', () => {
    expect(limitAfter(201, 300, { waits: true })).toBe(10);
  });

  it("when this process itself is late, then the delay does not count as the service's", () => {
    expect(limitAfter(200, 120, { lateness: 60 })).toBeGreaterThan(11);
  });
});
