// Loaded before a process's own code (`node --import`): shifts its wall clock by SHOP_CLOCK_SHIFT_MS, as if its machine
// had a wrong clock. `performance.now()` and timers measure durations and stay as they are.

const shiftMs = Number(process.env.SHOP_CLOCK_SHIFT_MS ?? 0);
const realNow = Date.now;
const now = (): number => realNow() + shiftMs;

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget: new () => Date) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  // Called without `new`, it gives the time as text.
  apply: (target) => new target(now()).toString(),
});
Date.now = now;
