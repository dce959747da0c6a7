/**
 * Clients that follow orders: a separate process, so that the cost of thousands of connections is measured apart. Its
 * parent sends it tasks. It shares its clock with the services, since they run on the same machine.
 */
import { randomUUID } from 'node:crypto';
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { build as buildHistogram } from 'hdr-histogram-js';
import { Pool } from 'undici';
import { createLatency } from './latency.ts';
import { seeded } from './profiles.ts';
import type { FollowersCommand, FollowersMessage, FollowersPlan, Told } from './streams-plan.ts';

/** Steps of an order that ends normally here: created, reserved, paid or its coupon rejected, ended. */
const STEPS = 4;
/** Orders placed and streams opened at once during preparation. */
const AT_ONCE = 64;
const LAST_EVENT = /"type":"order-(?:completed|cancelled)","happenedAt":"([^"]+)"/;
const EVENT = /^event: order$/gm;

interface PlacedOrder {
  readonly orderId: string;
  readonly userId: number;
}

/** Results of one kind of streams: times and failures. */
function createTally() {
  const end = createLatency(buildHistogram);
  const failures = new Map<string, number>();
  let streams = 0;
  let late = 0;
  return {
    entered: () => void streams++,
    told: (ms: number) => end.record(ms),
    late: () => void late++,
    failed: (why: string) => void failures.set(why, (failures.get(why) ?? 0) + 1),
    sum: (): Told => ({ streams, end: end.summary(), late, failures: Object.fromEntries(failures) }),
  };
}
type Tally = ReturnType<typeof createTally>;

function createFollowers({ gateway, users, products, ...plan }: FollowersPlan) {
  const placing = new Pool(gateway, { connections: AT_ONCE });
  const agent = new Agent({ keepAlive: false });
  const random = seeded(1);
  const held = createTally();
  const heldEnds: Promise<void>[] = [];

  async function place(couponId?: string): Promise<PlacedOrder> {
    const userId = 1 + Math.floor(random() * users);
    const productId = products[Math.floor(random() * products.length)] ?? 1;
    const body = JSON.stringify({ userId, items: [{ productId, quantity: 1 }], ...(couponId ? { couponId } : {}) });
    const headers = { 'content-type': 'application/json' };
    const answer = await placing.request({ method: 'POST', path: '/orders', headers, body });
    const order = (await answer.body.json()) as PlacedOrder & { code?: string };
    if (answer.statusCode !== 202) throw new Error(`an order was answered ${answer.statusCode} ${order.code}`);
    return order;
  }

  /** Resolves once the stream is open, with the promise of its end. */
  function follow({ orderId, userId }: PlacedOrder, tally: Tally): Promise<{ over: Promise<void> }> {
    tally.entered();
    return new Promise((opened) => {
      let settle: () => void = () => undefined;
      const over = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const request = get(new URL(`/orders/${orderId}/events?userId=${userId}`, gateway), { agent });
      const failed = (why: string) => {
        tally.failed(why);
        settle();
        opened({ over });
      };
      request.once('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
      request.once('response', (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          failed(`status ${response.statusCode}`);
          return;
        }
        read(response, Date.now(), tally, settle);
        opened({ over });
      });
    });
  }

  return {
    held,
    /**
     * Holds orders open: each names a coupon and so waits for the coupon service, which is stopped. Each has a stream.
     */
    async open(): Promise<Told> {
      let left = plan.open;
      const worker = async () => {
        while (left-- > 0) heldEnds.push((await follow(await place(randomUUID()), held)).over);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return held.sum();
    },
    async live(): Promise<Told> {
      const { perSecond, seconds } = plan.live;
      const tally = createTally();
      const began = performance.now();
      const following: Promise<unknown>[] = [];
      for (let n = 0; n < perSecond * seconds; n++) {
        await sleep(began + (n * 1_000) / perSecond - performance.now());
        const one = place().then((order) => follow(order, tally));
        following.push(one.then(({ over }) => over).catch((error: Error) => tally.failed(error.message)));
      }
      await Promise.all(following);
      return tally.sum();
    },
    async released(): Promise<Told> {
      await Promise.all(heldEnds);
      return held.sum();
    },
    close: () => placing.close(),
  };
}

function read(response: IncomingMessage, openedAt: number, tally: Tally, settle: () => void): void {
  let steps = 0;
  let endedAt: number | undefined;
  let rest = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const text = rest + chunk;
    const whole = text.lastIndexOf('\n\n') + 2;
    rest = text.slice(whole);
    const events = text.slice(0, whole);
    steps += events.match(EVENT)?.length ?? 0;
    const last = LAST_EVENT.exec(events)?.[1];
    if (last === undefined) return;
    endedAt = Date.parse(last);
    if (endedAt < openedAt) tally.late();
    else tally.told(Date.now() - endedAt);
  });
  response.on('error', () => undefined);
  response.once('close', () => {
    if (!response.complete) tally.failed('broken');
    else if (endedAt === undefined) tally.failed('without its end');
    else if (steps !== STEPS) tally.failed('a step is missing');
    settle();
  });
}

let followers: ReturnType<typeof createFollowers> | undefined;

async function obey(command: FollowersCommand): Promise<void> {
  if (command.kind === 'open') followers = createFollowers(command.plan);
  const told = await followers?.[command.kind]();
  if (told)
    process.send?.({ kind: command.kind === 'open' ? 'opened' : command.kind, told } satisfies FollowersMessage);
}

process.on('message', (command: FollowersCommand) => {
  obey(command).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.once('disconnect', () => process.exit(0));
