import { DomainError, type Logger } from '@shop/chassis';
import type { Waiters } from '@shop/events';
import type { OrderView } from './order-view.ts';

/** Interval of looks at other instances' changes of watched orders, ms. */
const LOOK_MS = 250;

/** One step of an order, in the form shown to its user. */
export interface OrderStep {
  /** 1, 2, 3 … within the order. */
  readonly seq: number;
  readonly eventId: string;
  readonly type: string;
  readonly happenedAt: Date;
}

/** An order and its steps. The order is never older than the last step; it may be newer. */
export interface OrderProgress {
  readonly order: OrderView;
  /** The number of steps of the order in this state. */
  readonly version: number;
  readonly steps: readonly OrderStep[];
}

/** A follower of one order. */
export interface OrderWatch {
  /** The order in its present state. The follower is told every change made after this call. */
  read(): Promise<OrderProgress | undefined>;
  /** Calls `tell` whenever the order may have changed since `read`, possibly without anything new. */
  follow(tell: (progress: OrderProgress) => void): void;
  stop(): void;
}

export interface OrderWatches {
  /** Registers at once, so that no step is missed between reading the order and following it. */
  open(orderId: string): OrderWatch;
  /** Called with orders that have just changed in this process. */
  wake(orderIds: readonly string[]): void;
  /** Number of watched orders. */
  readonly orders: number;
  /** Ends all watching: no follower is told anything any more. */
  close(): void;
}

export interface OrderWatchesOptions {
  /** Report other instances' events. */
  readonly waiters: Pick<Waiters, 'listen'>;
  /** Should be batched: a thousand orders may be read at the same moment. */
  readonly read: (orderId: string) => Promise<OrderProgress | undefined>;
  /** The versions of many orders, in one query. */
  readonly readVersions: (orderIds: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  readonly failed: (error: unknown) => void;
}

/** Logs that watched orders could not be read. The batcher counts a refusal under load, which is not logged. */
export function createLogUnread(logger: Pick<Logger, 'warn'>): OrderWatchesOptions['failed'] {
  return (error) => {
    if (error instanceof DomainError) return;
    logger.warn({ err: error }, 'followed orders cannot be read; followers are told later');
  };
}

/** All watchers of one order, who share each reading of it. */
interface Room {
  readonly orderId: string;
  readonly watches: Set<Watch>;
  readonly leaveLog: () => void;
  /** Every follower has been told the steps up to here, or is about to be. */
  version: number;
  reading: boolean;
  /** The order changed again while it was being read. */
  again: boolean;
}

interface Watch {
  tell: ((progress: OrderProgress) => void) | undefined;
  /** True when a change came before the watch followed. */
  missed: boolean;
}

/** Everything watched here, and the next look at it. */
interface Work extends OrderWatchesOptions {
  readonly rooms: Map<string, Room>;
  timer: NodeJS.Timeout | undefined;
  looking: boolean;
  closed: boolean;
}

/**
 * Tells every change of a watched order. Wake-ups by this process's commits and by the log are hints, for speed.
 * Certainty comes from a look at all watched orders every 250 ms, in one query. Without watchers there is no timer and
 * no query.
 */
export function createOrderWatches(options: OrderWatchesOptions): OrderWatches {
  const work: Work = { ...options, rooms: new Map(), timer: undefined, looking: false, closed: false };
  const { rooms, read } = work;
  return {
    open(orderId) {
      const watch: Watch = { tell: undefined, missed: false };
      const room = enter(work, orderId, watch);
      return {
        async read() {
          const progress = await read(orderId);
          if (progress) tell(room, progress, watch);
          return progress;
        },
        follow(follower) {
          watch.tell = follower;
          if (watch.missed || room.again) wake(work, orderId);
        },
        stop: () => leave(work, room, watch),
      };
    },
    wake(orderIds) {
      if (rooms.size > 0) for (const orderId of orderIds) wake(work, orderId);
    },
    get orders() {
      return rooms.size;
    },
    close() {
      work.closed = true;
      clearTimeout(work.timer);
    },
  };
}

function enter(work: Work, orderId: string, watch: Watch): Room {
  const { rooms, waiters } = work;
  let room = rooms.get(orderId);
  if (!room) {
    const leaveLog = waiters.listen(orderId, () => wake(work, orderId));
    room = { orderId, watches: new Set(), leaveLog, version: 0, reading: false, again: false };
    rooms.set(orderId, room);
    lookLater(work);
  }
  room.watches.add(watch);
  return room;
}

function leave(work: Work, room: Room, watch: Watch): void {
  if (!room.watches.delete(watch) || room.watches.size > 0) return;
  room.leaveLog();
  work.rooms.delete(room.orderId);
  if (work.rooms.size > 0) return;
  clearTimeout(work.timer);
  work.timer = undefined;
}

function wake(work: Work, orderId: string): void {
  const room = work.rooms.get(orderId);
  if (!room) return;
  room.again = true;
  if (!room.reading) void refresh(work, room);
}

async function refresh(work: Work, room: Room): Promise<void> {
  room.reading = true;
  try {
    while (room.again && room.watches.size > 0 && !work.closed) {
      room.again = false;
      const progress = await work.read(room.orderId);
      if (progress) tell(room, progress);
    }
  } catch (error) {
    // The next look reads it again.
    room.version = 0;
    work.failed(error);
  } finally {
    room.reading = false;
  }
}

/** Tells all watchers but `reader`, who has it already. */
function tell(room: Room, progress: OrderProgress, reader?: Watch): void {
  const last = progress.steps.at(-1)?.seq ?? 0;
  room.version = Math.max(room.version, last);
  // A step was committed between reading the steps and reading the order.
  if (last < progress.version) room.again = true;
  for (const watch of room.watches) {
    if (watch === reader) continue;
    if (watch.tell) watch.tell(progress);
    else watch.missed = true;
  }
}

function lookLater(work: Work): void {
  if (work.rooms.size > 0 && !work.looking && !work.closed) work.timer ??= setTimeout(() => void look(work), LOOK_MS);
}

/** Wakes the rooms whose orders have changed without a wake-up. */
async function look(work: Work): Promise<void> {
  const { rooms, readVersions, failed } = work;
  work.timer = undefined;
  work.looking = true;
  try {
    const versions = await readVersions([...rooms.keys()]);
    for (const room of rooms.values()) {
      if ((versions.get(room.orderId) ?? 0) > room.version) wake(work, room.orderId);
    }
  } catch (error) {
    failed(error);
  } finally {
    work.looking = false;
    lookLater(work);
  }
}
