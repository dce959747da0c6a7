import { median } from './percentiles.ts';

/** A rate that was tried. */
export interface RampTrial {
  readonly rate: number;
  readonly held: boolean;
  /** Why the rate did not hold, in words. */
  readonly reason?: string | undefined;
  /** True when others used so much of the machine that a failure says little. */
  readonly disturbed?: boolean | undefined;
}

export interface RampOptions {
  /** The first rate, a second. */
  readonly from: number;
  /** Factor from one rate to the next. */
  readonly factor?: number;
  /** Most rates tried upwards, or downwards when the first does not hold. */
  readonly most?: number;
}

const RAMP_FACTOR = 1.25;

/**
 * Finds the highest rate that holds, quickly: upwards by a quarter each time until a rate fails twice in a row, then
 * once the middle between the last held rate and the failed one. If the first rate does not hold, downwards until one
 * does. A failure while others used the machine counts half.
 * @returns 0 when no rate held
 */
export async function ramp<T extends RampTrial>(
  { from, factor = RAMP_FACTOR, most = 24 }: RampOptions,
  trial: (rate: number) => Promise<T>,
): Promise<{ held: number; trials: T[] }> {
  const trials: T[] = [];
  const attempt = async (rate: number, times: number): Promise<boolean> => {
    for (let failures = 0; failures < times; ) {
      const result = await trial(rate);
      trials.push(result);
      if (result.held) return true;
      failures += result.disturbed ? 0.5 : 1;
    }
    return false;
  };
  let low = 0;
  let high = 0;
  for (let rate = from, tried = 0; tried < most && (low === 0 || high === 0) && rate >= 1; tried++) {
    const rounded = Math.round(rate);
    if (await attempt(rounded, 2)) low = rounded;
    else high = rounded;
    rate = high > 0 ? rate / factor : rate * factor;
  }
  const middle = Math.round((low + high) / 2);
  if (low > 0 && high > 0 && middle > low && (await attempt(middle, 1))) low = middle;
  return { held: low, trials };
}

/**
 * The first rate of a side's ramp in a pair: two steps below the rate it held before, shifted by a part of a step from
 * pair to pair, so that the pairs do not all try the same few rates.
 * @param before held rates of earlier pairs; empty at first
 */
export function startOfRamp(usual: number, before: readonly number[], pair: number, pairs: number): number {
  const held = before.filter((rate) => rate > 0);
  const shift = RAMP_FACTOR ** (pair / pairs);
  return Math.round((held.length > 0 ? median(held) / RAMP_FACTOR ** 3 : usual) * shift);
}
