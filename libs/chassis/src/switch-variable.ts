import { z } from 'zod';

/** An on/off switch: `on`, `true`, `1`, `off`, `false`, `0`. */
export const switchVariable = z
  .enum(['on', 'off', 'true', 'false', '1', '0'])
  .transform((text) => text === 'on' || text === 'true' || text === '1');
